import { eq } from 'drizzle-orm'
import { afterAll, describe, expect, test } from 'vitest'
import { uuidv7 } from '#platform/ids.ts'
import type { Viewer } from '#platform/viewer.ts'
import { aGuest, aService } from '../../tests/setup/viewers.ts'
import { MUG, TEE, openShop } from './shopping.fixture.ts'
import { cartLines, carts, holds, promotionUses } from './tables.ts'

const { shop, db, pricesChanged, somebodyWaits, mutate, read, withLines } = await openShop('cart', 'inventory')
afterAll(() => shop[Symbol.asyncDispose]())

describe('a cart that a checkout holds', () => {
  const orders = aService('orders')
  const freeze = (input: object, viewer: Viewer = orders) =>
    mutate(viewer, 'cartFreeze', { idempotencyKey: uuidv7(), ...input }, 'isReplay')
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

  test('is not held by a second checkout, nor as it was before a change that was under way', async () => {
    const { hold, cart, viewer } = await aCart()
    let freezing!: ReturnType<typeof freeze>
    await db().transaction(async (tx) => {
      await tx
        .update(carts)
        .set({ version: cart.version + 1 })
        .where(eq(carts.id, cart.id))
      freezing = freeze(hold)
      await somebodyWaits()
    })
    expect((await freezing).userErrors).toMatchObject([{ code: 'STALE_VERSION', currentVersion: cart.version + 1 }])
    await freeze(hold)
    expect((await freeze({ ...hold, checkoutId: uuidv7() })).userErrors).toMatchObject([
      { code: 'STATE_TRANSITION', fromState: 'FROZEN' },
    ])
    expect((await unfreeze(hold)).cart).toMatchObject({ status: 'ACTIVE' })
    expect(await read(viewer)).toMatchObject({ status: 'ACTIVE' })
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
    await pricesChanged()
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

  test('is free when its undo comes while the command is still under way', async () => {
    const { hold, viewer, cart } = await aCart()
    const { cartId, checkoutId, attempt } = hold
    let undone!: Promise<unknown>
    await db().transaction(async (tx) => {
      // What the command does, slowly.
      const frozen = { lines: [], discounts: [], discountCodes: [] } as never
      await tx.update(carts).set({ status: 'FROZEN', checkoutId, attempt, frozen }).where(eq(carts.id, cart.id))
      await tx.insert(holds).values({ checkoutId, attempt, cartId, status: 'HELD', createdAt: new Date() })
      undone = unfreeze(hold)
      await somebodyWaits()
    })
    expect(await undone).toMatchObject({ userErrors: [], cart: { status: 'ACTIVE' } })
    expect(await read(viewer)).toMatchObject({ status: 'ACTIVE' })
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
    const other = { ...bought, orderId: uuidv7(), idempotencyKey: uuidv7() }
    expect((await convert(other)).userErrors).toMatchObject([{ code: 'STATE_TRANSITION', fromState: 'CONVERTED' }])
    expect((await unfreeze(hold)).userErrors).toMatchObject([{ code: 'STATE_TRANSITION', fromState: 'CONVERTED' }])
    expect(await read(viewer)).toBeNull()
    expect(await read(viewer, cart.id)).toMatchObject({ status: 'CONVERTED', total: { amount: '24.90' } })
    expect((await withLines(viewer, [])).id).not.toBe(cart.id)
  })

  test('makes final what its order used of promotions', async () => {
    const { hold, cart } = await aCart()
    const orderId = uuidv7()
    const use = { checkoutId: hold.checkoutId, promotionIds: [], customerId: uuidv7() }
    const document = 'mutation ($input: PromotionUsageReserveInput!) { promotionUsageReserve(input: $input) { ok } }'
    for (const attempt of [1, 2]) {
      const input = { ...use, attempt, idempotencyKey: uuidv7() }
      await shop.ask('cart', orders, document, { input })
    }
    await db().update(promotionUses).set({ status: 'RELEASED' }).where(eq(promotionUses.attempt, 1))
    await freeze({ ...hold, attempt: 2 })
    await convert({ cartId: cart.id, checkoutId: hold.checkoutId, orderId })
    const ofCheckout = eq(promotionUses.checkoutId, hold.checkoutId)
    const rows = await db().select().from(promotionUses).where(ofCheckout).orderBy(promotionUses.attempt)
    expect(rows.map(({ attempt, status, orderId: of }) => [attempt, status, of])).toEqual([
      [1, 'RELEASED', null],
      [2, 'USED', orderId],
    ])
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

  test('costs few statements: two to hold it, one to let it go, one to close it', async () => {
    const { hold, cart } = await aCart()
    // As a checkout asks: it knows the cart from the answer of the first.
    const cost = async (field: string, input: object) => {
      const type = `${field[0]!.toUpperCase()}${field.slice(1)}Input!`
      const document = `mutation ($input: ${type}) { ${field}(input: $input) {
        ${field === 'cartFreeze' ? 'cart { total { amount } lines { quantity } discounts { lineId } }' : ''} userErrors { code } } }`
      const asked = { input: { ...input, idempotencyKey: uuidv7() } }
      const statements = await shop.statements(() => shop.ask('cart', orders, document, asked))
      const of = (part: string) => statements.filter((text) => text.includes(`"${part}".`)).length
      return { cart: of('cart'), inventory: of('inventory') }
    }
    const { cart: own, inventory } = await cost('cartFreeze', hold)
    expect(own).toBe(2)
    expect(inventory).toBe(1)
    expect(await cost('cartUnfreeze', hold)).toEqual({ cart: 1, inventory: 0 })
    await freeze({ ...hold, attempt: 2 })
    const bought = { cartId: cart.id, checkoutId: hold.checkoutId, orderId: uuidv7() }
    expect(await cost('cartConvert', bought)).toEqual({ cart: 1, inventory: 0 })
  })
})
