import { describe, expect, test } from 'vitest'
import { uuidv7 } from '#platform/ids.ts'
import type { Viewer } from '#platform/viewer.ts'
import { aCustomer, aGuest, staffWith } from '../../tests/setup/viewers.ts'
import { BAG, codes, MUG, TEE } from './buying.fixture.ts'
import { closeOrders } from './moving.ts'
import { anOrder } from './order.fixture.ts'
import { recoverCheckouts } from './recovery.ts'
import { shopForTests } from './shop.fixture.ts'

const staff = staffWith('orders:read', 'orders:manage')
const DAY_MS = 86_400_000

const { shop, our } = await shopForTests()

test('an order that is cancelled while its checkout still takes the money has it back', async () => {
  const buyer = aGuest()
  const { input } = await our.at.checkoutOf(buyer)
  await our.at.planFaults('capture lost-answer', 'lookup lost-request')
  const { order, checkout } = await our.at.complete(buyer, input)
  expect([order.status, checkout.status]).toEqual(['CONFIRMED', 'PROCESSING'])
  expect(await our.cancel(buyer, order.id)).toMatchObject({ order: { status: 'CANCELLED' }, userErrors: [] })
  await recoverCheckouts(our.at.later(24 * 60))
  expect(await our.at.read(buyer, input.checkoutId)).toMatchObject({ status: 'COMPLETED' })
  expect(await our.read(buyer, order.id)).toMatchObject({ status: 'CANCELLED' })
  expect(await our.at.chargedFor(input.checkoutId)).toEqual({ authorizations: 1, captured: 0 })
  expect(await our.at.heldFor(input.checkoutId)).toMatchObject({ holds: [], money: ['REFUNDED'] })
})

test('a page of orders takes one statement per relation, however many orders it has', async () => {
  const buyer = aCustomer()
  const page = `{ orders(first: 50, filter: { customerId: "${buyer.id}" }) { nodes {
    id allowedActions lines { id } timeline(first: 5) { nodes { kind } }
    returns { id lines { quantity line { id title } } order { id } } } } }`
  const sent = async () => {
    const all = await shop.statements(() => shop.ask('orders', staff, page))
    // A connection that is new asks about types first.
    return all.filter((text) => !text.includes('pg_catalog'))
  }
  const ordered = async () => {
    const { id, lines } = await our.delivered(buyer)
    await our.ask(buyer, id, [[lines[0]!.id, 1]])
  }
  for (let orders = 1; orders <= 3; orders++) {
    await ordered()
    const statements = await sent()
    // The orders; their lines, timelines, returns and what can be returned; the returns' orders, lines, and theirs.
    expect(statements.length, statements.join('\n')).toBeLessThanOrEqual(8)
  }
})

describe('buying again what an order held', () => {
  const reorder = async (viewer: Viewer, orderId: string) =>
    await our.at.mutate('orders', viewer, 'orderReorder', { orderId }, 'cart { id } userErrors { code field }')
  const cartOf = async (viewer: Viewer, id: string) =>
    (await shop.ask('cart', viewer, 'query ($id: ID!) { cart(id: $id) { lines { sku quantity } } }', { id })).cart

  test('puts it into the buyer’s cart', async () => {
    const buyer = aGuest()
    const { id } = await our.bought(buyer, [
      [MUG, 2],
      [BAG, 1],
    ])
    const { cart, userErrors } = await reorder(buyer, id)
    expect(userErrors).toEqual([])
    expect((await cartOf(buyer, cart.id)).lines).toEqual([
      { sku: 'MUG-STONE-GRY', quantity: 2 },
      { sku: 'BAG-CANVAS-NAT', quantity: 1 },
    ])
  })

  test('leaves out what is sold out, and takes of the rest what there is', async () => {
    const buyer = aGuest()
    const { id } = await our.bought(buyer, [
      [MUG, 3],
      [TEE, 1],
      [BAG, 1],
    ])
    await our.at.stock(MUG, 1)
    await our.at.stock(BAG, 0)
    const { cart } = await reorder(buyer, id)
    expect((await cartOf(buyer, cart.id)).lines).toEqual([
      { sku: 'MUG-STONE-GRY', quantity: 1 },
      { sku: 'TEE-LINEN-BLU-M', quantity: 1 },
    ])
    await our.at.stock(MUG, 50)
    await our.at.stock(BAG, 50)
  })

  test('of which nothing is left is refused', async () => {
    const buyer = aGuest()
    const { id } = await our.bought(buyer, [[BAG, 1]])
    await our.at.stock(BAG, 0)
    expect(await reorder(buyer, id)).toEqual({
      cart: null,
      userErrors: [{ code: 'INSUFFICIENT_STOCK', field: ['input', 'orderId'] }],
    })
    await our.at.stock(BAG, 50)
  })

  test('is for who bought it', async () => {
    const { id } = await our.bought(aGuest())
    for (const other of [aCustomer(), aGuest(), staff]) {
      expect(await reorder(other, id)).toMatchObject({ userErrors: [{ code: 'NOT_FOUND' }] })
    }
  })
})

