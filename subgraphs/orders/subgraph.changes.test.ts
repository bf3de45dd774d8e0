import postgres from 'postgres'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Announced } from '#platform/facts.ts'
import { uuidv7 } from '#platform/ids.ts'
import type { Viewer } from '#platform/viewer.ts'
import { openParts, type Parts } from '../../tests/setup/parts.ts'
import { aCustomer, aGuest, staffWith } from '../../tests/setup/viewers.ts'
import { ShipmentStatusChanged } from '../delivery/events.ts'
import { GuestClaimed } from '../users/events.ts'
import { anOrder, ORDER } from './order.fixture.ts'
import type { OrderRow } from './tables.ts'

const staff = staffWith('orders:read', 'orders:manage')
let shop: Parts
beforeAll(async () => {
  shop = await openParts(['orders'])
})
afterAll(() => shop[Symbol.asyncDispose]())

const ask = (viewer: Viewer, query: string, variables?: Record<string, unknown>) =>
  shop.ask('orders', viewer, query, variables)

describe('moving an order by hand', () => {
  const UPDATE = /* GraphQL */ `
    mutation ($input: OrderStatusUpdateInput!) {
      orderStatusUpdate(input: $input) {
        order {
          status
          version
          timeline {
            nodes {
              kind
              actor {
                id
              }
            }
          }
        }
        isReplay
        userErrors {
          __typename
          code
          field
          ... on StateTransitionError {
            fromState
            allowed
          }
          ... on StaleVersionError {
            currentVersion
          }
        }
      }
    }
  `
  const update = async (orderId: string, status: string, expectedVersion: number, idempotencyKey = uuidv7()) =>
    (await ask(staff, UPDATE, { input: { orderId, status, expectedVersion, idempotencyKey } })).orderStatusUpdate

  test('holds it and lets it go on, once per key, and says who did it', async () => {
    const { order } = await anOrder(shop, aCustomer())
    const key = uuidv7()
    const held = await update(order.id, 'ON_HOLD', 1, key)
    expect(held).toMatchObject({ order: { status: 'ON_HOLD', version: 2 }, isReplay: false, userErrors: [] })
    expect(held.order.timeline.nodes[0]).toEqual({ kind: 'ON_HOLD', actor: { id: staff.id } })
    expect(await update(order.id, 'ON_HOLD', 1, key)).toMatchObject({ order: { version: 2 }, isReplay: true })
    expect(await update(order.id, 'CONFIRMED', 2)).toMatchObject({ order: { status: 'CONFIRMED', version: 3 } })
  })

  test('refuses what follows from shipments, stale versions and unknown orders', async () => {
    const { order } = await anOrder(shop, aCustomer())
    const [transition] = (await update(order.id, 'DELIVERED', 1)).userErrors
    expect(transition).toMatchObject({
      code: 'STATE_TRANSITION',
      fromState: 'CONFIRMED',
      allowed: ['ON_HOLD'],
      field: ['input', 'status'],
    })
    const [stale] = (await update(order.id, 'ON_HOLD', 7)).userErrors
    expect(stale).toMatchObject({ code: 'STALE_VERSION', currentVersion: 1 })
    const [unknown] = (await update('x', 'ON_HOLD', 1)).userErrors
    expect(unknown).toMatchObject({ code: 'NOT_FOUND', field: ['input', 'orderId'] })
  })

  test('by two at once moves it once', async () => {
    const { order } = await anOrder(shop, aCustomer())
    const both = await Promise.all([update(order.id, 'ON_HOLD', 1), update(order.id, 'ON_HOLD', 1)])
    expect(both.flatMap(({ userErrors }) => userErrors.map(({ code }: { code: string }) => code))).toEqual([
      'STALE_VERSION',
    ])
  })
})

