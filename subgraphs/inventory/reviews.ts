import { and, eq, sql, type SQL } from 'drizzle-orm'
import { z } from 'zod'
import type { Context } from '#platform/context.ts'
import type { Db } from '#platform/database.ts'
import { badUserInput } from '#platform/errors.ts'
import { isId } from '#platform/ids.ts'
import { keyset, type PageArgs } from '#platform/pages.ts'
import { parseInput, reject } from '#platform/user-errors.ts'
import { hasScope, owns, requireScope, type User } from '#platform/viewer.ts'
import { changeRatings } from './catalogue-cache.ts'
import { reviews, shown, type ReviewRow } from './customer-tables.ts'
import { productById, reviewPageOf, visibleTo } from './loaders.ts'
import { countRating, ratingIn } from './ratings.ts'
import { rejectRemoved } from './removed.ts'
import type {
  ReviewCreateInput,
  ReviewDeleteInput,
  ReviewModerateInput,
  ReviewUpdateInput,
} from './schema.generated.ts'
import { products, type ProductRow } from './tables.ts'

/** Published reviews of a product, newest first. */
export async function reviewsOf(ctx: Context, product: ProductRow, args: PageArgs & { rating?: number | null }) {
  if (args.rating != null && (args.rating < 1 || args.rating > 5)) badUserInput('rating is from 1 to 5.')
  const page = await reviewPageOf(ctx).load({ parentId: product.id, args })
  // Their number is kept with the product.
  return args.rating == null ? { ...page, totalCount: async () => (await ratingIn(ctx, product)).ratingCount } : page
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
  const written = ctx.db.select(shown).from(reviews).innerJoin(products, eq(products.id, reviews.productId))
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

/** Reviews a product, once per customer. Everyone can read it at once, unless staff have to publish it first. */
export async function createReview(ctx: Context, author: User, input: ReviewCreateInput) {
  const { productId, rating, title, body } = parseInput(createInput, input)
  if (!(isId(productId) && (await productById(ctx).load(productId)))) {
    reject('NOT_FOUND', 'There is no such product.', ['productId'])
  }
  const created = changeRatings(ctx, async (tx) => {
    const at = ctx.now()
    const [review] = await tx
      .insert(reviews)
      .values({
        productId,
        authorId: author.id,
        rating,
        title: title || null,
        body: body || null,
        status: ctx.config.MODERATE_REVIEWS ? 'PENDING' : 'PUBLISHED',
        createdAt: at,
        updatedAt: at,
      })
      .onConflictDoNothing()
      .returning(shown)
    if (!review) reject('CONFLICT', 'You reviewed it before.', ['productId'])
    return { review, product: await countRating(tx, productId, null, review) }
  })
  return await created.catch(rejectRemoved('reviews'))
}

const updateInput = z.object({ id: z.string(), ...createInput.partial().omit({ productId: true }).shape })

/** Changes somebody's own review; what is left out stays. What staff have to publish they have to publish again. */
export async function updateReview(ctx: Context, author: User, input: ReviewUpdateInput): Promise<ReviewRow> {
  const { id, rating, title, body } = parseInput(updateInput, input)
  return await changeReview(
    ctx,
    id,
    ({ authorId }) => authorId === author.id,
    (before) => ({
      rating: rating ?? before.rating,
      title: title === undefined ? before.title : title || null,
      body: body === undefined ? before.body : body || null,
      status: ctx.config.MODERATE_REVIEWS || before.status === 'REJECTED' ? 'PENDING' : before.status,
    }),
  )
}

const moderateInput = z.object({ id: z.string(), status: z.enum(['PENDING', 'PUBLISHED', 'REJECTED']) })

/** Publishes a review, turns it down, or lets it wait. */
export async function moderateReview(ctx: Context, input: ReviewModerateInput): Promise<ReviewRow> {
  requireScope(ctx.viewer, 'inventory:manage')
  const { id, status } = parseInput(moderateInput, input)
  return await changeReview(
    ctx,
    id,
    () => true,
    () => ({ status }),
  )
}

/** Removes a review: one's own, or for staff anybody's. Returns its id. */
export async function deleteReview(ctx: Context, author: User, { id }: ReviewDeleteInput): Promise<string> {
  const isStaff = hasScope(ctx.viewer, 'inventory:manage')
  await changeReview(
    ctx,
    id,
    ({ authorId }) => isStaff || authorId === author.id,
    () => null,
  )
  return id
}

/**
 * Changes a review, or removes it when there is nothing to change it to, and its product's rating with it.
 * @throws Rejection NOT_FOUND for one that is unknown or that `isAllowed` says no to.
 */
async function changeReview(
  ctx: Context,
  id: string,
  isAllowed: (review: ReviewRow) => boolean,
  changesOf: (before: ReviewRow) => Partial<ReviewRow> | null,
): Promise<ReviewRow> {
  return await changeRatings(ctx, async (tx) => {
    const mine = eq(reviews.id, id)
    const [before] = isId(id) ? await lockReview(tx, mine) : []
    if (!before || !isAllowed(before)) return reject('NOT_FOUND', 'There is no such review.', ['id'])
    const changes = changesOf(before)
    const [after] = changes
      ? await tx
          .update(reviews)
          .set({ ...changes, updatedAt: ctx.now(), version: sql`version + 1` })
          .where(mine)
          .returning(shown)
      : await tx.delete(reviews).where(mine).returning(shown)
    await countRating(tx, before.productId, before, changes ? after! : null)
    return after!
  })
}

// Its product first, whose rating changes with it: whoever removes a product takes its reviews after it.
const lockReview = (tx: Db, mine: SQL) =>
  tx
    .select(shown)
    .from(products)
    .innerJoin(reviews, eq(reviews.productId, products.id))
    .where(mine)
    .for('no key update')

/** Reviews that wait for staff, oldest first. */
export async function reviewsWaiting(ctx: Context, args: PageArgs) {
  requireScope(ctx.viewer, 'inventory:read')
  const page = keyset(args, [
    { column: reviews.createdAt, direction: 'asc' },
    { column: reviews.id, direction: 'asc' },
  ])
  const waiting = eq(reviews.status, 'PENDING')
  const rows = await ctx.db
    .select(shown)
    .from(reviews)
    .where(and(waiting, page.where))
    .orderBy(...page.orderBy)
    .limit(page.limit)
  return page.connection(rows, ({ createdAt, id }) => [createdAt, id], {
    totalCount: () => ctx.db.$count(reviews, waiting),
  })
}
