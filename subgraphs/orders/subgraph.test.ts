import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { demoId, uuidv7 } from '#platform/ids.ts'
import type { Viewer } from '#platform/viewer.ts'
import { openParts, type Parts } from '../../tests/setup/parts.ts'
import { aCustomer, aGuest, aService, staffWith } from '../../tests/setup/viewers.ts'
import { ORDER } from './order.fixture.ts'

const alice: Viewer = { ...aCustomer(), id: demoId('user/alice') }
const delivered = demoId('order/alice-delivered')
const staff = staffWith('orders:read')

let shop: Parts
beforeAll(async () => {
  shop = await openParts(['orders'])
  await shop.part('orders').subgraph.seed!(shop.part('orders').ownContext())
})
afterAll(() => shop[Symbol.asyncDispose]())

const ask = (viewer: Viewer, query: string, variables?: Record<string, unknown>) =>
  shop.ask('orders', viewer, query, variables)

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
    const [row] = await shop
      .part('orders')
      .ownContext()
      .db.execute<{ number: string }>("select nextval('orders.order_numbers')::text as number")
    expect(Number(row!.number)).toBeGreaterThanOrEqual(10_003)
    await shop.part('orders').subgraph.seed!(shop.part('orders').ownContext())
    const [next] = await shop
      .part('orders')
      .ownContext()
      .db.execute<{ number: string }>("select nextval('orders.order_numbers')::text as number")
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
