import { afterAll, describe, expect, test } from 'vitest'
import { uuidv7 } from '#platform/ids.ts'
import type { Viewer } from '#platform/viewer.ts'
import { until } from '../../tests/setup/until.ts'
import { aCustomer, aGuest, aService, staffWith } from '../../tests/setup/viewers.ts'
import { MUG, TEE, openShop } from './shopping.fixture.ts'

const { shop, mutate, read, withLines, pricesChanged } = await openShop('cart', 'inventory')
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
