import { afterEach, expect, test } from 'vitest'
import { uuidv7 } from '#platform/ids.ts'
import { aCustomer, aGuest, staffWith } from '../../tests/setup/viewers.ts'
import { BOUGHT, codes, DECLINED, MUG, NOTHING } from './buying.fixture.ts'
import { shopForTests } from './shop.fixture.ts'

const { shop, at } = await shopForTests()
afterEach(async () => expect(await at.broken()).toEqual([]))

/** An offer that applies by itself from now on, instead of any other. */
const offer = async (limits: object): Promise<string> => {
  await at.sql(`update cart.promotions set is_active = false`)
  const input = { name: 'Ten off', kind: 'PERCENT_OFF', percentOff: '10', isActive: true, ...limits }
  const staff = staffWith('promotions:manage')
  return (await at.mutate('cart', staff, 'promotionUpsert', input, 'promotion { id } userErrors { code field }'))
    .promotion.id
}
const usesOf = async (id: string) =>
  (await at.sql<{ uses: number }>(`select usage_count as uses from cart.promotions where id = $1`, id))[0]!.uses

test('a purchase counts the use of what took something off; one that is declined gives it back', async () => {
  const id = await offer({ usageLimit: 5 })
  const paid = await at.checkoutOf(aGuest())
  expect(await at.complete(paid.buyer, paid.input)).toMatchObject({ checkout: { status: 'COMPLETED' }, userErrors: [] })
  expect(await usesOf(id)).toBe(1)
  const declined = await at.checkoutOf(aGuest(), [[MUG, 1]], DECLINED)
  expect(codes(await at.complete(declined.buyer, declined.input))).toEqual(['PAYMENT_DECLINED'])
  expect(await usesOf(id)).toBe(1)
})

test('four buyers of an offer for one: one has it, and the others pay nothing', async () => {
  const id = await offer({ usageLimit: 1 })
  const all: Awaited<ReturnType<typeof at.checkoutOf>>[] = []
  for (let count = 0; count < 4; count += 1) all.push(await at.checkoutOf(count % 2 ? aGuest() : aCustomer()))
  const answers = await Promise.all(all.map(({ buyer, input }) => at.complete(buyer, input)))
  const losers = answers.flatMap((answer, index) => (answer.order ? [] : [{ answer, ...all[index]! }]))
  expect(losers).toHaveLength(3)
  for (const { answer, input } of losers) {
    // Whoever comes after the last use is told that the price is another one.
    expect(['LIMIT_EXCEEDED', 'PRICE_CHANGED']).toContain(codes(answer)[0])
    expect(answer.checkout).toMatchObject({ status: 'OPEN', failure: { isRetryable: true } })
    expect(await at.heldFor(input.checkoutId)).toEqual(NOTHING)
    expect(await at.chargedFor(input.checkoutId)).toEqual({ authorizations: 0, captured: 0 })
  }
  expect(await usesOf(id)).toBe(1)
  const [{ buyer, input }] = losers as [(typeof losers)[0]]
  const { cart } = await shop.ask('cart', buyer, '{ cart { total { amount currencyCode } } }')
  const again = { ...input, expectedTotal: cart.total, idempotencyKey: uuidv7() }
  expect(await at.complete(buyer, again)).toMatchObject({ checkout: { status: 'COMPLETED' }, userErrors: [] })
  expect(await at.heldFor(input.checkoutId)).toEqual(BOUGHT)
})
