import { eq } from 'drizzle-orm'
import { afterAll, describe, expect, test } from 'vitest'
import { uuidv7 } from '#platform/ids.ts'
import type { Viewer } from '#platform/viewer.ts'
import { aCustomer, aGuest, aService } from '../../tests/setup/viewers.ts'
import { MUG, TEE, openShop } from './shopping.fixture.ts'
import { cartLines, carts } from './tables.ts'

const { shop, db, pricesChanged, somebodyWaits, mutate, read, withLines } = await openShop('cart', 'inventory')
afterAll(() => shop[Symbol.asyncDispose]())

const list = `{ products(first: 60) { nodes { variants(first: 1) { nodes { id sku availability } } } } }`
const { products } = await shop.ask('inventory', aGuest(), list)
const stock: { id: string; sku: string }[] = products.nodes
  .flatMap((product: { variants: { nodes: object[] } }) => product.variants.nodes)
  .filter((variant: { availability: string; sku: string }) => variant.availability === 'IN_STOCK')
  .filter(({ sku }: { sku: string }) => ![TEE.sku, MUG.sku].includes(sku))
/** A variant that no other test uses. */
const another = () => stock.pop()!

async function available(variantId: string): Promise<number> {
  const document = `query ($ids: [ID!]!) { variantsForCart(ids: $ids) { stock { available } } }`
  const { variantsForCart } = await shop.ask('inventory', aService('cart'), document, { ids: [variantId] })
  return variantsForCart[0].stock.available
}

/** Others reserve all units but `units`. */
async function leave(variantId: string, units: number) {
  const quantity = (await available(variantId)) - units
  const input = { checkoutId: uuidv7(), attempt: 1, lines: [{ variantId, quantity }], idempotencyKey: uuidv7() }
  const document = 'mutation ($input: StockReserveInput!) { stockReserve(input: $input) { userErrors { code } } }'
  const { stockReserve } = await shop.ask('inventory', aService('orders'), document, { input })
  expect(stockReserve.userErrors).toEqual([])
  await pricesChanged()
}

