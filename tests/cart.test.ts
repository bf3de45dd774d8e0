// A cart through the router: what its owner does to it, and what happens around it meanwhile.
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { until } from './setup/until.ts'
import { address, readyCart } from './system/buying.ts'
import { Visitor } from './system/client.ts'
import { guestAt, signedIn, signIn } from './system/people.ts'
import { OPENING_MS, oneProcess, type Shop } from './system/topology.ts'

let shop: Shop
let router: string
let admin: Visitor
let berlin: string
let productId: string
let mug: string
let plate: string
beforeAll(async () => {
  shop = await oneProcess()
  router = shop.routers[0]!
  admin = await signedIn(router, 'admin')
  const { stockLocations } = await admin.query('{ stockLocations { id } }')
  berlin = stockLocations[0].id
  productId = (await admin.change('productCreate', { name: 'Travel Set', status: 'ACTIVE' }, 'product { id }')).product
    .id
  ;[mug, plate] = [await variant('SET-MUG', 'Mug', '10.00', 5), await variant('SET-PLATE', 'Plate', '7.00', 100)]
}, OPENING_MS)
afterAll(() => shop?.[Symbol.asyncDispose]())

async function variant(sku: string, piece: string, price: string, units: number): Promise<string> {
  const input = { productId, sku, price: eur(price), options: [{ name: 'Piece', value: piece }], maxOrderQuantity: 8 }
  const { productVariant } = await admin.change('productVariantUpsert', input, 'productVariant { id }')
  const restock = { variantId: productVariant.id, locationId: berlin, quantity: units, idempotencyKey: randomUUID() }
  await admin.change('stockRestock', restock, 'isReplay')
  return productVariant.id
}

const eur = (amount: string) => ({ amount, currencyCode: 'EUR' })
const CART = `cart { id version totalQuantity lines { id sku quantity unitPrice { amount } total { amount } }
  subtotal { amount } discountTotal { amount } total { amount } }`
const PROBLEMS = `problems { __typename ... on LinePriceChanged { previous { amount } current { amount } line { sku } }
  ... on LineQuantityReduced { available line { sku quantity } } ... on LineOutOfStock { line { sku } }
  ... on LineUnavailable { line { sku } } }`
const page = async (visitor: Visitor, id?: string) =>
  (
    await visitor.query(
      `query ($id: ID) { cart(id: $id) { id status totalQuantity lines { sku quantity } total { amount } ${PROBLEMS} } }`,
      { id },
    )
  ).cart
const create = (visitor: Visitor, ...lines: [variantId: string, quantity: number][]) =>
  visitor.change('cartCreate', { lines: lines.map(([variantId, quantity]) => ({ variantId, quantity })) }, CART)

