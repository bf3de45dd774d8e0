import { eq } from 'drizzle-orm'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { announce } from '#platform/facts.ts'
import { uuidv7 } from '#platform/ids.ts'
import { anonymous, type Viewer } from '#platform/viewer.ts'
import { openParts, type Parts } from '../../tests/setup/parts.ts'
import { until } from '../../tests/setup/until.ts'
import { aCustomer, aGuest, aService, staffWith } from '../../tests/setup/viewers.ts'
import { GuestClaimed } from '../users/events.ts'
import { abandonCarts } from './carts.ts'
import { reactions } from './reactions.ts'
import { cartLines } from './tables.ts'

// The cart alone: inventory and delivery cannot be reached here. subgraph.buying.test.ts has them.
let shop: Parts
beforeAll(async () => {
  shop = await openParts(['cart'])
  await shop.part('cart').subgraph.seed?.(shop.part('cart').ownContext())
})
afterAll(() => shop[Symbol.asyncDispose]())

const CART = `cart { id status owner { id } lineCount totalQuantity lines { id sku quantity variant { id } }
  buyerEmail note shippingAddress { line1 city countryCode location { latitude } } billingAddress { line1 }
  subtotal { amount currencyCode } total { amount } version problems { __typename } }`
const ERRORS = `userErrors { __typename code field
  ... on StaleVersionError { currentVersion } ... on StateTransitionError { fromState toState allowed } }`

async function mutate(viewer: Viewer, field: string, input: object, selection = CART) {
  const type = `${field[0]!.toUpperCase()}${field.slice(1)}Input!`
  const document = `mutation ($input: ${type}) { ${field}(input: $input) { ${selection} ${ERRORS} } }`
  return (await shop.ask('cart', viewer, document, { input }))[field]
}
const create = async (viewer: Viewer): Promise<string> => (await mutate(viewer, 'cartCreate', {})).cart.id
const read = async (viewer: Viewer, id?: string, selection = CART.slice(CART.indexOf('{') + 1, -1)) =>
  (await shop.ask('cart', viewer, `query ($id: ID) { cart(id: $id) { ${selection} } }`, { id })).cart
const db = () => shop.part('cart').ownContext().db

/** Puts lines in, past the catalogue, which cannot be asked here. */
async function fill(cartId: string, quantities: Record<string, number>) {
  const lines = Object.entries(quantities).map(([sku, quantity]) => ({
    cartId,
    sku,
    quantity,
    variantId: variantOf(sku),
    productId: variantOf(sku),
    title: sku,
    unitPriceMinor: 1_190,
    weightGrams: 100,
    taxCategory: 'standard',
    maxOrderQuantity: 10,
  }))
  await db().insert(cartLines).values(lines)
}
const variants = new Map<string, string>()
const variantOf = (sku: string): string => {
  if (!variants.has(sku)) variants.set(sku, uuidv7())
  return variants.get(sku)!
}
const contents = (cart: { lines: { quantity: number; sku: string }[] }) =>
  cart.lines.map(({ quantity, sku }) => `${quantity} ${sku}`)

