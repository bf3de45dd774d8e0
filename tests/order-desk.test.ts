// Orders and payments as staff handle them, and as buyers watch it happen, through the router.
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { demoId } from '#platform/ids.ts'
import { until } from './setup/until.ts'
import { buy, DECLINED, goods, openCheckout, payment, readyCart, type Line } from './system/buying.ts'
import { Visitor } from './system/client.ts'
import { guestAt, signedIn } from './system/people.ts'
import { OPENING_MS, oneProcess, type Shop } from './system/topology.ts'

/** Authorises, and cannot be captured. */
const UNCAPTURABLE = '4000000000000341'

let shop: Shop
let router: string
let admin: Visitor
let bob: Visitor
let lines: Line[]
beforeAll(async () => {
  shop = await oneProcess()
  router = shop.routers[0]!
  ;[admin, bob] = [await signedIn(router, 'admin'), await signedIn(router, 'bob')]
  lines = (await goods(bob)).slice(0, 1)
}, OPENING_MS)
afterAll(() => shop?.[Symbol.asyncDispose]())

const key = () => randomUUID()
const ORDER = `id number status version financialStatus total { amount } outstanding { amount } allowedActions
  payments { id status captured { amount } refunded { amount } }`
const order = async (visitor: Visitor, id: string) =>
  (await visitor.query(`query ($id: ID!) { order(id: $id) { ${ORDER} } }`, { id })).order

describe('a buyer who watches', () => {
  test('sees the checkout complete, be refused, and the order go its way', async () => {
    await using watcher = bob.at(router)
    const { cartId, total } = await readyCart(bob, lines)
    const checkoutId = await openCheckout(bob, cartId)
    using checkouts = watcher.subscribe(
      'subscription ($id: ID!) { checkoutUpdated(checkoutId: $id) { status failure { code } order { number } } }',
      { id: checkoutId },
    )
    await until(async () => checkouts.events.length > 0)
    await bob.ask('checkout-complete', await payment(bob, checkoutId, total, DECLINED))
    await until(async () => checkouts.events.at(-1)!.failure?.code === 'PAYMENT_DECLINED')
    const { checkoutComplete } = await bob.ask('checkout-complete', await payment(bob, checkoutId, total))
    await until(async () => checkouts.events.at(-1)!.status === 'COMPLETED')
    expect(checkouts.events.at(-1)).toMatchObject({ order: { number: checkoutComplete.order.number } })

    const { id } = checkoutComplete.order
    using orders = watcher.subscribe('subscription ($id: ID!) { orderUpdated(orderId: $id) { status version } }', {
      id,
    })
    await until(async () => orders.events.length > 0)
    const { version } = await order(admin, id)
    const held = await admin.change(
      'orderStatusUpdate',
      { orderId: id, status: 'ON_HOLD', expectedVersion: version, idempotencyKey: key() },
      'order { status }',
    )
    expect(held).toEqual({ order: { status: 'ON_HOLD' }, errors: [] })
    await until(async () => orders.events.at(-1)!.status === 'ON_HOLD')
  })

  test('finds past orders by number, status and date', async () => {
    const { number, id } = await buy(bob, lines)
    const document = `query ($filter: OrderFilter) { viewer { orders(filter: $filter, first: 100) { nodes { number } } } }`
    const numbers = async (filter: Record<string, unknown>) =>
      (await bob.query(document, { filter })).viewer.orders.nodes.map((each: { number: string }) => each.number)
    expect(await numbers({ statuses: ['CONFIRMED'] })).toContain(number)
    expect(await numbers({ statuses: ['CANCELLED'] })).not.toContain(number)
    expect(await numbers({ placedFrom: new Date(Date.now() + 60_000).toISOString() })).toEqual([])
    const byNumber = 'query ($number: String!) { order(number: $number) { id } }'
    expect((await bob.query(byNumber, { number })).order).toEqual({ id })
    expect((await (await signedIn(router, 'alice')).query(byNumber, { number })).order).toBeNull()
  })
})