describe('a guest’s cart', () => {
  let guest: Visitor
  let cartId: string

  test('takes goods: more of one is more on its line', async () => {
    guest = await guestAt(router)
    const { cart, errors } = await create(guest, [mug, 1])
    expect(errors).toEqual([])
    cartId = cart.id
    const lines = [
      { variantId: mug, quantity: 1 },
      { variantId: plate, quantity: 3 },
    ]
    const added = await guest.change('cartLinesAdd', { cartId, lines }, CART)
    expect(added).toMatchObject({
      errors: [],
      cart: {
        lines: [
          { sku: 'SET-MUG', quantity: 2, total: { amount: '20.00' } },
          { sku: 'SET-PLATE', quantity: 3, total: { amount: '21.00' } },
        ],
        subtotal: { amount: '41.00' },
      },
    })
  })

  test('holds no more than there is and than one may buy, and nothing that is not sold', async () => {
    const add = (variantId: string, quantity: number) =>
      guest.change('cartLinesAdd', { cartId, lines: [{ variantId, quantity }] }, CART)
    expect((await add(mug, 4)).errors).toEqual(['INSUFFICIENT_STOCK input.lines.0.quantity'])
    expect((await add(plate, 6)).errors).toEqual(['LIMIT_EXCEEDED input.lines.0.quantity'])
    expect((await add(randomUUID(), 1)).errors).toEqual(['NOT_FOUND input.lines.0.variantId'])
    const text = `mutation ($input: CartLinesAddInput!) { cartLinesAdd(input: $input) { userErrors {
      ... on InsufficientStockError { requested available variant { sku } } } } }`
    const { cartLinesAdd } = await guest.query(text, { input: { cartId, lines: [{ variantId: mug, quantity: 4 }] } })
    expect(cartLinesAdd.userErrors).toEqual([{ requested: 6, available: 5, variant: { sku: 'SET-MUG' } }])
  })

  test('changes its lines, and tells whoever watches it', async () => {
    await using watcher = guest.at(router)
    using live = watcher.subscribe(
      'subscription ($id: ID!) { cartUpdated(cartId: $id) { totalQuantity lines { sku } } }',
      { id: cartId },
    )
    await until(async () => live.events.length > 0)
    const { lines, version } = (await guest.query(`{ ${CART} }`)).cart
    const [mugs, plates] = lines
    const update = (quantity: number) =>
      guest.change(
        'cartLinesUpdate',
        { cartId, lines: [{ lineId: mugs.id, quantity }], expectedVersion: version },
        CART,
      )
    expect(await update(5)).toMatchObject({ errors: [], cart: { totalQuantity: 8 } })
    expect((await update(1)).errors).toEqual(['STALE_VERSION input.expectedVersion'])
    await until(async () => live.events.at(-1)!.totalQuantity === 8)
    const remove = () => guest.change('cartLinesRemove', { cartId, lineIds: [plates.id] }, CART)
    expect(await remove()).toMatchObject({ errors: [], cart: { lines: [{ sku: 'SET-MUG' }] } })
    expect(await remove()).toMatchObject({ errors: [] })
    expect(await guest.change('cartClear', { cartId }, CART)).toMatchObject({ errors: [], cart: { lines: [] } })
    await until(async () => live.events.at(-1)!.lines.length === 0)
  })

  test('is nobody else’s', async () => {
    const bob = await signedIn(router, 'bob')
    expect(await page(bob, cartId)).toBeNull()
    expect((await bob.change('cartClear', { cartId }, CART)).errors).toEqual(['NOT_FOUND input.cartId'])
  })
})

describe('while goods lie in a cart', () => {
  test('their price, their number and the goods themselves may change: the buyer is told', async () => {
    const pan = await variant('SET-PAN', 'Pan', '30.00', 4)
    const pot = await variant('SET-POT', 'Pot', '40.00', 2)
    const guest = await guestAt(router)
    await create(guest, [mug, 1], [pan, 4], [pot, 1])
    expect(await page(guest)).toMatchObject({ problems: [], total: { amount: '170.00' } })

    const reprice = { productId, id: mug, sku: 'SET-MUG', price: eur('12.50') }
    expect((await admin.change('productVariantUpsert', reprice, 'productVariant { id }')).errors).toEqual([])
    const take = (variantId: string, delta: number) =>
      admin.change(
        'stockAdjust',
        { changes: [{ variantId, locationId: berlin, delta }], reason: 'Broken', idempotencyKey: randomUUID() },
        'movements { id }',
      )
    await take(pan, -3)
    await take(pot, -2)
    const now = await until(async () => {
      const seen = await page(guest)
      return seen.problems.length === 3 && seen
    })
    expect(now.problems).toEqual(
      expect.arrayContaining([
        {
          __typename: 'LinePriceChanged',
          previous: { amount: '10.00' },
          current: { amount: '12.50' },
          line: { sku: 'SET-MUG' },
        },
        { __typename: 'LineQuantityReduced', available: 1, line: { sku: 'SET-PAN', quantity: 1 } },
        { __typename: 'LineOutOfStock', line: { sku: 'SET-POT' } },
      ]),
    )

    await admin.change('productVariantDelete', { id: pot }, 'deletedId')
    await until(async () =>
      (await page(guest)).problems.some(({ __typename }: { __typename: string }) => __typename === 'LineUnavailable'),
    )
  })
})

