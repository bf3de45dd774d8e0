import { eq } from 'drizzle-orm'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { uuidv7 } from '#platform/ids.ts'
import { openParts, type Parts } from '../../tests/setup/parts.ts'
import { aCustomer, aGuest, staffWith } from '../../tests/setup/viewers.ts'
import { until } from '../../tests/setup/until.ts'
import { errands } from './aftersale-tables.ts'
import { codes, MUG, UNCAPTURABLE } from './buying.fixture.ts'
import { cancelSteps } from './cancellations.ts'
import { carryOut } from './errands.ts'
import { holdAtFailpoints } from './failpoint.ts'
import { anOrder } from './order.fixture.ts'
import { owningAt } from './owning.fixture.ts'
import { shopForTests } from './shop.fixture.ts'

const staff = staffWith('orders:read', 'orders:manage')
const CANCELLED = { holds: [], money: ['REFUNDED'], orders: 1, cart: 'CONVERTED' }

const { shop, at, our } = await shopForTests()

const shipmentsOf = async (orderId: string) =>
  (await at.sql<{ status: string }>(`select status from delivery.shipments where order_id = $1`, orderId)).map(
    ({ status }) => status,
  )

describe('an order that is cancelled before it leaves', () => {
  afterEach(() => holdAtFailpoints(async () => {}))

  test('gives money and goods back, holds the shipment back, and tells who did it', async () => {
    const before = await our.stockOf(MUG)
    const buyer = aCustomer()
    const { id, checkoutId, totalMinor } = await our.bought(buyer)
    expect(await at.chargedFor(checkoutId)).toEqual({ authorizations: 1, captured: totalMinor })
    await our.release(id)
    const { order, isReplay, userErrors } = await our.cancel(buyer, id)
    expect(userErrors).toEqual([])
    expect(isReplay).toBe(false)
    expect(order).toMatchObject({
      status: 'CANCELLED',
      cancelReason: 'CUSTOMER',
      cancelledAt: expect.any(String),
      allowedActions: ['REORDER'],
      lines: [{ cancelledQuantity: 2 }],
      timeline: { nodes: [{ kind: 'CANCELLED', actor: { id: buyer.id } }, { kind: 'PAID' }, { kind: 'PLACED' }] },
    })
    expect(await at.heldFor(checkoutId)).toEqual(CANCELLED)
    expect(await at.chargedFor(checkoutId)).toEqual({ authorizations: 1, captured: 0 })
    expect(await our.stockOf(MUG)).toEqual(before)
    expect(await shipmentsOf(id)).toEqual(['CANCELLED'])
    const [changed, cancelled] = (await at.factsOf(id)).slice(-2)
    expect(changed).toMatchObject({
      name: 'OrderStatusChanged',
      data: { from: 'CONFIRMED', to: 'CANCELLED', reason: 'CUSTOMER' },
    })
    expect(cancelled).toMatchObject({
      name: 'OrderCancelled',
      owner: { kind: 'user', id: buyer.id },
      data: { checkoutId, reason: 'CUSTOMER', lines: [{ variantId: MUG, quantity: 2 }] },
    })
  })

  test('is not shipped by news that comes late', async () => {
    const buyer = aGuest()
    const { id } = await our.bought(buyer)
    await our.cancel(buyer, id)
    await our.release(id)
    expect(await shipmentsOf(id)).toEqual([])
  })

  test('that was held because it could not be paid, has its authorisation released', async () => {
    const buyer = aGuest()
    const { id, checkoutId } = await our.bought(buyer, [[MUG, 1]], UNCAPTURABLE)
    const { order, userErrors } = await our.cancel(staff, id, 'PAYMENT')
    expect(userErrors).toEqual([])
    expect(order).toMatchObject({ status: 'CANCELLED', cancelReason: 'PAYMENT' })
    expect(await at.heldFor(checkoutId)).toEqual({ ...CANCELLED, money: [] })
  })

  test('by one key is cancelled once, and by another is cancelled already', async () => {
    const buyer = aGuest()
    const { id, checkoutId } = await our.bought(buyer)
    const key = uuidv7()
    expect(await our.cancel(buyer, id, 'OTHER', key)).toMatchObject({ isReplay: false, userErrors: [] })
    expect(await our.cancel(buyer, id, 'OTHER', key)).toMatchObject({
      order: { status: 'CANCELLED' },
      isReplay: true,
      userErrors: [],
    })
    expect(codes(await our.cancel(buyer, id, 'CUSTOMER', key))).toEqual(['IDEMPOTENCY_KEY_REUSED'])
    expect((await our.cancel(buyer, id)).userErrors).toMatchObject([
      { code: 'STATE_TRANSITION', fromState: 'CANCELLED', field: ['input', 'orderId'] },
    ])
    expect(await at.chargedFor(checkoutId)).toMatchObject({ captured: 0 })
  })

  test('by a second while the first is under way is cancelled once, and both hear of it', async () => {
    const buyer = aGuest()
    const { id } = await our.bought(buyer)
    const goOn = Promise.withResolvers<void>()
    holdAtFailpoints(async (point) => {
      if (point === 'CANCEL:GIVE_BACK:before') await goOn.promise
    })
    const first = our.cancel(buyer, id)
    await until(async () => (await our.errandsOf(id))[0]?.step === 1)
    const second = our.cancel(buyer, id)
    const joined = `select 1 from orders.idempotency_keys where reply ->> 'errandId' is not null and reply ->> 'token' is null
      and scope = $1`
    await until(async () => (await at.sql(joined, `orderCancel:guest:${buyer.id}`)).length > 0)
    goOn.resolve()
    for (const answer of await Promise.all([first, second])) {
      expect(answer).toMatchObject({ order: { status: 'CANCELLED' }, userErrors: [] })
    }
    expect(await our.errandsOf(id)).toMatchObject([{ kind: 'CANCEL', status: 'DONE' }])
  })

  test('by many at once is cancelled once, and all hear of it', async () => {
    const buyer = aGuest()
    const { id, checkoutId } = await our.bought(buyer)
    const answers = await Promise.all(Array.from({ length: 8 }, () => our.cancel(buyer, id)))
    const kinds = answers.map((answer) => answer.order?.status ?? codes(answer)[0])
    expect(kinds.filter((kind) => kind === 'CANCELLED').length).toBeGreaterThan(0)
    expect(new Set(kinds)).not.toContain('UPSTREAM_UNAVAILABLE')
    expect(await our.errandsOf(id)).toMatchObject([{ kind: 'CANCEL', status: 'DONE' }])
    expect(await at.chargedFor(checkoutId)).toMatchObject({ captured: 0 })
    expect((await at.factsOf(id)).filter(({ name }) => name === 'OrderCancelled')).toHaveLength(1)
  })
})

