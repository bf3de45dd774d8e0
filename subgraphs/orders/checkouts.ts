import { and, eq, notInArray, sql } from 'drizzle-orm'
import { setTimeout as pause } from 'node:timers/promises'
import type { Context } from '#platform/context.ts'
import { followState } from '#platform/follow.ts'
import { isId, uuidv7 } from '#platform/ids.ts'
import { reject } from '#platform/user-errors.ts'
import { requireSession, type Owner } from '#platform/viewer.ts'
import { ownedBy, visibleTo } from './access.ts'
import { readCart } from './calls/cart.ts'
import { isUnderWay } from './checkout.ts'
import { tell } from './lease.ts'
import { checkoutById, orderById } from './loaders.ts'
import { amountOf } from './order.ts'
import type { CheckoutCreateInput } from './schema.generated.ts'
import { checkouts, type CheckoutRow } from './tables.ts'

/** How long a checkout waits to be completed. */
const TTL_MS = 24 * 60 * 60_000
/** The longest that a caller is kept waiting: less than the 10 s that whoever calls a subgraph waits. */
const PATIENCE_MS = 9_000
/** What it takes to read what became of it and to answer, before the caller's own time is up. */
const ANSWERING_MS = 500
const POLL_MS = 50
const LONGEST_POLL_MS = 500

const OVER = ['COMPLETED', 'FAILED', 'EXPIRED', 'CANCELLED'] as const

/** A checkout; null when unknown or not the caller's. */
export const readCheckout = async (ctx: Context, id: string): Promise<CheckoutRow | null> =>
  isId(id) ? await checkoutById(ctx).load(id) : null

/** The checkout as it is now, then after each change. */
export function watchCheckout(ctx: Context, id: string) {
  requireSession(ctx.viewer)
  return followState(ctx.live, `checkout:${id}`, () => freshCheckout(ctx, id), ctx.signal)
}

// Past the loaders, which remember.
export async function freshCheckout(
  { db, viewer }: Pick<Context, 'db' | 'viewer'>,
  id: string,
): Promise<CheckoutRow | null> {
  if (!isId(id)) return null
  const [row] = await db
    .select()
    .from(checkouts)
    .where(and(eq(checkouts.id, id), visibleTo(viewer, checkouts)))
  return row ?? null
}

/** A checkout of somebody's own. @throws Rejection NOT_FOUND, also for staff who may see it */
export async function requireOwn({ db }: Context, owner: Owner, checkoutId: string): Promise<CheckoutRow> {
  const [own] = await db
    .select()
    .from(checkouts)
    .where(and(eq(checkouts.id, checkoutId), ownedBy(owner, checkouts)))
  return own ?? reject('NOT_FOUND', 'There is no such checkout.', ['checkoutId'])
}

/** Opens the checkout of a cart, or returns the one it has with today's total. */
export async function createCheckout(ctx: Context, { kind, id }: Owner, { cartId }: CheckoutCreateInput) {
  const cart = isId(cartId) ? await readCart(ctx, cartId) : null
  if (!cart) reject('NOT_FOUND', 'There is no such cart.', ['cartId'])
  const live = and(eq(checkouts.cartId, cartId), notInArray(checkouts.status, [...OVER]))
  if (cart.status === 'FROZEN') {
    const [completing] = await ctx.db
      .select()
      .from(checkouts)
      .where(and(live, ownedBy({ kind, id }, checkouts)))
    if (completing) return { checkout: completing }
  }
  if (cart.status !== 'ACTIVE') {
    reject('STATE_TRANSITION', 'This cart cannot be bought any more.', ['cartId'], {
      __typename: 'StateTransitionError',
      fromState: cart.status,
      toState: 'FROZEN',
      allowed: [],
    })
  }
  if (cart.lineCount === 0) reject('NOT_APPLICABLE', 'The cart is empty.', ['cartId'])
  const now = ctx.now()
  const { amountMinor: totalMinor, currency } = amountOf(cart.total)
  const renewed = {
    ownerKind: kind,
    ownerId: id,
    totalMinor,
    currency,
    updatedAt: now,
    expiresAt: new Date(now.getTime() + TTL_MS),
  }
  const [opened] = await ctx.db
    .insert(checkouts)
    .values({ ...renewed, id: uuidv7(), cartId, status: 'OPEN', createdAt: now })
    .onConflictDoUpdate({
      target: checkouts.cartId,
      targetWhere: sql`status not in ('COMPLETED', 'FAILED', 'EXPIRED', 'CANCELLED')`,
      set: { ...renewed, version: sql`${checkouts.version} + 1` },
      // The owner may have come with the cart, when a guest signed in; one that is being completed stays as it is.
      setWhere: eq(checkouts.status, 'OPEN'),
    })
    .returning()
  const [checkout] = opened
    ? [opened]
    : await ctx.db
        .select()
        .from(checkouts)
        .where(and(live, ownedBy({ kind, id }, checkouts)))
  if (!checkout) reject('STATE_TRANSITION', 'This cart is being bought.', ['cartId'])
  await tell(ctx, checkout)
  return { checkout }
}

/** The order of a checkout; null until it is created. */
export const orderOf = async (ctx: Context, { placedAt, orderId }: CheckoutRow) =>
  placedAt && orderId ? await orderById(ctx).load(orderId) : null

/** Until when a caller is kept waiting, in epoch milliseconds. */
export const patience = ({ deadline }: Pick<Context, 'deadline'>): number =>
  Math.min(deadline - ANSWERING_MS, Date.now() + PATIENCE_MS)

/** Waits for work that goes on by itself, until its end or that time. */
export async function withinTime(work: Promise<unknown>, until: number): Promise<void> {
  const answered = new AbortController()
  const timeUp = pause(Math.max(0, until - Date.now()), undefined, { signal: answered.signal }).catch(() => {})
  await Promise.race([work, timeUp])
  answered.abort()
}

/** A checkout whoever it belongs to. */
export async function freshCheckoutRow({ db }: Pick<Context, 'db'>, id: string): Promise<CheckoutRow> {
  const [row] = await db.select().from(checkouts).where(eq(checkouts.id, id))
  if (!row) throw new Error('A checkout is never deleted')
  return row
}

/** The checkout once this attempt rests, or as it stands when the time is up. */
export async function settled(
  { db }: Pick<Context, 'db'>,
  id: string,
  attempt: number,
  until: number,
): Promise<CheckoutRow> {
  // Most end soon; many that wait for long must not keep the database from those they wait for.
  for (let delay = POLL_MS; ; delay = Math.min(delay * 1.5, LONGEST_POLL_MS)) {
    const row = await freshCheckoutRow({ db }, id)
    if (row.attempt !== attempt || !isUnderWay(row.status) || Date.now() >= until) return row
    await pause(delay)
  }
}