describe('a guest who signs in', () => {
  test('brings the cart along, in the way asked for', async () => {
    const text = `mutation ($strategy: CartMergeStrategy!) { sessionCreate(input: { email: "bob@example.com",
      password: "password123", cartMergeStrategy: $strategy }) { authTokens { accessToken refreshToken } } }`
    const quantities: Record<string, number> = {}
    for (const strategy of ['SUM_QUANTITIES', 'PREFER_GUEST', 'PREFER_ACCOUNT', 'REPLACE_WITH_GUEST']) {
      const bob = await signedIn(router, 'bob')
      const { cart } = await create(bob)
      await bob.change('cartClear', { cartId: cart.id }, CART)
      await create(bob, [plate, 2], [mug, 1])
      const guest = await guestAt(router)
      const theirs = await create(guest, [plate, 3])
      guest.keep((await guest.query(text, { strategy })).sessionCreate.authTokens)
      const merged = await page(guest)
      const units = (sku: string) => merged.lines.find((line: { sku: string }) => line.sku === sku)?.quantity ?? 0
      quantities[strategy] = units('SET-PLATE') * 10 + units('SET-MUG')
      expect(await page(guest, theirs.cart.id)).toMatchObject({ status: 'MERGED' })
      const change = { cartId: theirs.cart.id }
      expect((await guest.change('cartClear', change, CART)).errors[0]).toMatch(/^STATE_TRANSITION/)
    }
    // Plates, then mugs.
    expect(quantities).toEqual({ SUM_QUANTITIES: 51, PREFER_GUEST: 31, PREFER_ACCOUNT: 21, REPLACE_WITH_GUEST: 30 })
  })

  test('keeps what was bought as a guest', async () => {
    const guest = await guestAt(router)
    const { cartId } = await readyCart(guest, [{ variantId: plate, quantity: 1 }], 'bob@example.com')
    await signIn(guest, 'bob')
    const { cart } = await guest.query('{ cart { shippingAddress { city } lines { sku } } }')
    expect(cart).toMatchObject({
      shippingAddress: { city: address.city },
      lines: expect.arrayContaining([{ sku: 'SET-PLATE' }]),
    })
    expect(await page(guest, cartId)).toMatchObject({ status: 'MERGED' })
  })
})

describe('offers', () => {
  const offer = (input: Record<string, unknown>) => admin.change('promotionUpsert', input, 'promotion { id }')

  test('of every kind come off a cart, and end with the promotion', async () => {
    const made = [
      await offer({ name: 'A tenth', kind: 'PERCENT_OFF', percentOff: '10', code: 'TENTH' }),
      await offer({ name: 'Two off', kind: 'AMOUNT_OFF', amountOff: eur('2.00'), code: 'TWO' }),
      await offer({ name: 'Sent free', kind: 'FREE_SHIPPING', code: 'SENT' }),
      await offer({ name: 'Third free', kind: 'BUY_X_GET_Y', buyQuantity: 2, getQuantity: 1, code: 'THIRD' }),
    ]
    expect(made.flatMap(({ errors }) => errors)).toEqual([])
    expect((await offer({ name: 'Again', kind: 'FREE_SHIPPING', code: 'sent' })).errors).toEqual([
      'CONFLICT input.code',
    ])

    const guest = await guestAt(router)
    const { cartId } = await readyCart(guest, [{ variantId: plate, quantity: 3 }], 'dora@example.com')
    const off = async (code: string) => {
      const { cart } = await guest.change(
        'cartDiscountCodesSet',
        { cartId, codes: [code] },
        'cart { discounts { amount { amount } promotion { name } } shippingTotal { amount } }',
      )
      return cart.discounts.map(({ amount }: { amount: { amount: string } }) => amount.amount)
    }
    const { cart } = await guest.query('{ cart { deliveryOption { price { amount } } } }')
    expect(await off('TENTH')).toEqual(['2.10'])
    expect(await off('TWO')).toEqual(['2.00'])
    expect(await off('SENT')).toEqual([cart.deliveryOption.price.amount])
    expect(await off('THIRD')).toEqual(['7.00'])
    await admin.change('promotionDelete', { id: made.at(-1)!.promotion.id }, 'deletedId')
    expect(await off('THIRD')).toEqual([])
  })

  test('and taxes follow the place', async () => {
    const rate = { countryCode: 'CH', taxCategory: 'standard', rate: '0.081', isIncludedInPrice: false }
    const made = await admin.change('taxRateUpsert', rate, 'taxRate { id }')
    expect(made.errors).toEqual([])
    expect((await admin.change('taxRateUpsert', rate, 'taxRate { id }')).errors[0]).toMatch(/^CONFLICT/)
    const guest = await guestAt(router)
    const { cart } = await create(guest, [plate, 2])
    const { location: _, ...zurich } = { ...address, city: 'Zürich', postalCode: '8001', countryCode: 'CH' }
    const moved = await guest.change(
      'cartBuyerUpdate',
      { cartId: cart.id, shippingAddress: zurich },
      'cart { total { amount } taxTotal { amount } taxLines { rate amount { amount } isIncludedInPrice } }',
    )
    expect(moved).toMatchObject({
      errors: [],
      cart: { taxTotal: { amount: '1.13' }, total: { amount: '15.13' }, taxLines: [{ rate: '0.081' }] },
    })
  })
})
