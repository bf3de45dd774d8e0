import { and, eq, inArray, sql } from 'drizzle-orm'
import { z } from 'zod'
import type { Context } from '#platform/context.ts'
import { isId } from '#platform/ids.ts'
import { loadOne } from '#platform/loader.ts'
import { keyset, type PageArgs } from '#platform/pages.ts'
import { parseInput, reject } from '#platform/user-errors.ts'
import { client, hasScope, owns, type User } from '#platform/viewer.ts'
import { wishlistItems, type WishlistItemRow } from './customer-tables.ts'
import { productById, variantById } from './loaders.ts'
import { rejectRemoved } from './removed.ts'
import type { WishlistItemAddInput, WishlistItemRemoveInput } from './schema.generated.ts'

const MAX_ITEMS = 500

/** What somebody wants, newest first, for them and staff; null for others. */
export async function wishlistOf(ctx: Context, userId: string, args: PageArgs) {
  if (!owns(ctx.viewer, { kind: 'user', id: userId }) && !hasScope(ctx.viewer, 'users:read')) return null
  const page = keyset(args, [
    { column: wishlistItems.createdAt, direction: 'desc' },
    { column: wishlistItems.id, direction: 'desc' },
  ])
  const theirs = isId(userId) ? eq(wishlistItems.userId, userId) : sql`false`
  const rows = await ctx.db
    .select()
    .from(wishlistItems)
    .where(and(theirs, page.where))
    .orderBy(...page.orderBy)
    .limit(page.limit)
  return page.connection(rows, ({ createdAt, id }) => [createdAt, id], {
    totalCount: () => ctx.db.$count(wishlistItems, theirs),
  })
}

const mine = loadOne(
  ({ db, viewer }: Context, productIds: readonly string[]) => {
    const asked = client(viewer)
    return db
      .select({ productId: wishlistItems.productId })
      .from(wishlistItems)
      .where(
        and(
          asked.kind === 'user' ? eq(wishlistItems.userId, asked.id) : sql`false`,
          inArray(wishlistItems.productId, [...productIds]),
        ),
      )
  },
  ({ productId }) => productId,
)

/** Whether a product is on the viewer's list; null without an account. */
export const isWanted = async (ctx: Context, productId: string): Promise<boolean | null> =>
  client(ctx.viewer).kind === 'user' ? (await mine(ctx).load(productId)) !== null : null

const addInput = z.object({ productId: z.string(), variantId: z.string().nullish() })

/** Puts a product on a list; what is there gets the variant that is named now. */
export async function addToWishlist(ctx: Context, { id: userId }: User, input: WishlistItemAddInput) {
  const { productId, variantId } = parseInput(addInput, input)
  const product = isId(productId) ? await productById(ctx).load(productId) : null
  if (!product) return reject('NOT_FOUND', 'There is no such product.', ['productId'])
  const variant = variantId != null && isId(variantId) ? await variantById(ctx).load(variantId) : null
  if (variantId != null && variant?.productId !== productId) {
    reject('NOT_FOUND', 'The product has no such variant.', ['variantId'])
  }
  const added = ctx.db.transaction(async (tx): Promise<WishlistItemRow> => {
    // One list is added to by one at a time: two that see the last free place would both take it.
    await tx.execute(sql`select pg_advisory_xact_lock(hashtextextended(${`wishlist ${userId}`}, 0))`)
    const theirs = eq(wishlistItems.userId, userId)
    const at = ctx.now()
    const [changed] = await tx
      .update(wishlistItems)
      .set({ variantId: variantId ?? null, updatedAt: at, version: sql`version + 1` })
      .where(and(theirs, eq(wishlistItems.productId, productId)))
      .returning()
    if (changed) return changed
    if ((await tx.$count(wishlistItems, theirs)) >= MAX_ITEMS) {
      reject('LIMIT_EXCEEDED', `A wishlist has at most ${MAX_ITEMS} products.`, ['productId'])
    }
    const fresh = { userId, productId, variantId: variantId ?? null, createdAt: at, updatedAt: at }
    const [item] = await tx.insert(wishlistItems).values(fresh).returning()
    return item!
  })
  return await added.catch(rejectRemoved('wishlist_items'))
}

/** Takes a product off a list. Returns the item's id. */
export async function removeFromWishlist({ db }: Pick<Context, 'db'>, { id }: User, input: WishlistItemRemoveInput) {
  const { productId } = parseInput(z.object({ productId: z.string() }), input)
  const [gone] = isId(productId)
    ? await db
        .delete(wishlistItems)
        .where(and(eq(wishlistItems.userId, id), eq(wishlistItems.productId, productId)))
        .returning()
    : []
  return gone?.id ?? reject('NOT_FOUND', 'It is not on your list.', ['productId'])
}