describe('a cart in use', () => {
  test('is opened once: a retry, and two at once, get the same', async () => {
    const viewer = aGuest()
    const ids = await Promise.all(Array.from({ length: 5 }, () => create(viewer)))
    expect(new Set(ids).size).toBe(1)
    expect(await read(viewer)).toMatchObject({ id: ids[0], status: 'ACTIVE', owner: null, lineCount: 0 })
  })

  test('needs a session, and there is none to read without one', async () => {
    const { errors } = await shop.answer('cart', anonymous, 'mutation { cartCreate(input: {}) { cart { id } } }')
    expect(errors?.[0]?.extensions?.code).toBe('UNAUTHENTICATED')
    expect(await read(anonymous)).toBeNull()
  })

  test('is seen by its owner alone, by id, as an entity and through the account', async () => {
    const alice = aCustomer()
    const id = await create(alice)
    const entities = `query ($r: [_Any!]!) { _entities(representations: $r) { ... on Cart { id } ... on User { cart { id } } } }`
    const r = [
      { __typename: 'Cart', id },
      { __typename: 'User', id: alice.id },
    ]
    const seenBy = async (viewer: Viewer) => (await shop.ask('cart', viewer, entities, { r }))._entities
    expect(await seenBy(alice)).toEqual([{ id }, { cart: { id } }])
    expect(await seenBy({ ...aService('orders'), onBehalfOf: alice })).toEqual([{ id }, { cart: { id } }])
    // The same UUID as a guest's is another owner.
    const namesake: Viewer = { kind: 'guest', id: alice.id, sessionId: uuidv7() }
    for (const other of [aCustomer(), namesake, staffWith('orders:read'), aService('orders'), anonymous]) {
      expect(await seenBy(other)).toEqual([null, { cart: null }])
      expect(await read(other, id)).toBeNull()
    }
    expect(await read(alice, id)).toMatchObject({ id, owner: { id: alice.id } })
    expect(await read(alice, 'malformed')).toBeNull()
  })

  test.each([
    ['cartLinesRemove', { lineIds: [] }],
    ['cartClear', {}],
    ['cartBuyerUpdate', { email: 'eve@example.com' }],
    ['cartLinesUpdate', { lines: [{ lineId: uuidv7(), quantity: 0 }] }],
    ['cartDeliveryOptionSelect', { optionId: uuidv7() }],
  ])('%s answers alike for a foreign, an unknown and a malformed id', async (field, input) => {
    const foreign = await create(aGuest())
    for (const cartId of [foreign, uuidv7(), 'malformed']) {
      expect(await mutate(aGuest(), field, { cartId, ...input })).toMatchObject({
        cart: null,
        userErrors: [{ code: 'NOT_FOUND', field: ['input', 'cartId'] }],
      })
    }
  })

  test('keeps what is left out and clears what is null', async () => {
    const viewer = aGuest()
    const cartId = await create(viewer)
    const shippingAddress = { line1: 'Kastanienallee 12', city: 'Berlin', postalCode: '10435', countryCode: 'DE' }
    const location = { latitude: 52.538, longitude: 13.409 }
    await mutate(viewer, 'cartBuyerUpdate', { cartId, email: 'a@example.com', note: ' Ring twice ' })
    const placed = { cartId, shippingAddress: { ...shippingAddress, location } }
    expect((await mutate(viewer, 'cartBuyerUpdate', placed)).cart).toMatchObject({
      buyerEmail: 'a@example.com',
      note: 'Ring twice',
      shippingAddress: { line1: 'Kastanienallee 12', location: { latitude: 52.538 } },
      billingAddress: null,
      version: 3,
    })
    const { cart } = await mutate(viewer, 'cartBuyerUpdate', { cartId, email: null, note: '' })
    expect(cart).toMatchObject({ buyerEmail: null, note: null, shippingAddress: { city: 'Berlin' } })
  })

  test('reports every problem of its buyer at once and changes nothing', async () => {
    const viewer = aGuest()
    const cartId = await create(viewer)
    const { cart, userErrors } = await mutate(viewer, 'cartBuyerUpdate', {
      cartId,
      email: 'nobody',
      note: 'x'.repeat(1_001),
      shippingAddress: { line1: ' ', city: 'Berlin', countryCode: 'DE', phone: '030 1234' },
    })
    expect(cart).toBeNull()
    expect(userErrors.map(({ code, field }: { code: string; field: string[] }) => [code, field.join('.')])).toEqual([
      ['INVALID', 'input.email'],
      ['INVALID', 'input.note'],
      ['INVALID', 'input.shippingAddress.line1'],
      ['INVALID', 'input.shippingAddress.phone'],
    ])
    expect(await read(viewer)).toMatchObject({ version: 1, shippingAddress: null })
  })

  test('is given up after 30 days without a change; it stays readable and the next one is new', async () => {
    const viewer = aGuest()
    const id = await create(viewer)
    const ctx = shop.part('cart').ownContext()
    await abandonCarts({ ...ctx, now: () => new Date(Date.now() + 29 * 86_400_000) })
    expect((await read(viewer)).id).toBe(id)
    await abandonCarts({ ...ctx, now: () => new Date(Date.now() + 31 * 86_400_000) })
    expect(await read(viewer)).toBeNull()
    expect(await read(viewer, id)).toMatchObject({ status: 'ABANDONED' })
    expect(await create(viewer)).not.toBe(id)
    expect((await mutate(viewer, 'cartClear', { cartId: id })).userErrors).toMatchObject([
      { code: 'STATE_TRANSITION', fromState: 'ABANDONED', toState: 'ACTIVE', allowed: [] },
    ])
  })
})

