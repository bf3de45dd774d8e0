import { eq } from 'drizzle-orm'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { demoId, uuidv7 } from '#platform/ids.ts'
import type { Viewer } from '#platform/viewer.ts'
import { openParts, type Parts } from '../../tests/setup/parts.ts'
import { aGuest, aService } from '../../tests/setup/viewers.ts'
import { cartLines } from './tables.ts'

// Cart and catalogue together; what a cart comes to with a delivery is in subgraph.delivery.test.ts.
let shop: Parts
let stock: { id: string; sku: string; price: { amount: string } }[] = []
beforeAll(async () => {
  shop = await openParts(['cart', 'inventory'])
  for (const name of ['inventory', 'cart'] as const) {
    await shop.part(name).subgraph.seed?.(shop.part(name).ownContext())
  }
  const list = `{ products(first: 60) { nodes { variants(first: 1) { nodes { id sku price { amount } availability } } } } }`
  const { products } = await shop.ask('inventory', aGuest(), list)
  stock = products.nodes
    .flatMap((product: { variants: { nodes: object[] } }) => product.variants.nodes)
    .filter((variant: { availability: string; sku: string }) => variant.availability === 'IN_STOCK')
    .filter(({ sku }: { sku: string }) => ![TEE.sku, MUG.sku].includes(sku))
})
afterAll(() => shop[Symbol.asyncDispose]())

const TEE = { sku: 'TEE-LINEN-BLU-M', id: demoId('variant/TEE-LINEN-BLU-M') }
const MUG = { sku: 'MUG-STONE-GRY', id: demoId('variant/MUG-STONE-GRY') }
/** A variant that no other test uses. */
const another = () => stock.pop()!

const CONTENT = `id status version totalQuantity totalWeightGrams
  lines { id sku title quantity variant { id } unitPrice { amount currencyCode } taxTotal { amount } total { amount } }
  taxLines { title rate amount { amount } isIncludedInPrice } subtotal { amount } taxTotal { amount } total { amount }
  deliveryOption { id } problems { __typename
    ... on LineQuantityReduced { available line { sku quantity } } ... on LineOutOfStock { line { sku quantity } }
    ... on LinePriceChanged { previous { amount } current { amount } } ... on LineUnavailable { line { sku } } }`
const ERRORS = `userErrors { __typename code field message
  ... on InsufficientStockError { variant { id } requested available }
  ... on StaleVersionError { currentVersion } ... on StateTransitionError { fromState toState } }`

async function mutate(viewer: Viewer, field: string, input: object, selection = `cart { ${CONTENT} }`) {
  const type = `${field[0]!.toUpperCase()}${field.slice(1)}Input!`
  const document = `mutation ($input: ${type}) { ${field}(input: $input) { ${selection} ${ERRORS} } }`
  return (await shop.ask('cart', viewer, document, { input }))[field]
}
const read = async (viewer: Viewer, id?: string) =>
  (await shop.ask('cart', viewer, `query ($id: ID) { cart(id: $id) { ${CONTENT} } }`, { id })).cart
const withLines = async (viewer: Viewer, lines: { variantId: string; quantity: number }[]) =>
  (await mutate(viewer, 'cartCreate', { lines })).cart
const db = () => shop.part('cart').ownContext().db

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
    expect(await read(viewer)).toMatchObject({
      total: { amount: '24.90' },
      problems: [{ __typename: 'LinePriceChanged', previous: { amount: '19.90' }, current: { amount: '24.90' } }],
    })
  })
})

test('a cart page is one statement for each relation, however many lines it has', async () => {
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
  const small = await cost(one)
  // The cart, its lines, the tax rates.
  expect(small.ofCart).toBe(3)
  expect(await cost(many)).toEqual(small)
})

