// Stock through the router: staff receive, count and move goods, shoppers race for them.
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { until } from './setup/until.ts'
import { openCheckout, payment, readyCart } from './system/buying.ts'
import { Visitor, type Data } from './system/client.ts'
import { guestAt, signedIn } from './system/people.ts'
import { OPENING_MS, oneProcess, type Shop } from './system/topology.ts'

let shop: Shop
let router: string
let admin: Visitor
let shopper: Visitor
let berlin: string
let other: string
let variantId: string
beforeAll(async () => {
  shop = await oneProcess()
  router = shop.routers[0]!
  admin = await signedIn(router, 'admin')
  shopper = new Visitor(router)
  const { stockLocations } = await admin.query('{ stockLocations { id name isActive } }')
  ;[berlin, other] = stockLocations.map(({ id }: { id: string }) => id)
  const { product } = await admin.change('productCreate', { name: 'Night Lamp', status: 'ACTIVE' }, 'product { id }')
  const price = { amount: '20.00', currencyCode: 'EUR' }
  const lamp = { productId: product.id, sku: 'LAMP-1', price, lowStockThreshold: 3, weightGrams: 300 }
  variantId = (await admin.change('productVariantUpsert', lamp, 'productVariant { id }')).productVariant.id
}, OPENING_MS)
afterAll(() => shop?.[Symbol.asyncDispose]())

const key = () => randomUUID()
const availability = async () =>
  (await shopper.query('query ($id: ID!) { productVariant(id: $id) { availability } }', { id: variantId }))
    .productVariant.availability
const stock = async () =>
  (
    await admin.query(
      `query ($id: ID!) { productVariant(id: $id) { stock { onHand reserved committed available
        levels { location { id } onHand } } } }`,
      { id: variantId },
    )
  ).productVariant.stock

describe('staff', () => {
  test('receive goods once, however often they say so', async () => {
    const input = { variantId, locationId: berlin, quantity: 12, idempotencyKey: key() }
    const restock = (changed = {}) =>
      admin.change('stockRestock', { ...input, ...changed }, 'isReplay stockMovement { kind quantity }')
    expect(await restock()).toEqual({
      isReplay: false,
      stockMovement: { kind: 'RESTOCK', quantity: 12 },
      errors: [],
    })
    expect(await restock()).toMatchObject({ isReplay: true, errors: [] })
    expect((await restock({ quantity: 13 })).errors).toEqual(['IDEMPOTENCY_KEY_REUSED input.idempotencyKey'])
    expect(await stock()).toMatchObject({ onHand: 12, available: 12 })
    expect(await availability()).toBe('IN_STOCK')
  })

  test('count them: a count of what they no longer are is refused', async () => {
    const count = (quantity: number, changeFromQuantity: number) =>
      admin.change(
        'stockSet',
        {
          targets: [{ variantId, locationId: berlin, quantity, changeFromQuantity }],
          reason: 'Count',
          idempotencyKey: key(),
        },
        'movements { kind quantity reason }',
      )
    expect(await count(11, 12)).toMatchObject({ movements: [{ quantity: -1, reason: 'Count' }], errors: [] })
    expect((await count(10, 12)).errors).toEqual(['CONFLICT input.targets.0.changeFromQuantity'])
  })

  test('move and correct them, never below nothing', async () => {
    const move = { variantId, fromLocationId: berlin, toLocationId: other, quantity: 4, idempotencyKey: key() }
    expect(await admin.change('stockTransfer', move, 'movements { quantity }')).toMatchObject({
      movements: expect.arrayContaining([{ quantity: -4 }, { quantity: 4 }]),
      errors: [],
    })
    const adjust = (delta: number) =>
      admin.change(
        'stockAdjust',
        { changes: [{ variantId, locationId: other, delta }], reason: 'Broken', idempotencyKey: key() },
        'movements { quantity }',
      )
    expect((await adjust(-5)).errors).toEqual([expect.stringMatching(/^INSUFFICIENT_STOCK input\.changes\.0/)])
    expect((await adjust(-1)).errors).toEqual([])
    expect((await stock()).levels).toEqual(
      expect.arrayContaining([
        { location: { id: berlin }, onHand: 7 },
        { location: { id: other }, onHand: 3 },
      ]),
    )
  })

  test('read who did all that', async () => {
    const { stockMovements } = await admin.query(
      `query ($id: ID!) { stockMovements(variantId: $id) { nodes { kind quantity actor { displayName } } } }`,
      { id: variantId },
    )
    const kinds = stockMovements.nodes.map(({ kind }: { kind: string }) => kind)
    expect(kinds).toEqual(['ADJUST', 'TRANSFER', 'TRANSFER', 'ADJUST', 'RESTOCK'])
    expect(stockMovements.nodes[0].actor.displayName).toBe('Ada S.')
  })
})

