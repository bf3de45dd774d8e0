import { eq, getTableColumns } from 'drizzle-orm'
import { afterAll, describe, expect, test } from 'vitest'
import { uuidv7 } from '#platform/ids.ts'
import type { Viewer } from '#platform/viewer.ts'
import { until } from '../../tests/setup/until.ts'
import { aCustomer, aGuest, aService, staffWith } from '../../tests/setup/viewers.ts'
import { pricingKept } from './price-cache.ts'
import { currentEpoch } from './price-epoch.ts'
import { pricingOf } from './pricing.ts'
import { releaseUsageOf } from './promotion-uses.ts'
import { MUG, TEE, openShop } from './shopping.fixture.ts'
import { carts } from './tables.ts'

const { shop, db, mutate, read, withLines, pricesChanged } = await openShop('cart', 'inventory')
afterAll(() => shop[Symbol.asyncDispose]())

const staff = staffWith('promotions:manage', 'inventory:manage', 'inventory:read')
const tee = { variantId: TEE.id, quantity: 1 }
const cost = async (viewer: Viewer) => (await shop.statements(() => read(viewer))).length
async function offer(input: object) {
  const document = `mutation ($input: PromotionUpsertInput!) { promotionUpsert(input: $input) { promotion { id } } }`
  const money = { amount: '1.00', currencyCode: 'EUR' }
  const given = { name: 'A euro', kind: 'AMOUNT_OFF', amountOff: money, ...input }
  return (await shop.ask('cart', staff, document, { input: given })).promotionUpsert.promotion
}

async function stockOf(variantId: string): Promise<{ maxOrderQuantity: number; available: number }> {
  const document = `query ($ids: [ID!]!) { variantsForCart(ids: $ids) { maxOrderQuantity stock { available } } }`
  const { variantsForCart } = await shop.ask('inventory', aService('cart'), document, { ids: [variantId] })
  return { ...variantsForCart[0].stock, ...variantsForCart[0] }
}
async function use(field: 'promotionUsageReserve' | 'promotionUsageRelease', input: object) {
  const type = `${field[0]!.toUpperCase()}${field.slice(1)}Input!`
  const document = `mutation ($input: ${type}) { ${field}(input: $input) { ok } }`
  const answer = await shop.ask('cart', aService('orders'), document, { input: { idempotencyKey: uuidv7(), ...input } })
  expect(answer[field].ok).toBe(true)
}
/** What other buyers do. */
async function reserveAllBut(units: number, variantId: string): Promise<void> {
  const lines = [{ variantId, quantity: (await stockOf(variantId)).available - units }]
  const input = { checkoutId: uuidv7(), attempt: 1, lines, idempotencyKey: uuidv7() }
  const reserve = 'mutation ($input: StockReserveInput!) { stockReserve(input: $input) { userErrors { code } } }'
  expect((await shop.ask('inventory', aService('orders'), reserve, { input })).stockReserve.userErrors).toEqual([])
}

