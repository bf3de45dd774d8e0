import { and, eq, sql } from 'drizzle-orm'
import { z } from 'zod'
import type { Context } from '#platform/context.ts'
import { idempotent } from '#platform/idempotency.ts'
import { isId } from '#platform/ids.ts'
import { parseInput, reject, rejectStale, rejectTransition } from '#platform/user-errors.ts'
import { blocksCheckout, next, type Pricing } from './cart.ts'
import { changed, refuse, tell } from './carts.ts'
import { pricedAnew, type FreshPricing } from './pricing.ts'
import type { CartConvertInput, CartFreezeInput, CartUnfreezeInput } from './schema.generated.ts'
import { carts, holds, idempotencyKeys, type CartRow } from './tables.ts'

interface Held {
  cart: CartRow
  isReplay: boolean
}

// What a checkout sends is checked like any input, though it is ours: a mistake there must not reach a uuid column.
const holdInput = z.object({
  cartId: z.string().refine(isId, { error: 'No such cart.', params: { code: 'NOT_FOUND' } }),
  checkoutId: z.string().refine(isId, 'Not the id of a checkout.'),
  attempt: z.int().min(1),
  expectedVersion: z.int().nullish(),
  idempotencyKey: z.string(),
})

/**
 * Holds an ACTIVE cart still for one attempt of a checkout and keeps what it comes to now: its buyer and the order see
 * these prices until it is let go. Once per (checkout, attempt); never after that attempt was let go.
 * @throws Rejection NOT_APPLICABLE when it is empty or has problems that only its buyer can solve; UPSTREAM_UNAVAILABLE
 * when it cannot be priced anew.
 */
export async function freezeCart(ctx: Context, input: CartFreezeInput): Promise<Held> {
  const { idempotencyKey: key, ...request } = parseInput(holdInput, input)
  const { cartId, checkoutId, attempt, expectedVersion } = request
  // Neighbours are asked before the transaction opens; the version guards what they were asked about.
  const { cart: seen, pricing } = (await pricedAnew(ctx, cartId)) ?? unknownCart()
  const frozen = seen.status === 'ACTIVE' ? forCheckout(pricing) : null
  const { isReplay } = await idempotent(ctx, idempotencyKeys, { scope: 'cartFreeze', key, request }, async (tx) => {
    if (!frozen) rejectTransition({ from: seen.status, to: 'FROZEN', allowed: next[seen.status] })
    if (expectedVersion != null && expectedVersion !== seen.version) rejectStale(seen.version)
    // An undo of this attempt that commits first leaves its row here; one that runs now is waited for.
    const [hold] = await tx
      .insert(holds)
      .values({ checkoutId, attempt, cartId, status: 'HELD', createdAt: ctx.now() })
      .onConflictDoNothing()
      .returning()
    if (!hold) rejectTransition({ from: 'ACTIVE', to: 'FROZEN', allowed: [] })
    const held = await tx
      .update(carts)
      .set({ status: 'FROZEN', checkoutId, attempt, frozen, deliveryOption: frozen.deliveryOption, ...changed(ctx) })
      .where(and(eq(carts.id, cartId), eq(carts.status, 'ACTIVE'), eq(carts.version, seen.version)))
      .returning({ id: carts.id })
    if (held.length === 0) refuse(await cartOf({ db: tx }, cartId))
    return { cartId }
  })
  const cart = await cartOf(ctx, cartId)
  // A replay that comes after the undo must not make a checkout believe that it still holds the cart.
  if (cart.checkoutId !== checkoutId || cart.attempt !== attempt) {
    rejectTransition({ from: cart.status, to: 'FROZEN', allowed: [] })
  }
  return { cart: await tell(ctx, cart), isReplay }
}

function forCheckout({ isUpToDate, ...pricing }: FreshPricing): Pricing {
  if (!isUpToDate) reject('UPSTREAM_UNAVAILABLE', 'The cart cannot be priced now. Try again later.')
  if (pricing.lineCount === 0) reject('NOT_APPLICABLE', 'The cart is empty.', ['cartId'])
  if (pricing.problems.some(blocksCheckout))
    reject('NOT_APPLICABLE', 'The cart has problems to solve first.', ['cartId'])
  return pricing
}

/**
 * Undoes `freezeCart` of one attempt: the cart is ACTIVE again if that attempt holds it, and that attempt can hold it no
 * more, even if its command arrives later.
 */
export async function unfreezeCart(ctx: Context, input: CartUnfreezeInput): Promise<Held> {
  const { idempotencyKey: key, ...request } = parseInput(holdInput, input)
  const { cartId, checkoutId, attempt } = request
  await cartOf(ctx, cartId)
  const { isReplay } = await idempotent(ctx, idempotencyKeys, { scope: 'cartUnfreeze', key, request }, async (tx) => {
    const isHeld = and(eq(carts.id, cartId), eq(carts.checkoutId, checkoutId), eq(carts.attempt, attempt))
    await tx
      .insert(holds)
      .values({ checkoutId, attempt, cartId, status: 'RELEASED', createdAt: ctx.now() })
      .onConflictDoUpdate({ target: [holds.checkoutId, holds.attempt], set: { status: 'RELEASED' } })
    const released = await tx
      .update(carts)
      .set({ status: 'ACTIVE', checkoutId: null, attempt: null, frozen: null, ...changed(ctx) })
      .where(and(isHeld, eq(carts.status, 'FROZEN')))
      .returning({ id: carts.id })
    if (released.length > 0) return { cartId }
    const [bought] = await tx.select({ status: carts.status }).from(carts).where(isHeld)
    if (bought) rejectTransition({ from: bought.status, to: 'ACTIVE', allowed: next[bought.status] })
    return { cartId }
  })
  return { cart: await tell(ctx, await cartOf(ctx, cartId)), isReplay }
}

const convertInput = holdInput
  .omit({ attempt: true, expectedVersion: true })
  .extend({ orderId: z.string().refine(isId, 'Not the id of an order.') })

/** Closes a cart whose order was placed: its buyer's next cart is a new one. */
export async function convertCart(ctx: Context, input: CartConvertInput): Promise<Held> {
  const { idempotencyKey: key, ...request } = parseInput(convertInput, input)
  const { cartId, checkoutId, orderId } = request
  const { isReplay } = await idempotent(ctx, idempotencyKeys, { scope: 'cartConvert', key, request }, async (tx) => {
    const converted = await tx
      .update(carts)
      .set({ status: 'CONVERTED', orderId, version: sql`${carts.version} + 1`, updatedAt: ctx.now() })
      .where(and(eq(carts.id, cartId), eq(carts.status, 'FROZEN'), eq(carts.checkoutId, checkoutId)))
      .returning({ id: carts.id })
    if (converted.length > 0) return { cartId }
    const { status } = await cartOf({ db: tx }, cartId)
    return rejectTransition({ from: status, to: 'CONVERTED', allowed: next[status] })
  })
  return { cart: await tell(ctx, await cartOf(ctx, cartId)), isReplay }
}

// Any cart: a checkout acts for its buyer, also when it is resumed and nobody is there.
async function cartOf({ db }: Pick<Context, 'db'>, id: string): Promise<CartRow> {
  const [cart] = await db.select().from(carts).where(eq(carts.id, id))
  return cart ?? unknownCart()
}

const unknownCart = (): never => reject('NOT_FOUND', 'No such cart.', ['cartId'])