test('shoppers who watch see goods come and go', async () => {
  const { productVariant: lamp } = await shopper.query('{ productVariant(sku: "LAMP-1") { product { id } } }')
  const price = { amount: '25.00', currencyCode: 'EUR' }
  const big = { productId: lamp.product.id, sku: 'LAMP-2', price, options: [{ name: 'Size', value: 'Big' }] }
  const { productVariant } = await admin.change('productVariantUpsert', big, 'productVariant { id }')
  await using watcher = await guestAt(router)
  using live = watcher.subscribe(
    'subscription ($ids: [ID!]!) { stockAvailabilityChanged(variantIds: $ids) { sku availability } }',
    { ids: [productVariant.id] },
  )
  const adjust = (delta: number) =>
    admin.change(
      'stockAdjust',
      {
        changes: [{ variantId: productVariant.id, locationId: berlin, delta }],
        reason: 'Display',
        idempotencyKey: key(),
      },
      'movements { id }',
    )
  // Nothing says when a subscription begins to listen, and it replays nothing.
  await until(async () => {
    await adjust(100)
    await adjust(-100)
    return new Set(live.events.map(({ availability: now }) => now)).size === 2
  })
  expect(live.errors).toEqual([])
  expect(live.events).toContainEqual({ sku: 'LAMP-2', availability: 'IN_STOCK' })
  expect(live.events).toContainEqual({ sku: 'LAMP-2', availability: 'OUT_OF_STOCK' })
})

describe('ten lamps and thirty buyers at once', () => {
  const BUYERS = 30

  test('are ten orders and twenty refusals, and staff are warned once', async () => {
    expect(await stock()).toMatchObject({ available: 10 })
    using alerts = admin.subscribe('subscription { lowStockAlertRaised { variant { sku } location { id } threshold } }')
    const buyers = await Promise.all(
      Array.from({ length: BUYERS }, async (_, index) => {
        const buyer = await guestAt(router)
        const { cartId, total } = await readyCart(buyer, [{ variantId, quantity: 1 }], `buyer-${index}@example.com`)
        return { buyer, request: await payment(buyer, await openCheckout(buyer, cartId), total) }
      }),
    )
    const answers = await Promise.all(
      buyers.map(async ({ buyer, request }) => (await buyer.ask('checkout-complete', request)).checkoutComplete),
    )
    const orders = new Set(answers.flatMap(({ order }) => (order ? [order.id] : [])))
    const refusals = answers.flatMap(({ userErrors }) => userErrors.map(({ code }: { code: string }) => code))
    expect(orders.size).toBe(10)
    expect(refusals).toEqual(Array.from({ length: 20 }, () => 'INSUFFICIENT_STOCK'))
    expect(await stock()).toMatchObject({ onHand: 10, reserved: 0, committed: 10, available: 0 })
    expect(await availability()).toBe('OUT_OF_STOCK')

    const list =
      '{ lowStockAlerts(open: true, first: 100) { nodes { variant { sku } location { id } } } lowStockVariants(first: 100) { nodes { sku } } }'
    const { lowStockAlerts, lowStockVariants } = await admin.query(list)
    const ofLamps = ({ variant }: Data) => variant.sku === 'LAMP-1'
    const open = lowStockAlerts.nodes.filter(ofLamps)
    expect(new Set(open.map(({ location }: { location: { id: string } }) => location.id)).size).toBe(open.length)
    expect(open.length).toBeGreaterThan(0)
    expect(lowStockVariants.nodes).toContainEqual({ sku: 'LAMP-1' })
    await until(async () => alerts.events.filter(ofLamps).length > 0)
  })

  test('who wants one can ask to hear of it, and a restock ends the warning', async () => {
    const alice = await signedIn(router, 'alice')
    const asked = await alice.change('backInStockSubscribe', { variantId }, 'ok')
    expect(asked).toEqual({ ok: true, errors: [] })
    const restock = { variantId, locationId: berlin, quantity: 20, idempotencyKey: key() }
    await admin.change('stockRestock', restock, 'isReplay')
    expect(await availability()).toBe('IN_STOCK')
    const { lowStockAlerts } = await admin.query(
      '{ lowStockAlerts(open: true, first: 100) { nodes { variant { sku } location { id } } } }',
    )
    const berlinLamps = ({ variant, location }: { variant: { sku: string }; location: { id: string } }) =>
      variant.sku === 'LAMP-1' && location.id === berlin
    expect(lowStockAlerts.nodes.filter(berlinLamps)).toEqual([])
    expect((await alice.change('backInStockSubscribe', { variantId }, 'ok')).errors).toEqual([
      'NOT_APPLICABLE input.variantId',
    ])
  })
})
