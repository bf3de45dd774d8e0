import postgres from 'postgres'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Announced } from '#platform/facts.ts'
import { demoId, uuidv7 } from '#platform/ids.ts'
import type { Viewer } from '#platform/viewer.ts'
import { openParts, type Parts } from '../../tests/setup/parts.ts'
import { aCustomer, aGuest, aService, staffWith } from '../../tests/setup/viewers.ts'
import { ShipmentStatusChanged } from '../delivery/events.ts'
import { GuestClaimed } from '../users/events.ts'
import { recordPaid, recordUnpaid } from './placement.ts'
import { orderLines, orders, type OrderRow } from './tables.ts'

const alice: Viewer = { ...aCustomer(), id: demoId('user/alice') }
const delivered = demoId('order/alice-delivered')
const staff = staffWith('orders:read', 'orders:manage')

let shop: Parts
beforeAll(async () => {
  shop = await openParts(['orders'])
  await shop.part('orders').subgraph.seed!(shop.part('orders').ownContext())
})
afterAll(() => shop[Symbol.asyncDispose]())

const ask = (viewer: Viewer, query: string, variables?: Record<string, unknown>) =>
  shop.ask('orders', viewer, query, variables)
const db = () => shop.part('orders').ownContext().db

/** An order of two lines by `owner`, as a checkout would leave it. */
async function anOrder(owner: { kind: 'guest' | 'user'; id: string }, set: Partial<typeof orders.$inferInsert> = {}) {
  const at = new Date()
  const id = uuidv7()
  const amounts = { subtotalMinor: 3000, discountMinor: 0, shippingMinor: 490, taxMinor: 557, totalMinor: 3490 }
  const [order] = await db()
    .insert(orders)
    .values({
      ...amounts,
      id,
      ownerKind: owner.kind,
      ownerId: owner.id,
      number: `T${id.slice(-12)}`,
      status: 'CONFIRMED',
      currency: 'EUR',
      taxLines: [],
      placedAt: at,
      createdAt: at,
      updatedAt: at,
      ...set,
    })
    .returning()
  const line = (position: number, quantity: number, title: string) => ({
    id: uuidv7(),
    orderId: id,
    position,
    quantity,
    title,
    variantId: uuidv7(),
    productId: uuidv7(),
    sku: `SKU-${position}`,
    currency: 'EUR',
    unitPriceMinor: 1000,
    discountMinor: 0,
    taxMinor: 160,
    totalMinor: quantity * 1000,
  })
  const lines = [line(0, 2, 'Teapot'), line(1, 1, 'Kettle')]
  await db().insert(orderLines).values(lines)
  return { order: order!, lines }
}

const address = {
  name: 'Greta',
  company: null,
  line1: 'Am Markt 1',
  line2: null,
  city: 'Bremen',
  region: null,
  postalCode: '28195',
  countryCode: 'DE',
  phone: null,
  location: null,
}

const ORDER = /* GraphQL */ `
  query ($id: ID, $number: String) {
    order(id: $id, number: $number) {
      id
      number
      status
      customer {
        id
      }
      email
      currencyCode
      lines {
        id
        variant {
          id
        }
        title
        sku
        quantity
        shippedQuantity
        unitPrice {
          amount
          currencyCode
        }
        total {
          amount
        }
      }
      subtotal {
        amount
      }
      discountTotal {
        amount
      }
      shippingTotal {
        amount
      }
      taxLines {
        title
        rate
        amount {
          amount
        }
        isIncludedInPrice
      }
      taxTotal {
        amount
      }
      total {
        amount
        currencyCode
      }
      shippingAddress {
        line1
        location {
          latitude
        }
      }
      deliveryName
      promisedBy
      timeline {
        nodes {
          kind
        }
        totalCount
      }
      placedAt
      version
    }
  }
`