describe('a cart that a checkout holds', () => {
  const orders = aService('orders')
  const freeze = (input: object, viewer: Viewer = orders) =>
    mutate(viewer, 'cartFreeze', { idempotencyKey: uuidv7(), ...input }, `isReplay cart { ${CONTENT} }`)
  const unfreeze = (input: object) => mutate(orders, 'cartUnfreeze', { idempotencyKey: uuidv7(), ...input })
  const convert = (input: object) => mutate(orders, 'cartConvert', { idempotencyKey: uuidv7(), ...input })
  async function aCart(lines = [{ variantId: TEE.id, quantity: 1 }]) {
    const viewer = aGuest()
    const cart = await withLines(viewer, lines)
    return { viewer, cart, hold: { cartId: cart.id as string, checkoutId: uuidv7(), attempt: 1 } }
  }

  test('keeps its prices and cannot be changed', async () => {
    const { viewer, hold, cart } = await aCart()
    const frozen = await freeze({ ...hold, expectedVersion: cart.version })
    expect(frozen).toMatchObject({
      isReplay: false,
      cart: { status: 'FROZEN', total: { amount: '24.90' }, lines: [{ variant: { id: TEE.id } }] },
    })
    // Were it priced again, the line's own copy or the catalogue would count.
    await db().delete(cartLines).where(eq(cartLines.cartId, cart.id))
    expect(await read(viewer)).toMatchObject({ status: 'FROZEN', total: { amount: '24.90' }, totalQuantity: 1 })
    const lines = [{ variantId: MUG.id, quantity: 1 }]
    for (const answer of [
      await mutate(viewer, 'cartLinesAdd', { cartId: cart.id, lines }),
      await mutate(viewer, 'cartCreate', { lines }),
      await mutate(viewer, 'cartBuyerUpdate', { cartId: cart.id, note: 'Too late' }),
    ]) {
      expect(answer.userErrors).toMatchObject([{ code: 'STATE_TRANSITION', fromState: 'FROZEN', toState: 'ACTIVE' }])
    }
  })

  test('is held once by many commands with one key, and by one of many checkouts', async () => {
    const first = await aCart()
    const same = { ...first.hold, idempotencyKey: uuidv7() }
    const replies = await Promise.all(Array.from({ length: 5 }, () => freeze(same)))
    expect(replies.filter(({ isReplay }) => isReplay)).toHaveLength(4)
    expect(new Set(replies.map(({ cart }) => JSON.stringify(cart))).size).toBe(1)
    const second = await aCart()
    const rivals = await Promise.all(Array.from({ length: 5 }, () => freeze({ ...second.hold, checkoutId: uuidv7() })))
    expect(rivals.filter(({ cart }) => cart)).toHaveLength(1)
  })

  test('is held as it is, also while it is being changed: what was put in is priced, or was refused', async () => {
    await Promise.all(
      Array.from({ length: 8 }, async () => {
        const { hold, viewer, cart } = await aCart()
        const lines = [{ variantId: MUG.id, quantity: 1 }]
        const [frozen, added] = await Promise.all([
          freeze(hold),
          mutate(viewer, 'cartLinesAdd', { cartId: cart.id, lines }),
        ])
        const { status, totalQuantity } = await read(viewer)
        expect(status).toBe(frozen.cart ? 'FROZEN' : 'ACTIVE')
        expect(totalQuantity).toBe(added.cart ? 2 : 1)
      }),
    )
  })

  test('is not held when it changed since, is empty, or has lines that are no longer sold', async () => {
    const { hold, cart, viewer } = await aCart()
    await mutate(viewer, 'cartBuyerUpdate', { cartId: cart.id, note: 'Hello' })
    expect((await freeze({ ...hold, expectedVersion: cart.version })).userErrors).toMatchObject([
      { code: 'STALE_VERSION', currentVersion: cart.version + 1 },
    ])
    const empty = await aCart([])
    expect((await freeze(empty.hold)).userErrors).toMatchObject([{ code: 'NOT_APPLICABLE' }])
    await db().update(cartLines).set({ variantId: uuidv7() }).where(eq(cartLines.cartId, cart.id))
    expect((await read(viewer)).problems).toMatchObject([{ __typename: 'LineUnavailable', line: { sku: TEE.sku } }])
    expect((await freeze(hold)).userErrors).toMatchObject([{ code: 'NOT_APPLICABLE' }])
    expect(await read(viewer)).toMatchObject({ status: 'ACTIVE' })
  })

  test('is let go by the attempt that holds it, and that attempt cannot take it again', async () => {
    const { hold, viewer } = await aCart()
    const key = uuidv7()
    await freeze({ ...hold, idempotencyKey: key })
    await unfreeze({ ...hold, checkoutId: uuidv7() })
    await unfreeze({ ...hold, attempt: 2 })
    expect(await read(viewer)).toMatchObject({ status: 'FROZEN' })
    expect((await unfreeze(hold)).cart).toMatchObject({ status: 'ACTIVE' })
    // A process that was paused: its command again, as a replay and under another key.
    for (const idempotencyKey of [key, uuidv7()]) {
      expect((await freeze({ ...hold, idempotencyKey })).userErrors).toMatchObject([{ code: 'STATE_TRANSITION' }])
    }
    expect((await freeze({ ...hold, attempt: 2 })).userErrors).toMatchObject([{ code: 'STATE_TRANSITION' }])
    expect((await freeze({ ...hold, attempt: 3 })).cart).toMatchObject({ status: 'FROZEN' })
  })

  test('is free whichever of command and undo comes first', async () => {
    await Promise.all(
      Array.from({ length: 8 }, async () => {
        const { hold, viewer } = await aCart()
        await Promise.all([freeze(hold), unfreeze(hold)])
        expect(await read(viewer)).toMatchObject({ status: 'ACTIVE' })
      }),
    )
  })

  test('becomes the order’s, stays readable, and its buyer gets a new one', async () => {
    const { hold, viewer, cart } = await aCart()
    const bought = { cartId: cart.id, checkoutId: hold.checkoutId, orderId: uuidv7(), idempotencyKey: uuidv7() }
    expect((await convert(bought)).userErrors).toMatchObject([{ code: 'STATE_TRANSITION', fromState: 'ACTIVE' }])
    await freeze(hold)
    expect((await convert({ ...bought, checkoutId: uuidv7() })).userErrors).toMatchObject([
      { code: 'STATE_TRANSITION' },
    ])
    expect((await convert(bought)).cart).toMatchObject({ status: 'CONVERTED' })
    expect((await convert(bought)).cart).toMatchObject({ status: 'CONVERTED' })
    expect((await unfreeze(hold)).userErrors).toMatchObject([{ code: 'STATE_TRANSITION', fromState: 'CONVERTED' }])
    expect(await read(viewer)).toBeNull()
    expect(await read(viewer, cart.id)).toMatchObject({ status: 'CONVERTED', total: { amount: '24.90' } })
    expect((await withLines(viewer, [])).id).not.toBe(cart.id)
  })

  test('is not merged away under its checkout', async () => {
    const { hold, viewer } = await aCart()
    await freeze(hold)
    const guestId = (viewer as { id: string }).id
    const input = { guestId, userId: uuidv7(), strategy: 'SUM_QUANTITIES', idempotencyKey: uuidv7() }
    expect((await mutate(aService('users'), 'cartMerge', input)).userErrors).toMatchObject([
      { code: 'STATE_TRANSITION' },
    ])
    await unfreeze(hold)
    expect((await mutate(aService('users'), 'cartMerge', input)).cart).toMatchObject({ totalQuantity: 1 })
  })
})
