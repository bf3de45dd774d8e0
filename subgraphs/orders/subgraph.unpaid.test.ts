import { describe, expect, test } from 'vitest'
import { uuidv7 } from '#platform/ids.ts'
import { aCustomer, aGuest, staffWith } from '../../tests/setup/viewers.ts'
import { codes, MUG, UNCAPTURABLE } from './buying.fixture.ts'
import { anOrder } from './order.fixture.ts'
import { recoverCheckouts } from './recovery.ts'
import { shopForTests } from './shop.fixture.ts'

const { shop, our } = await shopForTests()
const { staff } = our

describe('an order that is held because it could not be paid', () => {
  const held = async () => {
    const { id, checkoutId, totalMinor } = await our.bought(aGuest(), [[MUG, 2]], UNCAPTURABLE)
    const { status, version } = await our.read(staff, id)
    expect(status).toBe('ON_HOLD')
    return { id, checkoutId, totalMinor, version: version as number }
  }
  test('goes on once its money is taken after all, and only then', async () => {
    const { id, checkoutId, totalMinor, version } = await held()
    const refused = await our.moveByHand(id, 'CONFIRMED', version)
    expect(refused.order).toBeNull()
    expect(codes(refused)).toEqual(['PAYMENT_DECLINED'])
    expect(await our.read(staff, id)).toMatchObject({ status: 'ON_HOLD' })
    expect((await our.at.factsOf(id)).map(({ name }) => name)).not.toContain('OrderReadyToShip')
    await our.at.openUp(checkoutId)
    const key = uuidv7()
    const confirmed = await our.moveByHand(id, 'CONFIRMED', version, key)
    expect(confirmed).toMatchObject({ order: { status: 'CONFIRMED' }, isReplay: false, userErrors: [] })
    expect(confirmed.order.timeline.nodes.slice(0, 2)).toEqual(
      expect.arrayContaining([
        { kind: 'CONFIRMED', actor: { id: staff.id }, message: null },
        { kind: 'PAID', actor: { id: staff.id }, message: null },
      ]),
    )
    expect(await our.moveByHand(id, 'CONFIRMED', version, key)).toMatchObject({ isReplay: true, userErrors: [] })
    expect(await our.at.chargedFor(checkoutId)).toEqual({ authorizations: 1, captured: totalMinor })
    const ready = (await our.at.factsOf(id)).filter(({ name }) => name === 'OrderReadyToShip')
    expect(ready).toMatchObject([{ data: { allocations: [{ variantId: MUG, quantity: 2 }] } }])
  })

  test('and whose money staff took in payments goes on too', async () => {
    const { id, checkoutId, version } = await held()
    await our.at.openUp(checkoutId)
    const [payment] = await our.at.sql<{ id: string }>(
      `select id from payments.payments where checkout_id = $1`,
      checkoutId,
    )
    const input = { paymentId: payment!.id, idempotencyKey: uuidv7() }
    const capture = `mutation ($input: PaymentCaptureInput!) { paymentCapture(input: $input) { userErrors { code } } }`
    const { paymentCapture } = await shop.ask('payments', staffWith('payments:manage'), capture, { input })
    expect(paymentCapture.userErrors).toEqual([])
    expect(await our.moveByHand(id, 'CONFIRMED', version)).toMatchObject({
      order: { status: 'CONFIRMED' },
      userErrors: [],
    })
  })

  test('waits for a bank that cannot be reached, and goes on by itself', async () => {
    const { id, checkoutId, totalMinor, version } = await held()
    await our.at.openUp(checkoutId)
    await our.at.planFaults('capture lost-answer', 'lookup lost-request')
    expect(codes(await our.moveByHand(id, 'CONFIRMED', version))).toEqual(['UPSTREAM_UNAVAILABLE'])
    await our.recover()
    expect(await our.read(staff, id)).toMatchObject({ status: 'CONFIRMED' })
    expect(await our.at.chargedFor(checkoutId)).toEqual({ authorizations: 1, captured: totalMinor })
  })

  test('and is cancelled while its money is taken, stays cancelled and has it back', async () => {
    const { id, checkoutId, version } = await held()
    await our.at.openUp(checkoutId)
    await our.at.planFaults('capture lost-answer', 'lookup lost-request')
    await our.moveByHand(id, 'CONFIRMED', version)
    expect(await our.cancel(staff, id, 'PAYMENT')).toMatchObject({ order: { status: 'CANCELLED' }, userErrors: [] })
    await our.recover()
    expect(await our.errandsOf(id)).toMatchObject([
      { kind: 'COLLECT', status: expect.stringMatching(/^(DONE|REFUSED)$/) },
      { kind: 'CANCEL', status: 'DONE' },
    ])
    expect(await our.read(staff, id)).toMatchObject({ status: 'CANCELLED' })
    expect(await our.at.chargedFor(checkoutId)).toEqual({ authorizations: 1, captured: 0 })
    expect((await our.at.factsOf(id)).map(({ name }) => name)).not.toContain('OrderReadyToShip')
  })

  test('and that two let go at once is paid once', async () => {
    const { id, checkoutId, totalMinor, version } = await held()
    await our.at.openUp(checkoutId)
    const both = await Promise.all([1, 2].map(() => our.moveByHand(id, 'CONFIRMED', version)))
    for (const answer of both) {
      if (codes(answer)[0] === 'STALE_VERSION') continue
      expect(answer).toMatchObject({ order: { status: 'CONFIRMED' }, userErrors: [] })
    }
    expect(await our.errandsOf(id)).toMatchObject([{ kind: 'COLLECT', status: 'DONE' }])
    expect(await our.at.chargedFor(checkoutId)).toEqual({ authorizations: 1, captured: totalMinor })
  })

  test('but not for another reason is just let go', async () => {
    const { order } = await anOrder(shop, aCustomer(), { status: 'ON_HOLD' })
    expect(await our.moveByHand(order.id, 'CONFIRMED', 1)).toMatchObject({ order: { status: 'CONFIRMED', version: 2 } })
    expect(await our.errandsOf(order.id)).toEqual([])
  })

  test('has it taken when staff ask again after the bank was out of reach for too long', async () => {
    const { id, checkoutId, totalMinor } = await our.bought(aGuest(), [[MUG, 1]], UNCAPTURABLE)
    await our.at.openUp(checkoutId)
    await our.at.planFaults(...Array.from({ length: 14 }, () => ['capture lost-request', 'lookup lost-request']).flat())
    await our.moveByHand(id, 'CONFIRMED')
    for (let hours = 1; hours <= 12; hours++) await our.recover(hours)
    expect(await our.errandsOf(id)).toMatchObject([{ kind: 'COLLECT', status: 'NEEDS_ATTENTION' }])
    await our.at.sql('delete from payments.sandbox_faults')
    expect(await our.moveByHand(id, 'CONFIRMED')).toMatchObject({ order: { status: 'CONFIRMED' }, userErrors: [] })
    expect(await our.errandsOf(id)).toMatchObject([{ kind: 'COLLECT', status: 'DONE' }])
    expect(await our.at.chargedFor(checkoutId)).toEqual({ authorizations: 1, captured: totalMinor })
  })

  test('still owes it when it was refused after staff had held the order', async () => {
    const buyer = aGuest()
    const { input } = await our.at.checkoutOf(buyer, [[MUG, 1]], UNCAPTURABLE)
    await our.at.planFaults('capture lost-request', 'lookup lost-request')
    const { order } = await our.at.complete(buyer, input)
    expect(await our.moveByHand(order.id, 'ON_HOLD')).toMatchObject({ order: { status: 'ON_HOLD' } })
    await recoverCheckouts(our.at.later(24 * 60))
    expect(await our.at.read(buyer, input.checkoutId)).toMatchObject({ status: 'COMPLETED' })
    const { timeline } = await our.read(staff, order.id)
    expect(timeline.nodes[0]).toMatchObject({ kind: 'PAYMENT_FAILED' })
    const changes = (await our.at.factsOf(order.id)).filter(({ name }) => name === 'OrderStatusChanged')
    expect(changes).toHaveLength(1)
    expect(codes(await our.moveByHand(order.id, 'CONFIRMED'))).toEqual(['PAYMENT_DECLINED'])
    expect(await our.read(staff, order.id)).toMatchObject({ status: 'ON_HOLD' })
  })
})

test('and all that has to hold holds after all that', async () => {
  expect(await our.at.broken()).toEqual([])
})
