import { and, arrayOverlaps, eq, exists, gt, gte, inArray, lte, sql, type SQL } from 'drizzle-orm'
import { z } from 'zod'
import type { Context } from '#platform/context.ts'
import { badUserInput } from '#platform/errors.ts'
import { isId } from '#platform/ids.ts'
import { parseMoney } from '#platform/money.ts'
import type { PageArgs } from '#platform/pages.ts'
import { hasScope } from '#platform/viewer.ts'
import { cached } from './catalogue-cache.ts'
import { productById, productBySlug } from './loaders.ts'
import { inOrder } from './product-order.ts'
import { rated } from './ratings.ts'
import type { ProductFilter, ProductSort } from './schema.generated.ts'
import { categories, locations, products, stockLevels, variants, type ProductRow } from './tables.ts'

/** A product the viewer may see, by id or slug; null when unknown. */
export async function readProduct(
  ctx: Context,
  { id, slug }: { id?: string | null; slug?: string | null },
): Promise<ProductRow | null> {
  if (id != null && slug != null) badUserInput('Give the id or the slug, not both.')
  if (id != null) return isId(id) ? await productById(ctx).load(id) : null
  return slug == null ? badUserInput('Give an id or a slug.') : await productBySlug(ctx).load(slug)
}

type ListArgs = PageArgs & { filter?: ProductFilter | null; sort?: ProductSort | null }

/** A page of the products that `filter` leaves, for sale unless staff ask for others. */
export async function productPage(ctx: Context, { filter, ...args }: ListArgs) {
  const { page, keyOf } = inOrder(args)
  const wanted = matching(ctx, filter)
  const rows = await cachedList(ctx, { filter, sort: args.sort, args, revive: rated<ProductRow> }, async () =>
    ctx.db
      .select()
      .from(products)
      .where(and(wanted, page.where))
      .orderBy(...page.orderBy)
      .limit(page.limit),
  )
  const totalCount = () => cachedList(ctx, { filter, args: 'count' }, () => ctx.db.$count(products, wanted))
  return page.connection(rows, keyOf, { totalCount })
}

interface List<T> {
  filter: ProductFilter | null | undefined
  sort?: ProductSort | null | undefined
  args: unknown
  revive?: (value: T, isRated: boolean) => T
}

/** A list is kept like the rest of the catalogue, unless it depends on stock: that changes with every order. */
export async function cachedList<T>(
  ctx: Context,
  { filter, sort, args, revive }: List<T>,
  read: () => Promise<T>,
): Promise<T> {
  if (filter?.inStockOnly) return await read()
  const isByRating = sort === 'RATING' || filter?.ratingMin != null
  return await cached(ctx, { name: 'products', asked: { filter, args }, isByRating, ...(revive && { revive }) }, read)
}

/** Filed in a category or anywhere below it. */
export const filedBelow = ({ db }: Pick<Context, 'db'>, categoryId: string): SQL =>
  inArray(
    products.categoryId,
    db
      .select({ id: categories.id })
      .from(categories)
      .where(sql`${categories.path} @> array[${categoryId}::uuid]`),
  )

const filterSchema = z.object({
  brands: z.array(z.string().max(200)).max(100, 'At most 100 brands.').nullish(),
  tags: z.array(z.string().max(200)).max(100, 'At most 100 tags.').nullish(),
  ratingMin: z.int().min(1, 'ratingMin is from 1 to 5.').max(5, 'ratingMin is from 1 to 5.').nullish(),
})

/** The state of what is listed: shoppers see what is for sale, whatever they ask for. */
export const statusOf = (
  { viewer }: Pick<Context, 'viewer'>,
  filter: ProductFilter | null | undefined,
): ProductRow['status'] => (hasScope(viewer, 'inventory:read') ? filter?.status : null) ?? 'ACTIVE'

/** What a filter leaves of the products the viewer may see. @throws BAD_USER_INPUT */
export function matching(
  ctx: Pick<Context, 'db' | 'viewer' | 'config'>,
  filter: ProductFilter | null | undefined,
): SQL {
  const { success, error } = filterSchema.safeParse(filter ?? {})
  if (!success) badUserInput(error.issues[0]!.message)
  const { categoryId, brands, tags, priceMin, priceMax, inStockOnly, ratingMin } = filter ?? {}
  return and(
    eq(products.status, statusOf(ctx, filter)),
    categoryId == null ? undefined : isId(categoryId) ? filedBelow(ctx, categoryId) : sql`false`,
    brands?.length ? inArray(products.brand, [...brands]) : undefined,
    tags?.length ? arrayOverlaps(products.tags, [...tags]) : undefined,
    priced(ctx, priceMin, priceMax),
    inStockOnly ? inStock(ctx) : undefined,
    ratingMin == null ? undefined : gte(products.ratingAverage, ratingMin),
  )!
}

function priced(
  { db, config }: Pick<Context, 'db' | 'config'>,
  min?: string | null,
  max?: string | null,
): SQL | undefined {
  if (min == null && max == null) return undefined
  const minor = (amount: string) =>
    parseMoney({ amount, currencyCode: config.CURRENCY })?.amountMinor ??
    badUserInput(`${amount} is not an amount in ${config.CURRENCY}.`)
  return exists(
    db
      .select({ id: variants.id })
      .from(variants)
      .where(
        and(
          eq(variants.productId, products.id),
          min == null ? undefined : gte(variants.priceMinor, minor(min)),
          max == null ? undefined : lte(variants.priceMinor, minor(max)),
        ),
      ),
  )
}

// No level is ever below what is promised, so one with units left is enough.
const inStock = ({ db }: Pick<Context, 'db'>): SQL =>
  exists(
    db
      .select({ id: variants.id })
      .from(variants)
      .innerJoin(stockLevels, eq(stockLevels.variantId, variants.id))
      .innerJoin(locations, and(eq(locations.id, stockLevels.locationId), eq(locations.isActive, true)))
      .where(
        and(
          eq(variants.productId, products.id),
          gt(sql`${stockLevels.onHand} - ${stockLevels.reserved} - ${stockLevels.committed}`, 0),
        ),
      ),
  )