describe('without the catalogue', () => {
  test('a cart shows what it last knew, lines can be set and taken out, and nothing can be added', async () => {
    const viewer = aGuest()
    const cartId = await create(viewer)
    await fill(cartId, { tee: 2, mug: 1 })
    const cart = await read(viewer)
    expect(cart).toMatchObject({ totalQuantity: 3, subtotal: { amount: '35.70', currencyCode: 'EUR' }, problems: [] })
    const added = await mutate(viewer, 'cartLinesAdd', {
      cartId,
      lines: [{ variantId: variantOf('tee'), quantity: 1 }],
    })
    expect(added).toMatchObject({ cart: null, userErrors: [{ code: 'UPSTREAM_UNAVAILABLE' }] })
    const lines = [{ lineId: cart.lines[0].id, quantity: 5 }]
    const set = await mutate(viewer, 'cartLinesUpdate', { cartId, lines, expectedVersion: 1 })
    expect(contents(set.cart)).toEqual(['5 tee', '1 mug'])
    expect((await mutate(viewer, 'cartLinesUpdate', { cartId, lines, expectedVersion: 1 })).userErrors).toMatchObject([
      { code: 'STALE_VERSION', currentVersion: 2, field: ['input', 'expectedVersion'] },
    ])
    const lineIds = [cart.lines[0].id, uuidv7(), 'gone']
    expect(contents((await mutate(viewer, 'cartLinesRemove', { cartId, lineIds })).cart)).toEqual(['1 mug'])
    expect(contents((await mutate(viewer, 'cartClear', { cartId })).cart)).toEqual([])
  })

  test('neither lines nor delivery nor freezing are guessed at', async () => {
    const viewer = aGuest()
    const cartId = await create(viewer)
    await fill(cartId, { tee: 1 })
    expect((await mutate(viewer, 'cartDeliveryOptionSelect', { cartId, optionId: 'x' })).userErrors).toMatchObject([
      { code: 'NOT_APPLICABLE' },
    ])
    const shippingAddress = { line1: 'Kastanienallee 12', city: 'Berlin', countryCode: 'DE' }
    await mutate(viewer, 'cartBuyerUpdate', { cartId, shippingAddress })
    expect((await mutate(viewer, 'cartDeliveryOptionSelect', { cartId, optionId: 'x' })).userErrors).toMatchObject([
      { code: 'UPSTREAM_UNAVAILABLE' },
    ])
    const hold = { cartId, checkoutId: uuidv7(), attempt: 1, idempotencyKey: uuidv7() }
    expect((await mutate(aService('orders'), 'cartFreeze', hold)).userErrors).toMatchObject([
      { code: 'UPSTREAM_UNAVAILABLE' },
    ])
    expect(await read(viewer)).toMatchObject({ status: 'ACTIVE' })
  })

  test('how many lines come at once is limited', async () => {
    const viewer = aGuest()
    const cartId = await create(viewer)
    const lines = Array.from({ length: 101 }, () => ({ variantId: uuidv7(), quantity: 1 }))
    expect((await mutate(viewer, 'cartLinesAdd', { cartId, lines })).userErrors).toMatchObject([
      { code: 'LIMIT_EXCEEDED', field: ['input', 'lines'] },
    ])
    expect((await mutate(viewer, 'cartLinesAdd', { cartId, lines: [] })).userErrors).toMatchObject([
      { code: 'INVALID' },
    ])
  })
})