describe('an order follows the facts', () => {
  const own = () => shop.part('orders').ownContext()
  // The role of a subgraph may announce facts and not read them: the test reads as the database's owner.
  const facts = async (orderId: string) => {
    const sql = postgres(shop.config.DATABASE_URL!, { max: 1 })
    try {
      const rows = await sql<{ event: Announced<Record<string, unknown>> }[]>`
        select event from events.outbox where event->>'entityId' = ${orderId} order by event_id`
      return rows.map(({ event }) => event)
    } finally {
      await sql.end()
    }
  }
  const handle = async (fact: { name: string }, data: unknown, eventId = uuidv7()) => {
    const reaction = shop.part('orders').subgraph.reactions!.find((each) => each.fact.name === fact.name)!
    await reaction.handle(own(), {
      eventId,
      name: fact.name,
      version: 1,
      occurredAt: new Date().toISOString(),
      entityId: uuidv7(),
      entityVersion: 1,
      owner: null,
      requestId: uuidv7(),
      data,
    })
  }
  const news = (orderId: string, status: string, lines: { id: string; quantity: number }[]) => ({
    orderId,
    status,
    lines: lines.map(({ id, quantity }) => ({ orderLineId: id, quantity })),
  })
  const read = async (viewer: Viewer, { id }: OrderRow) => (await ask(viewer, ORDER, { id })).order

  test('of its shipments, each counted once, and tells when all of it arrived', async () => {
    const buyer = aCustomer()
    const { order, lines } = await anOrder(shop, buyer)
    const [teapots, kettle] = lines as [(typeof lines)[0], (typeof lines)[0]]
    const eventId = uuidv7()
    await handle(ShipmentStatusChanged, news(order.id, 'PICKED_UP', [teapots]), eventId)
    await handle(ShipmentStatusChanged, news(order.id, 'PICKED_UP', [teapots]), eventId)
    expect(await read(buyer, order)).toMatchObject({
      status: 'PARTIALLY_SHIPPED',
      lines: [{ shippedQuantity: 2 }, { shippedQuantity: 0 }],
      timeline: { totalCount: 1 },
    })
    await handle(ShipmentStatusChanged, news(order.id, 'IN_TRANSIT', [teapots]))
    await handle(ShipmentStatusChanged, news(order.id, 'PICKED_UP', [kettle]))
    await handle(ShipmentStatusChanged, news(order.id, 'DELIVERED', [teapots]))
    expect(await read(buyer, order)).toMatchObject({ status: 'SHIPPED' })
    await handle(ShipmentStatusChanged, news(order.id, 'DELIVERED', [kettle]))
    expect(await read(buyer, order)).toMatchObject({ status: 'DELIVERED' })
    const announced = await facts(order.id)
    expect(announced.map(({ name, data }) => [name, data.to])).toEqual([
      ['OrderStatusChanged', 'PARTIALLY_SHIPPED'],
      ['OrderStatusChanged', 'SHIPPED'],
      ['OrderStatusChanged', 'DELIVERED'],
      ['OrderDelivered', undefined],
    ])
    expect(announced.at(-1)).toMatchObject({ owner: { kind: 'user', id: buyer.id }, entityId: order.id })
  })

  test('of a shipment of some other order, by changing nothing', async () => {
    const { order, lines } = await anOrder(shop, aCustomer())
    const { order: other } = await anOrder(shop, aCustomer())
    await handle(ShipmentStatusChanged, news(other.id, 'PICKED_UP', lines))
    expect(await read(staff, other)).toMatchObject({ status: 'CONFIRMED' })
    expect(await read(staff, order)).toMatchObject({
      status: 'CONFIRMED',
      lines: [{ shippedQuantity: 0 }, { shippedQuantity: 0 }],
    })
    await handle(ShipmentStatusChanged, news(uuidv7(), 'DELIVERED', lines))
  })

  test('of a guest who signed in: the order is the account’s and the guest’s no more', async () => {
    const guest = aGuest()
    const account = aCustomer()
    const { order } = await anOrder(shop, guest)
    expect(await read(guest, order)).toMatchObject({ customer: null })
    await handle(GuestClaimed, { guestId: guest.id, userId: account.id, cartMergeStrategy: 'SUM_QUANTITIES' })
    expect(await read(guest, order)).toBeNull()
    expect(await read(account, order)).toMatchObject({ customer: { id: account.id }, version: 2 })
  })
})

describe('watching an order', () => {
  const WATCH = 'subscription ($orderId: ID!) { orderUpdated(orderId: $orderId) { status version } }'

  test('tells how it is now, then each change', async () => {
    const buyer = aCustomer()
    const { order } = await anOrder(shop, buyer)
    const changes = shop.watch('orders', buyer, WATCH, { orderId: order.id })
    expect((await changes.next()).value.data).toEqual({ orderUpdated: { status: 'CONFIRMED', version: 1 } })
    const change = changes.next()
    const input = { orderId: order.id, status: 'ON_HOLD', expectedVersion: 1, idempotencyKey: uuidv7() }
    await ask(staff, 'mutation ($input: OrderStatusUpdateInput!) { orderStatusUpdate(input: $input) { isReplay } }', {
      input,
    })
    expect((await change).value.data).toEqual({ orderUpdated: { status: 'ON_HOLD', version: 2 } })
    await changes.return!()
  })

  test('is not there for whoever may not see it', async () => {
    const { order } = await anOrder(shop, aCustomer())
    const { value } = await shop.watch('orders', aCustomer(), WATCH, { orderId: order.id }).next()
    expect(value.errors).toMatchObject([{ extensions: { code: 'NOT_FOUND' } }])
  })
})
