import { and, eq, inArray, lt, sql } from 'drizzle-orm'
import type { PgUpdateSetSource } from 'drizzle-orm/pg-core'
import { z } from 'zod'
import { addressSchema } from '#platform/address.ts'
import type { Context } from '#platform/context.ts'
import type { Db } from '#platform/database.ts'
import { followState } from '#platform/follow.ts'
import { isId } from '#platform/ids.ts'
import { parseInput, reject, rejectStale, rejectTransition } from '#platform/user-errors.ts'
import { requireSession, owner, type Owner } from '#platform/viewer.ts'
import { belongsTo, isCurrent, visibleTo } from './access.ts'
import { deliveryOptionsFor } from './calls/delivery.ts'
import { next } from './cart.ts'
import type { LeftOut } from './claim.ts'
import { cartById, currentCartOf } from './loaders.ts'
import type { SeenCart } from './price-cache.ts'
import { summaryOf } from './pricing.ts'
import type { CartBuyerUpdateInput, CartDeliveryOptionSelectInput } from './schema.generated.ts'
import { carts, type CartRow } from './tables.ts'

// How long a cart is kept for a buyer who does not come back.
const KEPT_DAYS = 30

/** A cart of the viewer's, or without an id the one in use; null when there is none or it is another's. */
export async function readCart(ctx: Context, id?: string | null): Promise<SeenCart | null> {
  if (id != null) return isId(id) ? await cartById(ctx).load(id) : null
  const mine = owner(ctx.viewer)
  return mine && (await currentCartOf(ctx).load(mine.id))
}

/** The cart in use of an account, for that account alone. */
export async function readCartOfUser(ctx: Context, userId: string): Promise<SeenCart | null> {
  const mine = owner(ctx.viewer)
  return mine?.kind === 'user' && mine.id === userId ? await readCart(ctx) : null
}

/** A cart of the viewer's as it is at this moment, whatever was read before. */
async function readCartAnew({ db, viewer }: Pick<Context, 'db' | 'viewer'>, id: string): Promise<CartRow | null> {
  const [cart] = isId(id)
    ? await db
        .select()
        .from(carts)
        .where(and(eq(carts.id, id), visibleTo(viewer)))
    : []
  return cart ?? null
}

/** The cart now and after each change, until it is another's. */
export async function followCart(ctx: Context, id: string): Promise<AsyncIterable<CartRow>> {
  requireSession(ctx.viewer)
  return await followState(ctx.live, topicOf(id), () => readCartAnew(ctx, id), ctx.signal)
}

const topicOf = (cartId: string): string => `cart:${cartId}`

/** Tells those who watch a cart that it changed; after the commit. */
export async function tell<T extends Pick<CartRow, 'id' | 'version'>>(
  { live }: Pick<Context, 'live'>,
  cart: T,
): Promise<T> {
  await live.publish(topicOf(cart.id), { sequence: cart.version })
  return cart
}

/** The columns that every change sets: a change also keeps a cart from being given up. */
export const changed = ({ now }: Pick<Context, 'now'>) => ({
  version: sql`${carts.version} + 1`,
  updatedAt: now(),
  expiresAt: new Date(now().getTime() + KEPT_DAYS * 86_400_000),
})

/** The column that a change of one part sets: what sign-ins left out of that part has been told. */
export const told = (part: keyof LeftOut) => ({ leftOut: sql`${carts.leftOut} - ${part}::text` })

/** The columns that set a cart aside for good. */
export const closed = <T extends CartRow['status']>({ now }: Pick<Context, 'now'>, status: T) => ({
  status,
  closedAt: now(),
  updatedAt: now(),
  version: sql`${carts.version} + 1`,
})

/** A new cart in use for this owner. */
export function newCart(ctx: Pick<Context, 'now' | 'config'>, { kind, id }: Owner): typeof carts.$inferInsert {
  const { updatedAt, expiresAt } = changed(ctx)
  const times = { createdAt: updatedAt, updatedAt, expiresAt }
  return { ownerKind: kind, ownerId: id, currency: ctx.config.CURRENCY, ...times }
}

/** The owner's cart in use, opened if there is none, and locked. Two that open one at once get the same. */
export async function openCart(tx: Db, ctx: Pick<Context, 'now' | 'config'>, mine: Owner): Promise<CartRow> {
  const [opened] = await tx.insert(carts).values(newCart(ctx, mine)).onConflictDoNothing().returning()
  if (opened) return opened
  const [current] = await tx
    .select()
    .from(carts)
    .where(and(belongsTo(mine), isCurrent))
    .for('update')
  // None: it was closed between the two statements, so the place is free now.
  return current ?? (await openCart(tx, ctx, mine))
}