describe('a guest who signs in', () => {
  const merge = (guestId: string, userId: string, strategy = 'SUM_QUANTITIES', idempotencyKey = uuidv7()) =>
    mutate(aService('users'), 'cartMerge', { guestId, userId, strategy, idempotencyKey }, `isReplay ${CART}`)

  test.each([
    ['SUM_QUANTITIES', ['2 tee', '5 mug', '1 bag']],
    ['PREFER_GUEST', ['2 tee', '4 mug', '1 bag']],
    ['PREFER_ACCOUNT', ['2 tee', '1 mug', '1 bag']],
    ['REPLACE_WITH_GUEST', ['4 mug', '1 bag']],
  ])('finds the lines of both carts in the account’s: %s', async (strategy, expected) => {
    const [guest, user] = [aGuest(), aCustomer()]
    const [theirs, own] = [await create(guest), await create(user)]
    await fill(theirs, { mug: 4, bag: 1 })
    await fill(own, { tee: 2, mug: 1 })
    await mutate(guest, 'cartBuyerUpdate', { cartId: theirs, email: 'guest@example.com', note: 'From the guest' })
    await mutate(user, 'cartBuyerUpdate', { cartId: own, note: 'From the account' })
    const key = uuidv7()
    const { cart, isReplay } = await merge(guest.id, user.id, strategy, key)
    expect(cart).toMatchObject({ id: own, buyerEmail: 'guest@example.com', note: 'From the account' })
    expect(contents(cart)).toEqual(expected)
    expect(isReplay).toBe(false)
    const again = await merge(guest.id, user.id, strategy, key)
    expect(again).toMatchObject({ isReplay: true, cart: { id: own } })
    expect(contents(again.cart)).toEqual(expected)
    // The guest's cart is closed and is the account's now.
    expect(await read(guest)).toBeNull()
    expect(await read(user, theirs)).toMatchObject({ status: 'MERGED' })
  })

  test('brings the cart along when the account has none, and the fact after the command changes nothing', async () => {
    const [guest, user] = [aGuest(), aCustomer()]
    await fill(await create(guest), { tee: 3 })
    const { cart } = await merge(guest.id, user.id)
    expect(contents(cart)).toEqual(['3 tee'])
    await claim(guest.id, user.id)
    expect(await read(user)).toMatchObject({ id: cart.id, version: cart.version, totalQuantity: 3 })
  })

  test('finds the cart merged by the fact alone when the command was lost, once for each event', async () => {
    const [guest, user] = [aGuest(), aCustomer()]
    await fill(await create(guest), { tee: 3 })
    const eventId = uuidv7()
    await claim(guest.id, user.id, eventId)
    expect(contents(await read(user))).toEqual(['3 tee'])
    await fill(await create(guest), { mug: 1 })
    await claim(guest.id, user.id, eventId)
    expect(contents(await read(user))).toEqual(['3 tee'])
  })

  test('finds it merged within moments of the fact being announced', async () => {
    const [guest, user] = [aGuest(), aCustomer()]
    await fill(await create(guest), { tee: 1 })
    await shop.work()
    const ctx = shop.part('cart').ownContext()
    const data = { guestId: guest.id, userId: user.id, cartMergeStrategy: 'PREFER_GUEST' as const }
    await announce(ctx.db, ctx, GuestClaimed, { entityId: guest.id, entityVersion: 1, owner: guest, data })
    expect(contents(await until(() => read(user)))).toEqual(['1 tee'])
  })

  test('has none when neither had one', async () => {
    expect(await merge(uuidv7(), uuidv7())).toMatchObject({ cart: null, userErrors: [] })
  })

  test('merges once when sent many times at once', async () => {
    const [guest, user] = [aGuest(), aCustomer()]
    await fill(await create(guest), { tee: 2 })
    await fill(await create(user), { tee: 1 })
    await Promise.all(Array.from({ length: 6 }, () => merge(guest.id, user.id)))
    expect(contents(await read(user))).toEqual(['3 tee'])
  })

  async function claim(guestId: string, userId: string, eventId = uuidv7()) {
    const about = { name: 'GuestClaimed', version: 1, occurredAt: new Date().toISOString(), requestId: uuidv7() }
    const data = { guestId, userId, cartMergeStrategy: 'SUM_QUANTITIES' }
    const event = { ...about, eventId, entityId: guestId, entityVersion: 1, owner: null, data }
    for (const reaction of reactions) await reaction.handle(shop.part('cart').ownContext(), event)
  }
})