describe('what a cart comes to is kept', () => {
  test('and read again by one statement', async () => {
    const viewer = aGuest()
    await withLines(viewer, [tee])
    const first = await read(viewer)
    expect(await cost(viewer)).toBe(1)
    expect(await read(viewer)).toEqual(first)
  })

  test('never longer than until its buyer changes it: nobody reads what was before their own write', async () => {
    const viewer = aCustomer()
    const { id: cartId } = await withLines(viewer, [tee])
    // The answer says nothing of prices, so nothing is priced, and kept, on the way.
    const document = `mutation ($input: CartLinesAddInput!) { cartLinesAdd(input: $input) { cart { version } } }`
    const input = { cartId, lines: [{ variantId: MUG.id, quantity: 1 }] }
    for (let version = 2; version <= 4; version += 1) {
      expect((await shop.ask('cart', viewer, document, { input })).cartLinesAdd.cart).toEqual({ version })
      expect(await read(viewer)).toMatchObject({ version, totalQuantity: version })
    }
    await Promise.all(
      Array.from({ length: 12 }, async () => {
        const added = (await shop.ask('cart', viewer, document, { input })).cartLinesAdd.cart
        const seen = await read(viewer)
        expect(seen.version).toBeGreaterThanOrEqual(added.version)
        // One unit for each version: the content is that version's, or a newer one's.
        expect(seen.totalQuantity).toBeGreaterThanOrEqual(added.version)
      }),
    )
    expect(await read(viewer)).toMatchObject({ version: 16, totalQuantity: 16 })
  })

  test('with what a sign-in left out, until its lines change', async () => {
    const [guest, account] = [aGuest(), aCustomer()]
    await withLines(guest, [{ ...tee, quantity: 2 }])
    const { id: cartId } = await withLines(account, [tee])
    const claim = { guestId: guest.id, userId: account.id, strategy: 'PREFER_ACCOUNT', idempotencyKey: uuidv7() }
    await mutate(aService('users'), 'cartMerge', claim)
    const told = [{ __typename: 'LineLeftOut', sku: TEE.sku, quantity: 2, variant: { id: TEE.id } }]
    expect((await read(account)).problems).toMatchObject(told)
    expect(await cost(account)).toBe(1)
    expect((await read(account)).problems).toMatchObject(told)
    const lines = [{ variantId: MUG.id, quantity: 1 }]
    expect((await mutate(account, 'cartLinesAdd', { cartId, lines })).cart.problems).toEqual([])
  })

  test('never longer than until staff change an offer', async () => {
    const viewer = aGuest()
    await withLines(viewer, [tee])
    const { id } = await offer({})
    expect(await read(viewer)).toMatchObject({ total: { amount: '23.90' } })
    await offer({ id, isActive: false })
    expect(await read(viewer)).toMatchObject({ total: { amount: '24.90' } })
    const second = await offer({})
    expect(await read(viewer)).toMatchObject({ total: { amount: '23.90' } })
    const remove = 'mutation ($id: ID!) { promotionDelete(input: { id: $id }) { deletedId } }'
    await shop.ask('cart', staff, remove, { id: second.id })
    expect(await read(viewer)).toMatchObject({ total: { amount: '24.90' } })
  })

  test('never longer than until an offer begins or ends', async () => {
    const viewer = aGuest()
    const { id } = await withLines(viewer, [tee])
    const start = Date.now()
    const at = (ms: number) => new Date(start + ms)
    await offer({ startsAt: at(100).toISOString(), endsAt: at(200).toISOString() })
    const comesTo = async (amount: string) => (await read(viewer)).total.amount === amount
    try {
      shop.clock.now = at(0)
      expect(await comesTo('24.90')).toBe(true)
      shop.clock.now = at(100)
      await until(() => comesTo('23.90'))
      shop.clock.now = at(200)
      await until(() => comesTo('24.90'))
    } finally {
      shop.clock.now = null
    }
    // Nor when it begins while the cart is priced.
    await pricesChanged()
    const [cart] = await db()
      .select({ ...getTableColumns(carts), epoch: currentEpoch })
      .from(carts)
      .where(eq(carts.id, id))
    const times = [at(99)]
    const slow = { ...shop.part('cart').ownContext(), now: () => times.pop() ?? at(101) }
    expect((await pricingOf(slow, { ...cart!, version: -1 })).total.amountMinor).toBe(2_490)
    expect(await pricingKept(slow, cart!)).toBeNull()
  })

  test('never longer than until others use an offer up, or give a use back', async () => {
    const viewer = aGuest()
    const code = `LAST-${uuidv7()}`
    const { id } = await offer({ code, usageLimit: 2 })
    const { id: cartId } = await withLines(viewer, [tee])
    await mutate(viewer, 'cartDiscountCodesSet', { cartId, codes: [code] })
    const applies = async () => (await read(viewer)).discountCodes[0].isApplicable
    expect(await applies()).toBe(true)
    const uses = [1, 2].map(() => ({ checkoutId: uuidv7(), attempt: 1 }))
    await use('promotionUsageReserve', { ...uses[0], promotionIds: [id], customerId: uuidv7() })
    // One is left: nothing is priced anew for that.
    expect(await cost(viewer)).toBe(1)
    await use('promotionUsageReserve', { ...uses[1], promotionIds: [id], customerId: uuidv7() })
    expect(await applies()).toBe(false)
    await use('promotionUsageRelease', uses[0]!)
    expect(await applies()).toBe(true)
    await use('promotionUsageRelease', uses[1]!)
    expect(await cost(viewer)).toBe(1)
  })

  test('never longer than until a cancelled order gives a use back to its buyer', async () => {
    const viewer = aCustomer()
    const code = `ONCE-${uuidv7()}`
    const { id } = await offer({ code, perCustomerLimit: 1 })
    const checkoutId = uuidv7()
    await use('promotionUsageReserve', { checkoutId, attempt: 1, promotionIds: [id], customerId: viewer.id })
    const { id: cartId } = await withLines(viewer, [tee])
    await mutate(viewer, 'cartDiscountCodesSet', { cartId, codes: [code] })
    const applies = async () => (await read(viewer)).discountCodes[0].isApplicable
    expect(await applies()).toBe(false)
    await releaseUsageOf(shop.part('cart').ownContext(), checkoutId)
    expect(await applies()).toBe(true)
  })

  test('not at all where a single order could leave too few units', async () => {
    const viewer = aGuest()
    await withLines(viewer, [{ variantId: MUG.id, quantity: 2 }])
    expect(await cost(viewer)).toBe(1)
    const { maxOrderQuantity } = await stockOf(MUG.id)
    const leave = async (units: number) => {
      await reserveAllBut(units, MUG.id)
      await pricesChanged()
      await read(viewer)
    }
    await leave(2 + maxOrderQuantity)
    expect(await cost(viewer)).toBe(1)
    await leave(1 + maxOrderQuantity)
    expect(await cost(viewer)).toBeGreaterThan(1)
  })
})