describe('two processes that carry on the same cancellation', () => {
  test('give everything back once, and tell of it once', async () => {
    for (let time = 0; time < 3; time++) {
      const buyer = aGuest()
      const { id, checkoutId } = await our.bought(buyer)
      const takingOver = async () => {
        await until(async () => (await our.errandsOf(id)).length > 0)
        await our.recover()
      }
      await Promise.all([our.cancel(buyer, id), takingOver(), takingOver()])
      expect(await our.errandsOf(id)).toMatchObject([{ status: 'DONE', step: 2 }])
      expect(await at.heldFor(checkoutId)).toEqual(CANCELLED)
      expect(await at.chargedFor(checkoutId)).toEqual({ authorizations: 1, captured: 0 })
      const told = (await at.factsOf(id)).filter(({ name }) => name === 'OrderCancelled')
      expect(told).toHaveLength(1)
    }
  })

  test('one that lost its lease changes nothing', async () => {
    const buyer = aGuest()
    const { id } = await our.bought(buyer)
    await at.planFaults('refund lost-request', 'lookup lost-request')
    await our.cancel(buyer, id)
    const orders = shop.part('orders').ownContext()
    const [errand] = await orders.db.select().from(errands).where(eq(errands.orderId, id))
    await carryOut(orders, { errandId: errand!.id, token: errand!.leaseToken - 1 }, cancelSteps)
    const rows = () => orders.db.select().from(errands).where(eq(errands.orderId, id))
    expect(await rows()).toEqual([errand])
    await our.recover()
    const [over] = await rows()
    expect(over).toMatchObject({ status: 'DONE' })
    await carryOut(orders, { errandId: over!.id, token: over!.leaseToken }, cancelSteps)
    expect(await rows()).toEqual([over])
  })
})

