import { and, eq, getTableColumns, sql, type WithSubquery } from 'drizzle-orm'
import { z } from 'zod'
import type { Context } from '#platform/context.ts'
import { isTaken } from '#platform/database.ts'
import { idempotentStatement, type Keyed } from '#platform/idempotency.ts'
import { isId } from '#platform/ids.ts'
import { parseInput, reject, rejectStale, rejectTransition } from '#platform/user-errors.ts'
import { blocksCheckout, next, type FreshPricing, type Pricing } from './cart.ts'
import { changed, closed, tell } from './carts.ts'
import { pricedAnew } from './pricing.ts'
import type { CartConvertInput, CartFreezeInput, CartUnfreezeInput } from './schema.generated.ts'
import { carts, holds, idempotencyKeys, promotionUses, type CartRow } from './tables.ts'

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
  // Neighbours are asked first; the version guards what they were asked about.
  const { cart: seen, pricing } = (await pricedAnew(ctx, cartId)) ?? unknownCart()
  const keyed = { scope: 'cartFreeze', key, request }
  const done = await command(ctx, keyed, async (remembered) => {
    if (seen.status !== 'ACTIVE' || (expectedVersion != null && expectedVersion !== seen.version)) return undefined
    const frozen = forCheckout(pricing)
    const values = { status: 'FROZEN', checkoutId, attempt, frozen, deliveryOption: frozen.deliveryOption } as const
    // The version says that it is ACTIVE still: every change of its status makes another.
    const held = ctx.db.$with('held').as(
      ctx.db
        .update(carts)
        .set({ ...values, ...changed(ctx) })
        .where(and(eq(carts.id, cartId), eq(carts.version, seen.version)))
        .returning(),
    )
    // An undo of this attempt that came first left its row here, on which the whole statement fails.
    const hold = ctx.db.$with('hold', {}).as(sql`
      insert into ${holds} (checkout_id, attempt, cart_id, status, created_at)
      select ${checkoutId}, ${attempt}::int, id, 'HELD', ${ctx.now().toISOString()}::timestamptz from held`)
    try {
      const [cart] = await ctx.db.with(held, hold, remembered('held')).select().from(held)
      return cart
    } catch (error) {
      if (isTaken(error, 'holds_checkout_id_attempt_pk')) return undefined
      throw error
    }
  })
  if (!done) return await whyNotFrozen(ctx, request)
  // A replay that comes after the undo must not make a checkout believe that it still holds the cart.
  if (done.cart.checkoutId !== checkoutId || done.cart.attempt !== attempt) {
    rejectTransition({ from: done.cart.status, to: 'FROZEN', allowed: [] })
  }
  return done
}

async function whyNotFrozen(
  ctx: Context,
  { cartId, checkoutId, attempt, expectedVersion }: Omit<CartFreezeInput, 'idempotencyKey'>,
): Promise<never> {
  const cart = await cartOf(ctx, cartId)
  if (cart.status !== 'ACTIVE') rejectTransition({ from: cart.status, to: 'FROZEN', allowed: next[cart.status] })
  if (expectedVersion != null && expectedVersion !== cart.version) rejectStale(cart.version)
  const attempts = await ctx.db.$count(holds, and(eq(holds.checkoutId, checkoutId), eq(holds.attempt, attempt)))
  if (attempts > 0) rejectTransition({ from: 'ACTIVE', to: 'FROZEN', allowed: [] })
  return rejectStale(cart.version)
}

/**
 * Carries a command out as one statement, in which `remembered(from)` keeps the key if `from`, the effect, has a row.
 * Null when a guard held it back and the key was not used before.
 */
