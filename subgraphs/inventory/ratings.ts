import { eq, inArray, sql } from 'drizzle-orm'
import type { Context } from '#platform/context.ts'
import type { Db } from '#platform/database.ts'
import { loadOne } from '#platform/loader.ts'
import { cached, dated } from './catalogue-cache.ts'
import type { ReviewRow } from './customer-tables.ts'
import { products, type ProductRow } from './tables.ts'

/** What the published reviews of a product come to. Kept with the product, as lists are ordered by it, but no part of its
 * version: who edits a product has nothing to do with who reviews it. */
export type Rating = Pick<ProductRow, 'id' | 'ratingAverage' | 'ratingCount'>

// Rows from the cache that were read before some rating changed.
const outdated = new WeakSet<Rating>()

/** Products that were kept as JSON; whether their ratings are those of now. */
export function rated<T extends ProductRow>(rows: T[], isRated: boolean): T[] {
  if (!isRated) for (const row of rows) outdated.add(row)
  return dated(rows)
}

const ratingOf = loadOne(
  (ctx: Context, ids: readonly string[]) =>
    cached<Rating[]>(ctx, { name: 'rating', asked: ids, isByRating: true }, async () => {
      const { id, ratingAverage, ratingCount } = products
      return await ctx.db
        .select({ id, ratingAverage, ratingCount })
        .from(products)
        .where(inArray(id, [...ids]))
    }),
  ({ id }) => id,
)

/** A product's rating as it is now. */
export const ratingIn = (ctx: Context, product: Rating): Rating | Promise<Rating> =>
  outdated.has(product)
    ? ratingOf(ctx)
        .load(product.id)
        .then((read) => read ?? product)
    : product

const counted = (review: Pick<ReviewRow, 'status' | 'rating'> | null) =>
  review?.status === 'PUBLISHED' ? { sum: review.rating, count: 1 } : { sum: 0, count: 0 }

/** Counts a change of a review; only published ones do. Added up and not set, so that of many at once none is lost. */
export async function countRating(
  tx: Db,
  productId: string,
  before: ReviewRow | null,
  after: ReviewRow | null,
): Promise<ProductRow> {
  const [was, is] = [counted(before), counted(after)]
  const [product] = await tx
    .update(products)
    .set({
      ratingSum: sql`rating_sum + ${is.sum - was.sum}`,
      ratingCount: sql`rating_count + ${is.count - was.count}`,
    })
    .where(eq(products.id, productId))
    .returning()
  return product!
}