describe('staff', () => {
  test('move an order only where it may go, and only as they last read it', async () => {
    const { id } = await buy(bob, lines)
    const { version } = await order(admin, id)
    const move = (status: string, expectedVersion: number) =>
      admin.change(
        'orderStatusUpdate',
        { orderId: id, status, expectedVersion, idempotencyKey: key() },
        `order { ${ORDER} }`,
      )
    expect((await move('RETURNED', version)).errors[0]).toMatch(/^STATE_TRANSITION/)
    expect((await move('ON_HOLD', version - 1)).errors).toEqual(['STALE_VERSION input.expectedVersion'])
    expect(await move('ON_HOLD', version)).toMatchObject({ order: { status: 'ON_HOLD' }, errors: [] })
    const { data, errors } = await bob.send(
      'mutation ($input: OrderStatusUpdateInput!) { orderStatusUpdate(input: $input) { order { id } } }',
      { input: { orderId: id, status: 'CONFIRMED', expectedVersion: version + 1, idempotencyKey: key() } },
    )
    expect({ data, errors }).toMatchObject({ errors: [{ extensions: { code: 'FORBIDDEN' } }] })
  })

  test('give part of the money back, never more than was taken', async () => {
    const { id } = await buy(bob, lines)
    const [paid] = (await order(bob, id)).payments
    await using watcher = bob.at(router)
    using live = watcher.subscribe(
      'subscription ($id: ID!) { paymentUpdated(paymentId: $id) { status refunded { amount } } }',
      {
        id: paid.id,
      },
    )
    await until(async () => live.events.length > 0)
    const refund = (amount: string, idempotencyKey = key()) =>
      admin.change(
        'refundCreate',
        { paymentId: paid.id, amount: { amount, currencyCode: 'EUR' }, reason: 'Scratched', idempotencyKey },
        'isReplay refund { amount { amount } } payment { refunded { amount } }',
      )
    const again = key()
    expect(await refund('1.00', again)).toMatchObject({
      isReplay: false,
      refund: { amount: { amount: '1.00' } },
      errors: [],
    })
    expect(await refund('1.00', again)).toMatchObject({
      isReplay: true,
      payment: { refunded: { amount: '1.00' } },
      errors: [],
    })
    const rest = Number(paid.captured.amount) - 1
    expect((await refund((rest + 0.01).toFixed(2))).errors).toEqual(['LIMIT_EXCEEDED input.amount'])
    await until(async () => live.events.at(-1)!.refunded.amount === '1.00')
    expect(await order(bob, id)).toMatchObject({ financialStatus: 'PARTIALLY_REFUNDED' })
    // All at once: as much as is left, whoever is first.
    const halves = await Promise.all(Array.from({ length: 4 }, () => refund((rest / 2).toFixed(2))))
    expect(halves.filter(({ errors }) => errors.length === 0).length).toBeLessThanOrEqual(2)
    const after = await order(bob, id)
    expect(Number(after.payments[0].refunded.amount)).toBeLessThanOrEqual(Number(paid.captured.amount))
  })

  test('find what could not be charged on hold, and release the money or the goods', async () => {
    const { cartId, total } = await readyCart(bob, lines)
    const checkoutId = await openCheckout(bob, cartId)
    const { checkoutComplete } = await bob.ask('checkout-complete', await payment(bob, checkoutId, total, UNCAPTURABLE))
    const { id } = checkoutComplete.order
    const held = await order(admin, id)
    expect(held).toMatchObject({ status: 'ON_HOLD', outstanding: { amount: total.amount } })
    const listed = await admin.query(
      '{ orders(filter: { statuses: [ON_HOLD] }, first: 100) { nodes { id customer { displayName } } } }',
    )
    expect(listed.orders.nodes).toContainEqual({ id, customer: { displayName: expect.stringMatching(/^Bob/) } })
    const capture = await admin.change(
      'paymentCapture',
      { paymentId: held.payments[0].id, idempotencyKey: key() },
      'payment { status }',
    )
    expect(capture.errors[0]).toMatch(/^PAYMENT_DECLINED/)
    const { orderCancel } = await admin.ask('order-cancel', { orderId: id, reason: 'PAYMENT', idempotencyKey: key() })
    expect(orderCancel.userErrors).toEqual([])
    await until(async () => (await order(admin, id)).payments[0].status === 'VOIDED')
    expect(await order(admin, id)).toMatchObject({ status: 'CANCELLED' })
  })

  test('decline a return; its buyer may call one off', async () => {
    const alice = await signedIn(router, 'alice')
    const request = {
      orderId: demoId('order/alice-delivered'),
      lines: [{ lineId: demoId('order-line/alice-delivered-2'), quantity: 1 }],
      reason: 'CHANGED_MIND',
    }
    const ask = async () =>
      (await alice.change('returnCreate', { ...request, idempotencyKey: key() }, 'returnRequest { id status }'))
        .returnRequest
    const first = await ask()
    expect((await bob.change('returnCancel', { id: first.id }, 'returnRequest { id }')).errors).toEqual([
      'NOT_FOUND input.id',
    ])
    expect(await alice.change('returnCancel', { id: first.id }, 'returnRequest { status }')).toEqual({
      returnRequest: { status: 'CANCELLED' },
      errors: [],
    })
    const second = await ask()
    const declined = await admin.change(
      'returnDecline',
      { id: second.id, reason: 'Worn', idempotencyKey: key() },
      'returnRequest { status }',
    )
    expect(declined).toEqual({ returnRequest: { status: 'DECLINED' }, errors: [] })
    const { returns } = await admin.query('{ returns(status: DECLINED) { nodes { id order { number } } } }')
    expect(returns.nodes).toContainEqual({ id: second.id, order: { number: '10001' } })
  })

  test('compare the books with the processor’s, and see nothing that needs them', async () => {
    const period = {
      from: new Date(Date.now() - 86_400_000).toISOString(),
      to: new Date(Date.now() + 60_000).toISOString(),
    }
    const { reconciliationReport, checkoutsNeedingAttention, payments } = await admin.query(
      `query ($from: DateTime!, $to: DateTime!) { reconciliationReport(from: $from, to: $to) {
          matched missingHere missingAtProvider amountMismatches }
        payments(from: $from, to: $to, first: 100) { nodes { status } } checkoutsNeedingAttention { nodes { id } } }`,
      period,
    )
    const { matched, ...amiss } = reconciliationReport
    expect(matched).toBeGreaterThan(3)
    expect(amiss).toEqual({ missingHere: [], missingAtProvider: [], amountMismatches: [] })
    expect(payments.nodes.length).toBeGreaterThan(3)
    expect(checkoutsNeedingAttention.nodes).toEqual([])
    const recover = await admin.change(
      'checkoutRecover',
      { checkoutId: randomUUID(), idempotencyKey: key() },
      'checkout { id }',
    )
    expect(recover.errors).toEqual(['NOT_FOUND input.checkoutId'])
  })
})

test('a guest’s orders are the account’s after signing in', async () => {
  const guest = await guestAt(router)
  const { id } = await buy(guest, lines, 'bob@example.com')
  await guest.ask('sign-in', { email: 'bob@example.com', password: 'password123' })
  await until(async () => (await order(bob, id)) !== null)
  expect(await order(bob, id)).toMatchObject({ id, payments: [{ status: 'CAPTURED' }] })
})
