import { and, eq, getTableColumns, sql } from 'drizzle-orm'
import { z } from 'zod'
import type { Context } from '#platform/context.ts'
import { badUserInput } from '#platform/errors.ts'
import type { Announced } from '#platform/facts.ts'
import { isId } from '#platform/ids.ts'
import { keyset, type PageArgs } from '#platform/pages.ts'
import { parseInput, reject } from '#platform/user-errors.ts'
import { hasScope, owns, type User } from '#platform/viewer.ts'
import { changeCatalogue } from './catalogue-cache.ts'
import { productById, reviewPageOf, visibleTo } from './loaders.ts'
import type { ReviewCreateInput } from './schema.generated.ts'
import { products, purchases, reviews, type ProductRow } from './tables.ts'

/** Published reviews of a product, newest first. */
export async function reviewsOf(
  ctx: Context,
  { id, ratingCount }: ProductRow,
  args: PageArgs & { rating?: number | null },
) {
  if (args.rating != null && (args.rating < 1 || args.rating > 5)) badUserInput('rating is from 1 to 5.')
  const page = await reviewPageOf(ctx).load({ parentId: id, args })
  // Their number is kept with the product.
  return args.rating == null ? { ...page, totalCount: async () => ratingCount } : page
}

/** Reviews that a person wrote, newest first; all of them for that person and staff. */
export async function reviewsBy(ctx: Context, authorId: string, args: PageArgs) {
  const isTheirs = owns(ctx.viewer, { kind: 'user', id: authorId }) || hasScope(ctx.viewer, 'inventory:read')
  const page = keyset(args, [
    { column: reviews.createdAt, direction: 'desc' },
    { column: reviews.id, direction: 'desc' },
  ])
  const wanted = and(
    isId(authorId) ? eq(reviews.authorId, authorId) : sql`false`,
    isTheirs ? undefined : and(eq(reviews.status, 'PUBLISHED'), visibleTo(ctx.viewer)),
  )
  const written = ctx.db
    .select(getTableColumns(reviews))
    .from(reviews)
    .innerJoin(products, eq(products.id, reviews.productId))
  const rows = await written
    .where(and(wanted, page.where))
    .orderBy(...page.orderBy)
    .limit(page.limit)
  return page.connection(rows, ({ createdAt, id }) => [createdAt, id])
}

const createInput = z.object({
  productId: z.string(),
  rating: z.int().min(1, 'Give 1 to 5 stars.').max(5, 'Give 1 to 5 stars.'),
  title: z.string().trim().max(120, 'A headline has at most 120 characters.').nullish(),
  body: z.string().trim().max(5_000, 'A review has at most 5,000 characters.').nullish(),
})

/** Reviews a product, once per customer; everyone can read it at once. */
export async function createReview(ctx: Context, author: User, input: ReviewCreateInput) {
  const { productId, rating, title, body } = parseInput(createInput, input)
  if (!(isId(productId) && (await productById(ctx).load(productId)))) {
    reject('NOT_FOUND', 'There is no such product.', ['productId'])
  }
  return await changeCatalogue(ctx, async (tx) => {
    const at = ctx.now()
    const bought = and(eq(purchases.userId, author.id), eq(purchases.productId, productId))
    const [review] = await tx
      .insert(reviews)
      .values({
        productId,
        authorId: author.id,
        rating,
        title: title || null,
        body: body || null,
        status: 'PUBLISHED',
        isVerifiedPurchase: (await tx.$count(purchases, bought)) > 0,
        createdAt: at,
        updatedAt: at,
      })
      .onConflictDoNothing()
      .returning()
    if (!review) reject('CONFLICT', 'You reviewed it before.', ['productId'])
    const [product] = await tx
      .update(products)
      .set({
        ratingSum: sql`rating_sum + ${rating}`,
        ratingCount: sql`rating_count + 1`,
        updatedAt: at,
        version: sql`version + 1`,
      })
      .where(eq(products.id, productId))
      .returning()
    return { review, product: product! }
  })
}

/** Notes what somebody had delivered: their reviews of it are of a verified purchase. Idempotent. */
export async function notePurchases(
  { db }: Pick<Context, 'db'>,
  { owner, data }: Pick<Announced<{ lines: { productId: string }[] }>, 'owner' | 'data'>,
): Promise<void> {
  if (owner?.kind !== 'user') return
  const productIds = new Set(data.lines.map(({ productId }) => productId))
  await db
    .insert(purchases)
    .values([...productIds].map((productId) => ({ userId: owner.id, productId })))
    .onConflictDoNothing()
}