async function command(
  ctx: Context,
  keyed: Keyed & { request: { cartId: string } },
  act: (remembered: (from: string) => WithSubquery) => Promise<CartRow | undefined>,
): Promise<Held | null> {
  let cart: CartRow | undefined
  const done = await idempotentStatement(ctx, idempotencyKeys, keyed, async (remember) => {
    cart = await act((from) =>
      ctx.db.$with('remembered', {}).as(remember(sql`'{}'::jsonb`, sql`${sql.identifier(from)}`)),
    )
    return cart && {}
  })
  if (!done) return null
  return { cart: await tell(ctx, cart ?? (await cartOf(ctx, keyed.request.cartId))), isReplay: done.isReplay }
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
  const done = await command(ctx, { scope: 'cartUnfreeze', key, request }, async (remembered) => {
    // Locked first, as the command does it: one that is under way is waited for, and what it did is seen in this row and
    // in the conflict below, whereas everything else is read as it was when the statement began.
    const seen = ctx.db.$with('seen').as(ctx.db.select().from(carts).where(eq(carts.id, cartId)).for('update'))
    const isHeld = sql`seen.checkout_id = ${checkoutId} and seen.attempt = ${attempt}`
    const letGo = ctx.db.$with('let_go', {}).as(sql`
      insert into ${holds} (checkout_id, attempt, cart_id, status, created_at)
      select ${checkoutId}, ${attempt}::int, id, 'RELEASED', ${ctx.now().toISOString()}::timestamptz from seen
      where not (${isHeld} and seen.status = 'CONVERTED')
      on conflict (checkout_id, attempt) do update set status = 'RELEASED' returning cart_id`)
    const released = ctx.db.$with('released').as(
      ctx.db
        .update(carts)
        .set({ status: 'ACTIVE', checkoutId: null, attempt: null, frozen: null, ...changed(ctx) })
        .from(seen)
        .where(and(eq(carts.id, seen.id), eq(seen.status, 'FROZEN'), isHeld))
        .returning(getTableColumns(carts)),
    )
    const [row] = await ctx.db
      .with(seen, letGo, released, remembered('let_go'))
      .select()
      .from(seen)
      .leftJoin(released, eq(released.id, seen.id))
      .where(sql`exists (select from let_go)`)
    return row && (row.released ?? row.seen)
  })
  if (done) return done
  const { status } = await cartOf(ctx, cartId)
  return rejectTransition({ from: status, to: 'ACTIVE', allowed: next[status] })
}

const convertInput = holdInput
  .omit({ attempt: true, expectedVersion: true })
  .extend({ orderId: z.string().refine(isId, 'Not the id of an order.') })

/** Closes a cart whose order was placed: its buyer's next cart is a new one. What the order used of promotions is final. */
export async function convertCart(ctx: Context, input: CartConvertInput): Promise<Held> {
  const { idempotencyKey: key, ...request } = parseInput(convertInput, input)
  const { cartId, checkoutId, orderId } = request
  const done = await command(ctx, { scope: 'cartConvert', key, request }, async (remembered) => {
    const converted = ctx.db.$with('converted').as(
      ctx.db
        .update(carts)
        .set({ ...closed(ctx, 'CONVERTED'), orderId })
        .where(and(eq(carts.id, cartId), eq(carts.status, 'FROZEN'), eq(carts.checkoutId, checkoutId)))
        .returning(),
    )
    const used = ctx.db.$with('used', {}).as(sql`
      update ${promotionUses} u set status = 'USED', order_id = ${orderId} from converted
      where u.checkout_id = converted.checkout_id and u.status = 'RESERVED'`)
    const [cart] = await ctx.db.with(converted, used, remembered('converted')).select().from(converted)
    return cart
  })
  if (done) return done
  const { status } = await cartOf(ctx, cartId)
  return rejectTransition({ from: status, to: 'CONVERTED', allowed: next[status] })
}

// Any cart: a checkout acts for its buyer, also when it is resumed and nobody is there.
async function cartOf({ db }: Pick<Context, 'db'>, id: string): Promise<CartRow> {
  const [cart] = await db.select().from(carts).where(eq(carts.id, id))
  return cart ?? unknownCart()
}

const unknownCart = (): never => reject('NOT_FOUND', 'No such cart.', ['cartId'])
