import { and, eq } from 'drizzle-orm'
import { afterAll, describe, expect, test } from 'vitest'
import { uuidv7 } from '#platform/ids.ts'
import { anonymous, type Viewer } from '#platform/viewer.ts'
import { aCustomer, aGuest, aService, staffWith } from '../../tests/setup/viewers.ts'
import { abandonCarts } from './carts.ts'
import { contents, openShop } from './shopping.fixture.ts'
import { cartLines, carts } from './tables.ts'

// The cart alone: inventory and delivery cannot be reached here. subgraph.buying.test.ts has them.
const { shop, db, mutate, read, create, variantOf, fill } = await openShop('cart')
afterAll(() => shop[Symbol.asyncDispose]())

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

  test('a cart can be read whatever its lines cost and weigh, also after two such were merged', async () => {
    const [guest, user] = [aGuest(), aCustomer()]
    const most = { unitPriceMinor: 10_000_000_000, weightGrams: 10_000_000, quantity: 10_000, maxOrderQuantity: 10_000 }
    const skus = Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`most-${index}`, 1]))
    for (const viewer of [guest, user]) {
      const cartId = await create(viewer)
      await fill(cartId, skus)
      await db().update(cartLines).set(most).where(eq(cartLines.cartId, cartId))
    }
    const claim = { guestId: guest.id, userId: user.id, strategy: 'SUM_QUANTITIES', idempotencyKey: uuidv7() }
    const { cart } = await mutate(aService('users'), 'cartMerge', claim)
    expect(cart).toMatchObject({
      lineCount: 100,
      total: { amount: '40000000000000.00' },
      totalWeightGrams: 2_147_483_647,
    })
    expect(cart.problems[0]).toMatchObject({ __typename: 'LineQuantityReduced', available: 4_000 })
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

  test('is told to be given up, however many are', async () => {
    const viewer = aGuest()
    const cartId = await create(viewer)
    const times = { createdAt: new Date(0), updatedAt: new Date(0), expiresAt: new Date(0) }
    const others = Array.from({ length: 1_001 }, () => ({
      ownerKind: 'guest' as const,
      ownerId: uuidv7(),
      currency: 'EUR',
      ...times,
    }))
    await db().insert(carts).values(others)
    const document = 'subscription ($id: ID!) { cartUpdated(cartId: $id) { status } }'
    const events = shop.watch('cart', viewer, document, { id: cartId })
    expect((await events.next()).value.data.cartUpdated).toEqual({ status: 'ACTIVE' })
    const told = events.next()
    await abandonCarts({ ...shop.part('cart').ownContext(), now: () => new Date(Date.now() + 31 * 86_400_000) })
    expect((await told).value.data.cartUpdated).toEqual({ status: 'ABANDONED' })
    expect(await db().$count(carts, and(eq(carts.status, 'ACTIVE'), eq(carts.createdAt, times.createdAt)))).toBe(0)
    await events.return?.()
  })

  test('is nobody else’s to watch', async () => {
    const cartId = await create(aGuest())
    expect((await watch(aGuest(), cartId).next()).value.errors[0].extensions.code).toBe('NOT_FOUND')
    const refused = await watch(anonymous, cartId).next()
    expect(refused.value.errors[0].extensions.code).toBe('UNAUTHENTICATED')
  })
})
