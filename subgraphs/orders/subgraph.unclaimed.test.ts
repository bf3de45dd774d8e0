import { describe, expect, test } from 'vitest'
import { uuidv7 } from '#platform/ids.ts'
import { until } from '../../tests/setup/until.ts'
import { aCustomer, aService } from '../../tests/setup/viewers.ts'
import { UNCAPTURABLE } from './buying.fixture.ts'
import { shopForTests } from './shop.fixture.ts'
import { releaseUnclaimed } from './unclaimed.ts'

const { shop, at } = await shopForTests()

/** Runs the payments' reconciler a while later. */
const reconcile = async () => {
  const { subgraph, ownContext } = shop.part('payments')
  const job = subgraph.jobs!.find(({ name }) => name === 'reconcile')!
  const later = new Date(Date.now() + 20 * 60_000)
  await job.run({ ...ownContext(), now: () => later })
}
const statusOf = async (checkoutId: string) =>
  (await at.sql<{ status: string }>('select status from payments.payments where checkout_id = $1', checkoutId)).map(
    ({ status }) => status,
  )

describe('money that nobody claims', () => {
  test('is given back when its checkout ended without an order, and stays when the order stands', async () => {
    const buyer = aCustomer()
    const left = await at.checkoutOf(buyer)
    const { checkoutId } = left.input
    await at.mutate(
      'payments',
      aService('orders'),
      'paymentAuthorize',
      {
        checkoutId,
        attempt: 1,
        orderId: uuidv7(),
        customerId: buyer.id,
        amount: left.input.expectedTotal,
        paymentToken: left.input.paymentToken,
        idempotencyKey: uuidv7(),
      },
      'payment { id }',
    )
    const held = await at.checkoutOf(aCustomer(), undefined, UNCAPTURABLE)
    await at.complete(held.buyer, held.input)
    expect([await statusOf(checkoutId), await statusOf(held.input.checkoutId)]).toEqual([
      ['AUTHORIZED'],
      ['AUTHORIZED'],
    ])

    await shop.work()
    await reconcile()
    await until(async () => (await statusOf(checkoutId))[0] === 'VOIDED')
    await releaseUnclaimed(shop.part('orders').ownContext(), { checkoutId: held.input.checkoutId, attempt: 1 })
    expect(await statusOf(held.input.checkoutId)).toEqual(['AUTHORIZED'])
    expect(await at.broken()).toEqual([])
  })
})