describe('an order that cannot be cancelled', () => {
  test('because it left, stays as it is', async () => {
    const buyer = aGuest()
    const { id, checkoutId } = await our.bought(buyer)
    await our.release(id)
    await at.sql(`update delivery.shipments set status = 'PICKED_UP' where order_id = $1`, id)
    const { order, userErrors } = await our.cancel(buyer, id)
    expect(order).toBeNull()
    expect(userErrors).toMatchObject([
      {
        __typename: 'StateTransitionError',
        code: 'STATE_TRANSITION',
        field: ['input', 'orderId'],
        fromState: 'CONFIRMED',
      },
    ])
    expect(userErrors[0].allowed).not.toContain('CANCELLED')
    expect(await at.heldFor(checkoutId)).toMatchObject({ holds: ['COMMITTED'], money: ['CAPTURED'] })
    // A courier who brought it back to the store: it may be tried again.
    await at.sql(`update delivery.shipments set status = 'PENDING' where order_id = $1`, id)
    expect(await our.cancel(buyer, id)).toMatchObject({ order: { status: 'CANCELLED' }, userErrors: [] })
  })

  test('because it is delivered, is refused at once', async () => {
    const buyer = aCustomer()
    const { order } = await anOrder(shop, buyer, { status: 'DELIVERED' })
    expect((await our.cancel(buyer, order.id)).userErrors).toMatchObject([{ fromState: 'DELIVERED' }])
    expect(await our.errandsOf(order.id)).toEqual([])
  })

  test('for a reason that only staff can have', async () => {
    const buyer = aCustomer()
    const { order } = await anOrder(shop, buyer)
    for (const reason of ['FRAUD', 'INVENTORY', 'PAYMENT', 'STAFF']) {
      const { userErrors } = await our.cancel(buyer, order.id, reason)
      expect(userErrors).toMatchObject([{ code: 'FORBIDDEN', field: ['input', 'reason'] }])
    }
    expect(await our.cancel(staff, order.id, 'FRAUD')).toMatchObject({ order: { cancelReason: 'FRAUD' } })
  })

  test('by others: it is unknown to them, and staff need the right to it', async () => {
    const { order } = await anOrder(shop, aCustomer())
    for (const other of [aCustomer(), aGuest()]) {
      const { userErrors } = await our.cancel(other, order.id)
      expect(userErrors).toMatchObject([{ code: 'NOT_FOUND', field: ['input', 'orderId'] }])
    }
    expect(codes(await our.cancel(staff, 'no id'))).toEqual(['NOT_FOUND'])
    await expect(our.cancel(staffWith('orders:read'), order.id)).rejects.toThrow('FORBIDDEN')
    await expect(our.cancel({ kind: 'anonymous' }, order.id)).rejects.toThrow('UNAUTHENTICATED')
  })
})