describe('money that was given back', () => {
  const SPEND = `query ($of: [_Any!]!) { _entities(representations: $of) {
    ... on User { lifetimeSpend { amount currencyCode } } } }`
  const spent = async (viewer: Viewer, id: string) =>
    (await shop.answer('orders', viewer, SPEND, { of: [{ __typename: 'User', id }] })).data?._entities[0].lifetimeSpend

  test('stands in the timeline, each refund once, and is not counted as spent', async () => {
    const buyer = aCustomer()
    const { order } = await anOrder(shop, buyer, { totalMinor: 5000 })
    await anOrder(shop, buyer, {
      totalMinor: 7000,
      status: 'CANCELLED',
      cancelledAt: new Date(),
      cancelReason: 'OTHER',
    })
    await anOrder(shop, buyer, { totalMinor: 9000, status: 'ON_HOLD', paidAt: null, readyAt: null })
    expect(await spent(staff, buyer.id)).toEqual({ amount: '50.00', currencyCode: 'EUR' })
    const refund = { orderId: order.id, amount: { amountMinor: 1234, currency: 'EUR' } }
    const eventId = uuidv7()
    await our.hear('RefundSucceeded', refund, eventId)
    await our.hear('RefundSucceeded', refund, eventId)
    expect(await spent(staff, buyer.id)).toEqual({ amount: '37.66', currencyCode: 'EUR' })
    const { timeline } = await our.read(buyer, order.id)
    expect(timeline.nodes).toMatchObject([{ kind: 'REFUNDED', message: '12.34 EUR' }])
    await our.hear('RefundSucceeded', { ...refund, orderId: uuidv7() })
    await our.hear('RefundSucceeded', { ...refund, orderId: null })
  })

  test('and what somebody spent is for staff to know; who bought nothing spent nothing', async () => {
    const buyer = aCustomer()
    expect(await spent(staff, buyer.id)).toEqual({ amount: '0.00', currencyCode: 'EUR' })
    for (const viewer of [buyer, aGuest(), { kind: 'anonymous' } as const]) {
      expect(await spent(viewer, buyer.id)).toBeNull()
    }
  })
})

describe('an order whose time for returns is over', () => {
  const long = { status: 'DELIVERED' as const, deliveredAt: new Date(Date.now() - 31 * DAY_MS) }
  const close = () => closeOrders(shop.part('orders').ownContext())

  test('is closed, and others are not', async () => {
    const buyer = aCustomer()
    const { order: old } = await anOrder(shop, buyer, long)
    const { order: recent } = await anOrder(shop, buyer, { ...long, deliveredAt: new Date(Date.now() - 29 * DAY_MS) })
    const { order: sent } = await anOrder(shop, buyer, { ...long, status: 'SHIPPED' })
    await close()
    await close()
    const statuses = await Promise.all([old, recent, sent].map(async ({ id }) => (await our.read(buyer, id)).status))
    expect(statuses).toEqual(['COMPLETED', 'DELIVERED', 'SHIPPED'])
    expect((await our.at.factsOf(old.id)).map(({ data }) => data)).toEqual([
      { from: 'DELIVERED', to: 'COMPLETED', reason: null },
    ])
  })

  test('waits for a return that was asked for in time', async () => {
    const buyer = aCustomer()
    const { id, lines } = await our.delivered(buyer)
    const { returnRequest } = await our.ask(buyer, id, [[lines[0]!.id, 1]])
    await our.at.sql(`update orders.orders set delivered_at = $2 where id = $1`, id, long.deliveredAt.toISOString())
    await close()
    expect(await our.read(buyer, id)).toMatchObject({ status: 'DELIVERED' })
    await our.cancelReturn(buyer, returnRequest.id)
    await close()
    expect(await our.read(buyer, id)).toMatchObject({ status: 'COMPLETED', allowedActions: ['REORDER'] })
  })
})

test('a guest’s order that became an account’s can be cancelled by the account and not by the guest', async () => {
  const guest = aGuest()
  const account = aCustomer()
  const { id, checkoutId } = await our.bought(guest)
  await our.hear('GuestClaimed', { guestId: guest.id, userId: account.id, cartMergeStrategy: 'SUM_QUANTITIES' })
  expect(codes(await our.cancel(guest, id))).toEqual(['NOT_FOUND'])
  expect(await our.cancel(account, id)).toMatchObject({ order: { status: 'CANCELLED' }, userErrors: [] })
  expect(await our.at.chargedFor(checkoutId)).toMatchObject({ captured: 0 })
})

test('whoever watches an order hears of its cancellation', async () => {
  const buyer = aGuest()
  const { id } = await our.bought(buyer)
  const changes = shop.watch('orders', buyer, 'subscription ($id: ID!) { orderUpdated(orderId: $id) { status } }', {
    id,
  })
  expect((await changes.next()).value.data).toEqual({ orderUpdated: { status: 'CONFIRMED' } })
  const change = changes.next()
  await our.cancel(buyer, id)
  expect((await change).value.data).toEqual({ orderUpdated: { status: 'CANCELLED' } })
  await changes.return!()
})

test('and all that has to hold holds after all that', async () => {
  expect(await our.at.broken()).toEqual([])
})
