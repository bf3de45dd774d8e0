import { and, asc, eq, notInArray, or, sql } from 'drizzle-orm'
import { z } from 'zod'
import type { Context } from '#platform/context.ts'
import type { Db } from '#platform/database.ts'
import { idempotent } from '#platform/idempotency.ts'
import { isId } from '#platform/ids.ts'
import { once } from '#platform/reactions.ts'
import type { Announced } from '#platform/facts.ts'
import { parseInput, rejectTransition } from '#platform/user-errors.ts'
import type { Owner } from '#platform/viewer.ts'
import { belongsTo, isCurrent } from './access.ts'
import { merged, type MergeStrategy } from './claim.ts'
import { keepLines, linesOf } from './cart-lines.ts'
import { changed, closed, openCart, tell } from './carts.ts'
import type { CartMergeInput } from './schema.generated.ts'
import { cartLines, carts, idempotencyKeys, inbox, type CartRow } from './tables.ts'

interface Claim {
  guestId: string
  userId: string
  strategy: MergeStrategy
}

const known = z.string().refine(isId, { error: 'Nobody has this id.', params: { code: 'NOT_FOUND' } })
const mergeInput = z.object({
  guestId: known,
  userId: known,
  strategy: z.enum(['SUM_QUANTITIES', 'PREFER_GUEST', 'PREFER_ACCOUNT', 'REPLACE_WITH_GUEST']),
  idempotencyKey: z.string(),
})

/**
 * Adds a guest's cart to an account's when the guest signs in; the account's cart, or null when neither has one.
 * @throws Rejection STATE_TRANSITION while a checkout holds one of them.
 */
export async function mergeCarts(
  ctx: Context,
  input: CartMergeInput,
): Promise<{ cart: CartRow | null; isReplay: boolean }> {
  const { idempotencyKey: key, ...claim } = parseInput(mergeInput, input)
  const keyed = { scope: 'cartMerge', key, request: claim }
  const { reply, isReplay } = await idempotent(ctx, idempotencyKeys, keyed, (tx) => merge(tx, ctx, claim))
  if (!isReplay) await tellAll(ctx, reply.changed)
  // One that the fact opened while this waited for it is none that `merge` saw.
  const theirs = and(belongsTo({ kind: 'user', id: claim.userId }), isCurrent)
  const [cart] = await ctx.db
    .select()
    .from(carts)
    .where(reply.cartId ? eq(carts.id, reply.cartId) : theirs)
  return { cart: cart ?? null, isReplay }
}

/** The same when the command did not come through. While a checkout holds a cart it fails, so that it is tried again. */
export async function claimCarts(
  ctx: Context,
  event: Announced<{ guestId: string; userId: string; cartMergeStrategy: MergeStrategy }>,
): Promise<void> {
  const { guestId, userId, cartMergeStrategy: strategy } = event.data
  let changed: Changed[] = []
  await once(ctx, inbox, 'claimCarts', event, async (tx) => {
    changed = (await merge(tx, ctx, { guestId, userId, strategy })).changed
  })
  await tellAll(ctx, changed)
}

type Changed = Pick<CartRow, 'id' | 'version'>
const seen = { id: carts.id, version: carts.version }

const tellAll = (ctx: Context, changed: readonly Changed[]) => Promise.all(changed.map((cart) => tell(ctx, cart)))

interface Merged {
  cartId: string | null
  changed: Changed[]
}

async function merge(tx: Db, ctx: Context, { guestId, userId, strategy }: Claim): Promise<Merged> {
  const guest: Owner = { kind: 'guest', id: guestId }
  const account: Owner = { kind: 'user', id: userId }
  const current = await tx
    .select()
    .from(carts)
    .where(and(or(belongsTo(guest), belongsTo(account)), isCurrent))
    .orderBy(asc(carts.id))
    .for('update')
  const theirs = current.find(({ ownerKind }) => ownerKind === 'guest')
  const own = current.find(({ ownerKind }) => ownerKind === 'user')
  if (!theirs) return { cartId: own?.id ?? null, changed: await take(tx, ctx, guest, account) }
  const into = own ?? (await openCart(tx, ctx, account))
  const held = [theirs, into].find(({ status }) => status === 'FROZEN')
  if (held) rejectTransition({ from: held.status, to: 'MERGED', allowed: ['ACTIVE', 'CONVERTED'] })
  const filled = await pour(tx, ctx, theirs, into, strategy)
  return { cartId: into.id, changed: [...filled, ...(await take(tx, ctx, guest, account))] }
}

async function pour(tx: Db, ctx: Context, from: CartRow, into: CartRow, strategy: MergeStrategy): Promise<Changed[]> {
  const account = { cart: into, lines: await linesOf(tx, into.id) }
  const { lines, values } = merged(account, { cart: from, lines: await linesOf(tx, from.id) }, strategy)
  const gone = notInArray(
    cartLines.variantId,
    lines.map(({ variantId }) => variantId),
  )
  await tx.delete(cartLines).where(and(eq(cartLines.cartId, into.id), lines.length > 0 ? gone : undefined))
  await keepLines(tx, into.id, lines)
  await tx.update(carts).set(closed(ctx, 'MERGED')).where(eq(carts.id, from.id))
  return await tx
    .update(carts)
    .set({ ...values, ...changed(ctx) })
    .where(eq(carts.id, into.id))
    .returning(seen)
}

// The closed carts of the guest become the account's, so that it can read what it bought.
async function take(tx: Db, ctx: Context, guest: Owner, account: Owner): Promise<Changed[]> {
  return await tx
    .update(carts)
    .set({ ownerKind: account.kind, ownerId: account.id, version: sql`${carts.version} + 1`, updatedAt: ctx.now() })
    .where(belongsTo(guest))
    .returning(seen)
}