describe('units put in', () => {
  test('come with the catalogue’s name, price and weight, and taxes', async () => {
    const cart = await withLines(aGuest(), [
      { variantId: TEE.id, quantity: 1 },
      { variantId: MUG.id, quantity: 2 },
    ])
    expect(cart).toMatchObject({
      totalQuantity: 3,
      totalWeightGrams: 980,
      subtotal: { amount: '53.90' },
      total: { amount: '53.90' },
      taxTotal: { amount: '8.61' },
      taxLines: [{ title: 'VAT 19 %', rate: '0.19', amount: { amount: '8.61' }, isIncludedInPrice: true }],
      lines: [
        { sku: TEE.sku, title: 'Linen T-Shirt – Blue / M', unitPrice: { amount: '24.90', currencyCode: 'EUR' } },
        { sku: MUG.sku, quantity: 2, variant: { id: MUG.id }, total: { amount: '29.00' } },
      ],
      problems: [],
    })
  })

  test('add up on one line, also when put in many times at once', async () => {
    const viewer = aGuest()
    const { id: variantId } = another()
    const { id: cartId } = await withLines(viewer, [])
    const add = () => mutate(viewer, 'cartLinesAdd', { cartId, lines: [{ variantId, quantity: 1 }] })
    const answers = await Promise.all(Array.from({ length: 5 }, add))
    expect(answers.flatMap(({ userErrors }) => userErrors)).toEqual([])
    const cart = await read(viewer)
    expect(cart.lines).toMatchObject([{ quantity: 5 }])
    expect(cart.version).toBe(6)
    expect((await withLines(viewer, [{ variantId, quantity: 1 }])).lines).toMatchObject([{ quantity: 6 }])
  })

  test('add up with what was put in while they waited', async () => {
    const viewer = aGuest()
    const lines = [{ variantId: another().id, quantity: 1 }]
    const { id: cartId } = await withLines(viewer, lines)
    let adding!: ReturnType<typeof mutate>
    await db().transaction(async (tx) => {
      // What another addition does, slowly.
      await tx.update(carts).set({ version: 2 }).where(eq(carts.id, cartId))
      await tx.update(cartLines).set({ quantity: 3 }).where(eq(cartLines.cartId, cartId))
      adding = mutate(viewer, 'cartLinesAdd', { cartId, lines })
      await somebodyWaits()
    })
    expect((await adding).cart).toMatchObject({ version: 3, lines: [{ quantity: 4 }] })
  })

  test('are refused for every reason at once, and nothing is put in', async () => {
    const viewer = aGuest()
    const { id: cartId } = await withLines(viewer, [])
    const few = another()
    await leave(few.id, 3)
    const { cart, userErrors } = await mutate(viewer, 'cartLinesAdd', {
      cartId,
      lines: [
        { variantId: TEE.id, quantity: 0 },
        { variantId: TEE.id, quantity: 1_000_000 },
        { variantId: uuidv7(), quantity: 1 },
        { variantId: 'malformed', quantity: 1 },
        { variantId: few.id, quantity: 5 },
      ],
    })
    expect(cart).toBeNull()
    expect(userErrors).toMatchObject([
      { code: 'INVALID', field: ['input', 'lines', '0', 'quantity'] },
      { code: 'LIMIT_EXCEEDED', field: ['input', 'lines', '1', 'quantity'] },
      { code: 'NOT_FOUND', field: ['input', 'lines', '2', 'variantId'] },
      { code: 'NOT_FOUND', field: ['input', 'lines', '3', 'variantId'] },
      {
        __typename: 'InsufficientStockError',
        code: 'INSUFFICIENT_STOCK',
        field: ['input', 'lines', '4', 'quantity'],
        variant: { id: few.id },
        requested: 5,
        available: 3,
      },
    ])
    expect(await read(viewer)).toMatchObject({ version: 1, lines: [] })
  })

  test('go into no other’s cart', async () => {
    const { id: cartId } = await withLines(aGuest(), [])
    const lines = [{ variantId: TEE.id, quantity: 1 }]
    expect((await mutate(aGuest(), 'cartLinesAdd', { cartId, lines })).userErrors).toMatchObject([
      { code: 'NOT_FOUND', field: ['input', 'cartId'] },
    ])
  })

  test('can be set and taken out line by line', async () => {
    const viewer = aGuest()
    const few = another()
    await leave(few.id, 3)
    const cart = await withLines(viewer, [
      { variantId: TEE.id, quantity: 1 },
      { variantId: few.id, quantity: 2 },
    ])
    const [tee, other] = cart.lines
    const set = (...lines: { lineId: string; quantity: number }[]) =>
      mutate(viewer, 'cartLinesUpdate', { cartId: cart.id, lines })
    expect((await set({ lineId: other.id, quantity: 4 }, { lineId: uuidv7(), quantity: 1 })).userErrors).toMatchObject([
      { code: 'INSUFFICIENT_STOCK', requested: 4, available: 3 },
      { code: 'NOT_FOUND', field: ['input', 'lines', '1', 'lineId'] },
    ])
    const changed = await set({ lineId: tee.id, quantity: 0 }, { lineId: other.id, quantity: 3 })
    expect(changed.cart.lines).toMatchObject([{ id: other.id, quantity: 3 }])
  })
})