/**
 * Changes an ACTIVE cart of the owner's in one guarded UPDATE, which also locks it: until the transaction ends nobody else
 * changes the cart or its lines.
 * @throws Rejection NOT_FOUND, STATE_TRANSITION or STALE_VERSION, with nothing changed.
 */
export async function changeCart(
  tx: Db,
  ctx: Pick<Context, 'now'>,
  mine: Owner,
  { cartId, expectedVersion }: { cartId: string; expectedVersion?: number | null | undefined },
  values: PgUpdateSetSource<typeof carts> = {},
): Promise<CartRow> {
  const isMine = isId(cartId) ? and(eq(carts.id, cartId), belongsTo(mine)) : sql`false`
  const isSeen = expectedVersion == null ? undefined : eq(carts.version, expectedVersion)
  const [cart] = await tx
    .update(carts)
    .set({ ...values, ...changed(ctx) })
    .where(and(isMine, eq(carts.status, 'ACTIVE'), isSeen))
    .returning()
  if (cart) return cart
  const [found] = await tx.select().from(carts).where(isMine)
  return refuse(found)
}

/** Says why a guarded change of a cart did not happen. */
export function refuse(found: CartRow | null | undefined): never {
  if (!found) reject('NOT_FOUND', 'No such cart.', ['cartId'])
  if (found.status !== 'ACTIVE') rejectTransition({ from: found.status, to: 'ACTIVE', allowed: next[found.status] })
  rejectStale(found.version)
}

const buyerInput = z.object({
  cartId: z.string(),
  email: z.email('This is not an e-mail address.').max(254).nullish(),
  note: z.string().trim().max(1_000, 'At most 1,000 characters.').nullish(),
  shippingAddress: addressSchema.nullish(),
  billingAddress: addressSchema.nullish(),
})

/** Notes who buys and where to. What is left out stays, null clears. */
export async function updateBuyer(ctx: Context, mine: Owner, input: CartBuyerUpdateInput): Promise<CartRow> {
  const { cartId, email: buyerEmail, note, ...addresses } = parseInput(buyerInput, input)
  const values = { buyerEmail, note: note === '' ? null : note, ...addresses, ...told('details') }
  return await tell(ctx, await ctx.db.transaction((tx) => changeCart(tx, ctx, mine, { cartId }, values)))
}

const optionInput = z.object({ cartId: z.string(), optionId: z.string().min(1).max(128) })

/** Chooses a delivery option among those that delivery offers for the cart as it is. */
export async function chooseDelivery(
  ctx: Context,
  mine: Owner,
  input: CartDeliveryOptionSelectInput,
): Promise<CartRow> {
  const { cartId, optionId } = parseInput(optionInput, input)
  const cart = await readCartAnew(ctx, cartId)
  if (cart?.status !== 'ACTIVE') refuse(cart)
  if (!cart.shippingAddress) reject('NOT_APPLICABLE', 'Give a shipping address first.', ['optionId'])
  const options = await deliveryOptionsFor(ctx, cart, await summaryOf(ctx, cart))
  if (!options) reject('UPSTREAM_UNAVAILABLE', 'Deliveries cannot be offered now. Try again later.')
  const deliveryOption = options.find(({ id }) => id === optionId)
  if (!deliveryOption) reject('NOT_APPLICABLE', 'This delivery is not offered for this cart.', ['optionId'])
  return await tell(
    ctx,
    await ctx.db.transaction((tx) => changeCart(tx, ctx, mine, { cartId }, { deliveryOption, ...told('details') })),
  )
}

/** Account that a cart belongs to; null for a guest's. */
export const accountOf = ({ ownerKind, ownerId }: CartRow): { id: string } | null =>
  ownerKind === 'user' ? { id: ownerId } : null

// Few enough that those who watch are told soon, and that the rows are not locked for long.
const GIVEN_UP_AT_ONCE = 500

/** Gives up carts that nobody changed for long, and tells those who watch them. They stay readable. */
export async function abandonCarts(ctx: Pick<Context, 'db' | 'now' | 'live'>): Promise<void> {
  const isStale = and(eq(carts.status, 'ACTIVE'), lt(carts.expiresAt, ctx.now()))
  for (;;) {
    const some = ctx.db.select({ id: carts.id }).from(carts).where(isStale).limit(GIVEN_UP_AT_ONCE)
    // Asked again of each: its buyer may have come back since it was chosen.
    const givenUp = await ctx.db
      .update(carts)
      .set(closed(ctx, 'ABANDONED'))
      .where(and(inArray(carts.id, some), isStale))
      .returning({ id: carts.id, version: carts.version })
    await Promise.all(givenUp.map((cart) => tell(ctx, cart)))
    if (givenUp.length < GIVEN_UP_AT_ONCE) return
  }
}
