import { afterEach, describe, expect, test } from 'vitest'
import { uuidv7 } from '#platform/ids.ts'
import { aGuest, staffWith } from '../../tests/setup/viewers.ts'
import { codes, MUG, UNCAPTURABLE } from './buying.fixture.ts'
import { holdAtFailpoints } from './failpoint.ts'
import { recoverCheckouts } from './recovery.ts'
import { shopForTests } from './shop.fixture.ts'

const staff = staffWith('orders:read', 'orders:manage')

const { our } = await shopForTests()

const move = async (orderId: string, status: string) => {
  const { version: expectedVersion } = await our.read(staff, orderId)
  const input = { orderId, status, expectedVersion, idempotencyKey: uuidv7() }
  return await our.at.mutate('orders', staff, 'orderStatusUpdate', input, 'order { status } userErrors { code }')
}

describe('money of an order that is held', () => {
  test('is taken when staff ask again after the bank was out of reach for too long', async () => {
    const { id, checkoutId, totalMinor } = await our.bought(aGuest(), [[MUG, 1]], UNCAPTURABLE)
    await our.at.sql(
      `update payments.sandbox_authorizations s set behaviour = 'approve' from payments.payments p
       where s.reference = p.provider_reference and p.checkout_id = $1`,
      checkoutId,
    )
    await our.at.planFaults(...Array.from({ length: 14 }, () => ['capture lost-request', 'lookup lost-request']).flat())
    await move(id, 'CONFIRMED')
    for (let hours = 1; hours <= 12; hours++) await our.recover(hours)
    expect(await our.errandsOf(id)).toMatchObject([{ kind: 'COLLECT', status: 'NEEDS_ATTENTION' }])
    await our.at.sql('delete from payments.sandbox_faults')
    expect(await move(id, 'CONFIRMED')).toEqual({ order: { status: 'CONFIRMED' }, userErrors: [] })
    expect(await our.errandsOf(id)).toMatchObject([{ kind: 'COLLECT', status: 'DONE' }])
    expect(await our.at.chargedFor(checkoutId)).toEqual({ authorizations: 1, captured: totalMinor })
  })

  test('is still owed when it was refused after staff had held the order', async () => {
    const buyer = aGuest()
    const { input } = await our.at.checkoutOf(buyer, [[MUG, 1]], UNCAPTURABLE)
    await our.at.planFaults('capture lost-request', 'lookup lost-request')
    const { order } = await our.at.complete(buyer, input)
    expect(await move(order.id, 'ON_HOLD')).toMatchObject({ order: { status: 'ON_HOLD' } })
    await recoverCheckouts(our.at.later(24 * 60))
    expect(await our.at.read(buyer, input.checkoutId)).toMatchObject({ status: 'COMPLETED' })
    const { timeline } = await our.read(staff, order.id)
    expect(timeline.nodes[0]).toMatchObject({ kind: 'PAYMENT_FAILED' })
    const changes = (await our.at.factsOf(order.id)).filter(({ name }) => name === 'OrderStatusChanged')
    expect(changes).toHaveLength(1)
    expect(codes(await move(order.id, 'CONFIRMED'))).toEqual(['PAYMENT_DECLINED'])
    expect(await our.read(staff, order.id)).toMatchObject({ status: 'ON_HOLD' })
  })
})

describe('a return whose goods are being booked in', () => {
  afterEach(() => holdAtFailpoints(async () => {}))

  test('can no longer be called off', async () => {
    const buyer = aGuest()
    const { id: orderId, lines } = await our.delivered(buyer)
    const { returnRequest } = await our.ask(buyer, orderId, [[lines[0]!.id, 1]])
    await our.approve(returnRequest.id)
    let refused: string[] = []
    holdAtFailpoints(async (point) => {
      if (point === 'RECEIVE:TAKE_GOODS:before') refused = codes(await our.cancelReturn(buyer, returnRequest.id))
    })
    const received = await our.receive(returnRequest.id, [[lines[0]!.id, 1]])
    expect(received).toMatchObject({ returnRequest: { status: 'REFUNDED' }, userErrors: [] })
    expect(refused).toEqual(['STATE_TRANSITION'])
    const kinds = (await our.read(buyer, orderId)).timeline.nodes.map(({ kind }: { kind: string }) => kind)
    expect(kinds).not.toContain('RETURN_CANCELLED')
  })

  test('takes no other goods before that is finished', async () => {
    const buyer = aGuest()
    const { id: orderId, lines } = await our.delivered(buyer, [[MUG, 3]])
    const { returnRequest } = await our.ask(buyer, orderId, [[lines[0]!.id, 3]])
    await our.approve(returnRequest.id)
    const failures = Array.from({ length: 14 }, () => ['refund lost-request', 'lookup lost-request']).flat()
    await our.at.planFaults(...failures)
    await our.receive(returnRequest.id, [[lines[0]!.id, 1]])
    for (let hours = 1; hours <= 12; hours++) await our.recover(hours)
    expect(await our.errandsOf(orderId)).toMatchObject([{ kind: 'RECEIVE', status: 'NEEDS_ATTENTION', step: 1 }])
    await our.at.sql('delete from payments.sandbox_faults')
    expect(codes(await our.receive(returnRequest.id, [[lines[0]!.id, 2]]))).toEqual(['CONFLICT'])
    expect(await our.receive(returnRequest.id, [[lines[0]!.id, 1]])).toMatchObject({
      returnRequest: { status: 'REFUNDED', lines: [{ receivedQuantity: 1 }] },
      userErrors: [],
    })
    expect(await our.receive(returnRequest.id, [[lines[0]!.id, 2]])).toMatchObject({
      returnRequest: { status: 'REFUNDED', lines: [{ receivedQuantity: 3 }] },
      userErrors: [],
    })
  })
})

test('and all that has to hold holds after all that', async () => {
  expect(await our.at.broken()).toEqual([])
})