describe('an order', () => {
  test('is read by id or number, with lines, totals and timeline', async () => {
    const { order } = await ask(alice, ORDER, { id: delivered })
    expect(order).toMatchObject({
      number: '10001',
      status: 'DELIVERED',
      customer: { id: demoId('user/alice') },
      subtotal: { amount: '53.90' },
      discountTotal: { amount: '0.00' },
      shippingTotal: { amount: '4.90' },
      taxTotal: { amount: '9.39' },
      taxLines: [{ title: 'VAT 19 %', rate: '0.19', amount: { amount: '9.39' }, isIncludedInPrice: true }],
      total: { amount: '58.80', currencyCode: 'EUR' },
      shippingAddress: { line1: 'Kastanienallee 12', location: { latitude: 52.538 } },
      deliveryName: 'Standard',
    })
    expect(order.lines).toMatchObject([
      { sku: 'TEE-LINEN-BLU-M', quantity: 1, shippedQuantity: 1, unitPrice: { amount: '24.90' } },
      {
        sku: 'MUG-STONE-GRY',
        quantity: 2,
        total: { amount: '29.00' },
        variant: { id: demoId('variant/MUG-STONE-GRY') },
      },
    ])
    expect(order.timeline.nodes.map(({ kind }: { kind: string }) => kind)).toEqual([
      'SHIPMENT_DELIVERED',
      'SHIPMENT_PICKED_UP',
      'PAID',
      'PLACED',
    ])
    expect(order.timeline.totalCount).toBe(4)
    expect((await ask(alice, ORDER, { number: '10001' })).order).toEqual(order)
  })

  test('is null for a stranger, for nobody, and for ids that are unknown or malformed', async () => {
    for (const viewer of [aCustomer(), aGuest(), { kind: 'anonymous' } as const, aService('cart')]) {
      expect(await ask(viewer, '{ order(number: "10001") { id } }')).toEqual({ order: null })
    }
    for (const id of [uuidv7(), 'x', '']) expect(await ask(alice, ORDER, { id })).toEqual({ order: null })
    expect(await ask(alice, '{ order { id } }')).toEqual({ order: null })
  })

  test('is seen by staff, and by another part acting for its buyer', async () => {
    const query = '{ order(number: "10001") { id } }'
    expect(await ask(staffWith('orders:read'), query)).toEqual({ order: { id: delivered } })
    expect(await ask({ kind: 'service', name: 'support', onBehalfOf: alice }, query)).toEqual({
      order: { id: delivered },
    })
  })

  test('takes one statement per relation', async () => {
    expect(await shop.statements(() => ask(alice, ORDER, { id: delivered }))).toHaveLength(4)
  })

  test('has numbers that go on from the demo shop’s', async () => {
    const [row] = await db().execute<{ number: string }>("select nextval('orders.order_numbers')::text as number")
    expect(Number(row!.number)).toBeGreaterThanOrEqual(10_003)
    await shop.part('orders').subgraph.seed!(shop.part('orders').ownContext())
    const [next] = await db().execute<{ number: string }>("select nextval('orders.order_numbers')::text as number")
    expect(Number(next!.number)).toBe(Number(row!.number) + 1)
  })
})

describe('references from other parts', () => {
  const ENTITIES = /* GraphQL */ `
    query ($representations: [_Any!]!) {
      _entities(representations: $representations) {
        ... on Order {
          number
        }
        ... on OrderLine {
          sku
        }
        ... on User {
          orderCount
          orders {
            nodes {
              number
            }
          }
        }
      }
    }
  `
  const representations = [
    { __typename: 'Order', id: delivered },
    { __typename: 'Order', number: '10001' },
    { __typename: 'OrderLine', id: demoId('order-line/alice-delivered-1') },
    { __typename: 'User', id: demoId('user/alice') },
  ]

  test('are answered for the buyer and for staff', async () => {
    const mine = [{ number: '10001' }, { number: '10001' }, { sku: 'TEE-LINEN-BLU-M' }]
    const hers = { orderCount: 2, orders: { nodes: [{ number: '10002' }, { number: '10001' }] } }
    expect(await ask(alice, ENTITIES, { representations })).toEqual({ _entities: [...mine, hers] })
    expect(await ask(staffWith('orders:read'), ENTITIES, { representations })).toEqual({ _entities: [...mine, hers] })
  })

  test('are null for everybody else', async () => {
    for (const viewer of [aCustomer(), { kind: 'anonymous' } as const, aService('support')]) {
      const { _entities: found } = await ask(viewer, ENTITIES, { representations })
      expect(found).toEqual([null, null, null, { orderCount: null, orders: null }])
    }
  })
})