describe('internal commands', () => {
  test.each([
    ['cartMerge', { guestId: uuidv7(), userId: uuidv7(), strategy: 'SUM_QUANTITIES' }],
    ['cartFreeze', { cartId: uuidv7(), checkoutId: uuidv7(), attempt: 1 }],
    ['cartUnfreeze', { cartId: uuidv7(), checkoutId: uuidv7(), attempt: 1 }],
    ['cartConvert', { cartId: uuidv7(), checkoutId: uuidv7(), orderId: uuidv7() }],
  ])('%s is for our own parts alone', async (field, input) => {
    const type = `${field[0]!.toUpperCase()}${field.slice(1)}Input!`
    const document = `mutation ($input: ${type}) { ${field}(input: $input) { isReplay } }`
    for (const viewer of [anonymous, aGuest(), staffWith('admin:manage')]) {
      const { errors } = await shop.answer('cart', viewer, document, { input: { ...input, idempotencyKey: 'k' } })
      expect(errors?.[0]?.extensions?.code).toBe('FORBIDDEN')
    }
  })

  test('an undo that comes before its command leaves a tombstone, for that attempt alone', async () => {
    const viewer = aGuest()
    const cartId = await create(viewer)
    const hold = { cartId, checkoutId: uuidv7(), attempt: 1 }
    const undone = await mutate(aService('orders'), 'cartUnfreeze', { ...hold, idempotencyKey: 'undo' })
    expect(undone).toMatchObject({ userErrors: [], cart: { status: 'ACTIVE' } })
    expect(await read(viewer)).toMatchObject({ version: 1 })
  })

  test('an unknown cart is NOT_FOUND', async () => {
    const hold = { cartId: uuidv7(), checkoutId: uuidv7(), attempt: 1, idempotencyKey: 'k' }
    for (const field of ['cartFreeze', 'cartUnfreeze']) {
      expect((await mutate(aService('orders'), field, hold)).userErrors).toMatchObject([{ code: 'NOT_FOUND' }])
    }
  })
})

describe('a cart that is watched', () => {
  const watch = (viewer: Viewer, cartId: string) =>
    shop.watch('cart', viewer, `subscription ($id: ID!) { cartUpdated(cartId: $id) { version note } }`, { id: cartId })

  test('comes as it is, then with each change', async () => {
    const viewer = aGuest()
    const cartId = await create(viewer)
    const events = watch(viewer, cartId)
    expect((await events.next()).value.data.cartUpdated).toEqual({ version: 1, note: null })
    await mutate(viewer, 'cartBuyerUpdate', { cartId, note: 'Hello' })
    expect((await events.next()).value.data.cartUpdated).toEqual({ version: 2, note: 'Hello' })
    await events.return?.()
  })

  test('is nobody else’s to watch', async () => {
    const cartId = await create(aGuest())
    expect((await watch(aGuest(), cartId).next()).done).toBe(true)
    const refused = await watch(anonymous, cartId).next()
    expect(refused.value.errors[0].extensions.code).toBe('UNAUTHENTICATED')
  })
})

test('what is kept obeys its own rules, whoever writes it', async () => {
  const viewer = aGuest()
  const cartId = await create(viewer)
  await fill(cartId, { tee: 1 })
  const wrong = db().update(cartLines).set({ quantity: 0 }).where(eq(cartLines.cartId, cartId))
  await expect(Promise.resolve(wrong)).rejects.toThrow()
})