describe('what changed since units were put in', () => {
  test('shows as problems; the line holds what there is', async () => {
    const viewer = aGuest()
    const few = another()
    const cart = await withLines(viewer, [{ variantId: few.id, quantity: 4 }])
    await leave(few.id, 2)
    expect(await read(viewer)).toMatchObject({
      lines: [{ quantity: 2 }],
      totalQuantity: 2,
      problems: [{ __typename: 'LineQuantityReduced', available: 2, line: { sku: few.sku, quantity: 2 } }],
      version: cart.version,
    })
    const lines = [{ lineId: cart.lines[0].id, quantity: 2 }]
    expect((await mutate(viewer, 'cartLinesUpdate', { cartId: cart.id, lines })).cart.problems).toEqual([])
  })

  test('a sold-out line keeps its units', async () => {
    const viewer = aGuest()
    const gone = another()
    await withLines(viewer, [{ variantId: gone.id, quantity: 1 }])
    await leave(gone.id, 0)
    expect((await read(viewer)).problems).toEqual([
      { __typename: 'LineOutOfStock', line: { sku: gone.sku, quantity: 1 } },
    ])
  })

  test('a price of today is used, and the earlier one told', async () => {
    const viewer = aGuest()
    const cart = await withLines(viewer, [{ variantId: TEE.id, quantity: 1 }])
    await db().update(cartLines).set({ unitPriceMinor: 1_990 }).where(eq(cartLines.cartId, cart.id))
    await pricesChanged()
    expect(await read(viewer)).toMatchObject({
      total: { amount: '24.90' },
      problems: [{ __typename: 'LinePriceChanged', previous: { amount: '19.90' }, current: { amount: '24.90' } }],
    })
  })
})

test('a cart page is two statements, however many lines it has', async () => {
  const cost = async (viewer: Viewer) => {
    const statements = await shop.statements(() => read(viewer))
    const ofCart = statements.filter((text) => /from "cart"\./.test(text))
    return { ofCart: ofCart.length, all: statements.length }
  }
  const [one, many] = [aGuest(), aGuest()]
  await withLines(one, [{ variantId: TEE.id, quantity: 1 }])
  await withLines(
    many,
    stock.slice(0, 20).map(({ id }) => ({ variantId: id, quantity: 1 })),
  )
  await pricesChanged()
  const small = await cost(one)
  // The cart, and all that it is priced by.
  expect(small.ofCart).toBe(2)
  expect(await cost(many)).toEqual(small)
  // What it comes to is kept: the cart alone, to see that it did not change.
  expect(await cost(many)).toEqual({ ofCart: 1, all: 1 })
})

test('a new cart with a line is three statements over all parts, its answer included', async () => {
  const line = { variantId: another().id, quantity: 1 }
  const statements = await shop.statements(() => withLines(aGuest(), [line]))
  expect(statements.filter((text) => text.includes('"cart".'))).toHaveLength(2)
  expect(statements).toHaveLength(3)
})

test('a guest’s units and the account’s add up at sign-in, to no more than an order may have, and the cart says so', async () => {
  const [guest, account] = [aGuest(), aCustomer()]
  const { id: variantId, sku } = another()
  await withLines(guest, [{ variantId, quantity: 15 }])
  await withLines(account, [{ variantId, quantity: 12 }])
  await mutate(guest, 'cartDiscountCodesSet', { cartId: (await read(guest)).id, codes: ['theirs', 'Both'] })
  await mutate(account, 'cartDiscountCodesSet', { cartId: (await read(account)).id, codes: ['both'] })
  const claim = { guestId: guest.id, userId: account.id, strategy: 'SUM_QUANTITIES', idempotencyKey: uuidv7() }
  await mutate(guest, 'cartBuyerUpdate', { cartId: (await read(guest)).id, note: 'Theirs' })
  await mutate(account, 'cartBuyerUpdate', { cartId: (await read(account)).id, note: 'Own' })
  const { cart } = await mutate(aService('users'), 'cartMerge', claim)
  const told = [
    { __typename: 'LineQuantityReduced', available: 20, line: { sku } },
    { __typename: 'BuyerDetailLeftOut', detail: 'NOTE' },
  ]
  expect(cart).toMatchObject({
    lines: [{ sku, quantity: 20 }],
    problems: told,
    discountCodes: [{ code: 'both' }, { code: 'theirs' }],
  }) // Nothing of it keeps the cart from being bought.
  const hold = { cartId: cart.id, checkoutId: uuidv7(), attempt: 1, idempotencyKey: uuidv7() }
  expect((await mutate(aService('orders'), 'cartFreeze', hold)).cart).toMatchObject({
    status: 'FROZEN',
    problems: told,
  })
})