describe('when something fails in the middle', () => {
  test('the bank cannot be reached: the order is cancelled, and the money follows', async () => {
    const buyer = aGuest()
    const { id, checkoutId, totalMinor } = await our.bought(buyer)
    await at.planFaults('refund lost-request', 'lookup lost-request')
    expect(await our.cancel(buyer, id)).toMatchObject({ order: { status: 'CANCELLED' }, userErrors: [] })
    expect(await our.errandsOf(id)).toEqual([{ kind: 'CANCEL', status: 'RUNNING', step: 1, setbacks: 1 }])
    expect(await at.chargedFor(checkoutId)).toMatchObject({ captured: totalMinor })
    await our.recover()
    expect(await at.heldFor(checkoutId)).toEqual(CANCELLED)
    expect(await our.errandsOf(id)).toMatchObject([{ status: 'DONE' }])
  })

  test('the bank never says yes: staff see it, and take it up again', async () => {
    const buyer = aGuest()
    const { id, checkoutId } = await our.bought(buyer)
    const failures = Array.from({ length: 14 }, () => ['refund lost-request', 'lookup lost-request']).flat()
    await at.planFaults(...failures)
    await our.cancel(buyer, id)
    for (let hours = 1; hours <= 12; hours++) await our.recover(hours)
    expect(await our.errandsOf(id)).toMatchObject([{ status: 'NEEDS_ATTENTION', step: 1 }])
    // Neither the goods nor what hears of it wait for the bank.
    expect(await at.heldFor(checkoutId)).toMatchObject({ holds: [] })
    expect((await at.factsOf(id)).filter(({ name }) => name === 'OrderCancelled')).toHaveLength(1)
    const gauge = shop.part('orders').subgraph.gauges!.find(({ name }) => name.includes('errands'))!
    expect(await gauge.read(shop.part('orders').ownContext())).toBe(1)
    await at.sql('delete from payments.sandbox_faults')
    expect(codes(await our.cancel(buyer, id))).toEqual(['STATE_TRANSITION'])
    const { order, userErrors } = await our.cancel(staff, id)
    expect(userErrors).toEqual([])
    expect(order.timeline.nodes.map(({ kind }: { kind: string }) => kind)).toContain('NEEDS_ATTENTION')
    expect(await at.heldFor(checkoutId)).toEqual(CANCELLED)
    expect(await gauge.read(shop.part('orders').ownContext())).toBe(0)
  })
})

test('and all that has to hold holds after all that', async () => {
  expect(await our.at.broken()).toEqual([])
})

describe('while delivery cannot be reached', () => {
  let without: Parts
  beforeAll(async () => {
    without = await openParts(['orders'])
  })
  afterAll(() => without[Symbol.asyncDispose]())

  test('nothing is given back, and the buyer asks again with the same key', async () => {
    const { cancel, errandsOf, at: there } = owningAt(without)
    const buyer = aCustomer()
    const { order } = await anOrder(without, buyer)
    const key = uuidv7()
    expect(await cancel(buyer, order.id, 'CUSTOMER', key)).toMatchObject({
      order: null,
      userErrors: [{ code: 'UPSTREAM_UNAVAILABLE' }],
    })
    expect(await errandsOf(order.id)).toEqual([{ kind: 'CANCEL', status: 'RUNNING', step: 0, setbacks: 1 }])
    const [row] = await there.sql<{ status: string }>(`select status from orders.orders where id = $1`, order.id)
    expect(row).toEqual({ status: 'CONFIRMED' })
  })

  test('for so long that staff have to look, the buyer who asks again is told so', async () => {
    const { cancel, errandsOf, recover } = owningAt(without)
    const buyer = aCustomer()
    const { order } = await anOrder(without, buyer)
    await cancel(buyer, order.id)
    for (let hours = 1; hours <= 12; hours++) await recover(hours)
    expect(await errandsOf(order.id)).toMatchObject([{ status: 'NEEDS_ATTENTION', step: 0 }])
    expect(await cancel(buyer, order.id)).toMatchObject({
      order: null,
      isReplay: false,
      userErrors: [{ code: 'UPSTREAM_UNAVAILABLE' }],
    })
    expect(await errandsOf(order.id)).toMatchObject([{ status: 'NEEDS_ATTENTION', step: 0 }])
  })
})