describe('the list of orders', () => {
  const LIST = /* GraphQL */ `
    query ($filter: OrderFilter, $first: Int, $after: String) {
      orders(filter: $filter, first: $first, after: $after) {
        nodes {
          number
        }
        pageInfo {
          hasNextPage
          endCursor
        }
        totalCount
      }
    }
  `
  const numbers = async (filter: Record<string, unknown>) =>
    (await ask(staff, LIST, { filter })).orders.nodes.map(({ number }: { number: string }) => number)

  test('is for staff', async () => {
    const [refused] = (await shop.answer('orders', alice, LIST)).errors!
    expect(refused!.extensions.code).toBe('FORBIDDEN')
    const [unknown] = (await shop.answer('orders', aGuest(), LIST)).errors!
    expect(unknown!.extensions.code).toBe('UNAUTHENTICATED')
  })

  test('is narrowed by state, customer, text and time', async () => {
    const customerId = demoId('user/alice')
    expect(await numbers({ customerId, statuses: ['SHIPPED'] })).toEqual(['10002'])
    expect(await numbers({ customerId, query: 'linen' })).toEqual(['10001'])
    expect(await numbers({ query: '%' })).toEqual([])
    expect(await numbers({ customerId: 'nobody' })).toEqual([])
    expect(await numbers({ customerId, placedTo: new Date(Date.now() - 7 * 86_400_000).toISOString() })).toEqual([
      '10001',
    ])
  })

  test('comes in pages', async () => {
    const filter = { customerId: demoId('user/alice') }
    const { orders: first } = await ask(staff, LIST, { filter, first: 1 })
    expect(first).toMatchObject({ nodes: [{ number: '10002' }], pageInfo: { hasNextPage: true }, totalCount: 2 })
    const { orders: second } = await ask(staff, LIST, { filter, first: 1, after: first.pageInfo.endCursor })
    expect(second).toMatchObject({ nodes: [{ number: '10001' }], pageInfo: { hasNextPage: false } })
  })

  test('reads lines and timelines of all its orders at once', async () => {
    const query = '{ orders { nodes { lines { sku } timeline(first: 2) { nodes { kind } } } } }'
    expect(await shop.statements(() => ask(staff, query))).toHaveLength(3)
    const { orders: all } = await ask(staff, query)
    expect(all.nodes.at(-1).timeline.nodes).toEqual([{ kind: 'SHIPMENT_DELIVERED' }, { kind: 'SHIPMENT_PICKED_UP' }])
  })

  test('refuses a page of nothing', async () => {
    const [error] = (await shop.answer('orders', staff, LIST, { first: 0 })).errors!
    expect(error!.extensions.code).toBe('BAD_USER_INPUT')
  })
})

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
    const { order } = await anOrder(aCustomer())
    const key = uuidv7()
    const held = await update(order.id, 'ON_HOLD', 1, key)
    expect(held).toMatchObject({ order: { status: 'ON_HOLD', version: 2 }, isReplay: false, userErrors: [] })
    expect(held.order.timeline.nodes[0]).toEqual({ kind: 'ON_HOLD', actor: { id: staff.id } })
    expect(await update(order.id, 'ON_HOLD', 1, key)).toMatchObject({ order: { version: 2 }, isReplay: true })
    expect(await update(order.id, 'CONFIRMED', 2)).toMatchObject({ order: { status: 'CONFIRMED', version: 3 } })
  })

  test('refuses what follows from shipments, stale versions and unknown orders', async () => {
    const { order } = await anOrder(aCustomer())
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
    const { order } = await anOrder(aCustomer())
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
    const { order, lines } = await anOrder(buyer)
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
    const { order, lines } = await anOrder(aCustomer())
    const { order: other } = await anOrder(aCustomer())
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
    const { order } = await anOrder(guest)
    expect(await read(guest, order)).toMatchObject({ customer: null })
    await handle(GuestClaimed, { guestId: guest.id, userId: account.id, cartMergeStrategy: 'SUM_QUANTITIES' })
    expect(await read(guest, order)).toBeNull()
    expect(await read(account, order)).toMatchObject({ customer: { id: account.id }, version: 2 })
  })

  test('of its money taken: the goods may leave', async () => {
    const { order, lines } = await anOrder(aGuest(), {
      shippingAddress: address,
      deliveryName: 'Express',
      promisedFrom: new Date(),
      promisedBy: new Date(),
    })
    const [{ variantId, id }] = lines as [(typeof lines)[0]]
    const sold = [{ variantId, productId: uuidv7(), locationId: uuidv7(), quantity: 2 }]
    await own().db.transaction((tx) => recordPaid(tx, own(), order.id, sold))
    expect(await facts(order.id)).toMatchObject([
      {
        name: 'OrderReadyToShip',
        entityVersion: 2,
        data: { deliveryName: 'Express', allocations: [{ orderLineId: id, quantity: 2 }] },
      },
    ])
  })

  test('of its money refused for good: it is held for staff, once', async () => {
    const { order } = await anOrder(aGuest())
    for (let time = 0; time < 2; time++) {
      await own().db.transaction((tx) => recordUnpaid(tx, own(), order.id, 'The card was closed.'))
    }
    expect(await read(staff, order)).toMatchObject({
      status: 'ON_HOLD',
      timeline: { nodes: [{ kind: 'PAYMENT_FAILED' }] },
    })
    expect(await facts(order.id)).toMatchObject([
      { data: { from: 'CONFIRMED', to: 'ON_HOLD', reason: 'The card was closed.' } },
    ])
  })
})

describe('watching an order', () => {
  const WATCH = 'subscription ($orderId: ID!) { orderUpdated(orderId: $orderId) { status version } }'

  test('tells how it is now, then each change', async () => {
    const buyer = aCustomer()
    const { order } = await anOrder(buyer)
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

  test('ends at once for whoever may not see it', async () => {
    const { order } = await anOrder(aCustomer())
    expect(await shop.watch('orders', aCustomer(), WATCH, { orderId: order.id }).next()).toMatchObject({ done: true })
  })
})