test('a price that changes in the catalogue is the cart’s as soon as the fact arrives, and is told', async () => {
  await shop.work()
  const viewer = aGuest()
  await withLines(viewer, [tee])
  const variant = 'query ($id: ID!) { productVariant(id: $id) { sku product { id } } }'
  const { sku, product } = (await shop.ask('inventory', staff, variant, { id: TEE.id })).productVariant
  const document = `mutation ($input: ProductVariantUpsertInput!) {
    productVariantUpsert(input: $input) { userErrors { code field } } }`
  const input = { id: TEE.id, productId: product.id, sku, price: { amount: '19.90', currencyCode: 'EUR' } }
  expect((await shop.ask('inventory', staff, document, { input })).productVariantUpsert.userErrors).toEqual([])
  const cart = await until(async () => {
    const seen = await read(viewer)
    return seen.total.amount === '19.90' && seen
  })
  expect(cart.problems).toMatchObject([
    { __typename: 'LinePriceChanged', previous: { amount: '24.90' }, current: { amount: '19.90' } },
  ])
})

test('units that others take, until there are few, are not in the cart any more as soon as the fact arrives', async () => {
  const list = '{ products(first: 5) { nodes { variants(first: 1) { nodes { id sku availability } } } } }'
  const { products } = await shop.ask('inventory', aGuest(), list)
  const [variant] = products.nodes
    .flatMap((product: { variants: { nodes: object[] } }) => product.variants.nodes)
    .filter(
      ({ sku, availability }: Record<string, string>) =>
        availability === 'IN_STOCK' && ![TEE.sku, MUG.sku].includes(sku!),
    )
  const viewer = aGuest()
  await withLines(viewer, [{ variantId: variant.id, quantity: 3 }])
  expect(await cost(viewer)).toBe(1)
  await reserveAllBut(2, variant.id)
  const cart = await until(async () => {
    const seen = await read(viewer)
    return seen.totalQuantity === 2 && seen
  })
  expect(cart.problems).toMatchObject([{ __typename: 'LineQuantityReduced', available: 2 }])
})
