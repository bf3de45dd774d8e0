import { and, asc, count, eq, getTableColumns, inArray, lte, sql, type SQL } from 'drizzle-orm'
import { alias } from 'drizzle-orm/pg-core'
import type { Context } from '#platform/context.ts'
import { loadGrouped, loadMany, loadOne } from '#platform/loader.ts'
import { keyset, type PageArgs } from '#platform/pages.ts'
import { hasScope, type Viewer } from '#platform/viewer.ts'
import { cached, cachedCategories, dated } from './catalogue-cache.ts'
import { isVerified, reviews } from './customer-tables.ts'
import { rated } from './ratings.ts'
import {
  categories,
  locations,
  products,
  reservationLines,
  variants,
  type LocationRow,
  type ProductRow,
  type StockLevelRow,
  type VariantRow,
} from './tables.ts'

/** Drafts and archived products are for staff only. */
export const visibleTo = (viewer: Viewer): SQL | undefined =>
  hasScope(viewer, 'inventory:read') ? undefined : eq(products.status, 'ACTIVE')

const id = ({ id: own }: { id: string }) => own

const visibleProducts = (ctx: Context, key: 'id' | 'slug', keys: readonly string[]) =>
  cached(ctx, { name: 'product', asked: { [key]: keys }, revive: rated<ProductRow> }, async () =>
    ctx.db
      .select()
      .from(products)
      .where(and(inArray(products[key], [...keys]), visibleTo(ctx.viewer))),
  )

/** Products the viewer may see. */
export const productById = loadOne((ctx: Context, ids: readonly string[]) => visibleProducts(ctx, 'id', ids), id)

export const productBySlug = loadOne(
  (ctx: Context, slugs: readonly string[]) => visibleProducts(ctx, 'slug', slugs),
  ({ slug }) => slug,
)

/** Products of things the viewer has been given already. */
export const productOf = loadOne(
  (ctx: Context, ids: readonly string[]) =>
    ctx.db
      .select()
      .from(products)
      .where(inArray(products.id, [...ids])),
  id,
)

const visibleVariants = (ctx: Context, wanted: SQL) =>
  ctx.db
    .select(getTableColumns(variants))
    .from(variants)
    .innerJoin(products, eq(products.id, variants.productId))
    .where(and(wanted, visibleTo(ctx.viewer)))

/** Variants of products the viewer may see. */
export const variantById = loadOne(
  (ctx: Context, ids: readonly string[]) => visibleVariants(ctx, inArray(variants.id, [...ids])),
  id,
)

export const variantBySku = loadOne(
  (ctx: Context, skus: readonly string[]) => visibleVariants(ctx, inArray(variants.sku, [...skus])),
  ({ sku }) => sku,
)

/** Variants of things the viewer has been given already, such as the lines of a reservation. */
export const variantOf = loadOne(
  (ctx: Context, ids: readonly string[]) =>
    ctx.db
      .select()
      .from(variants)
      .where(inArray(variants.id, [...ids])),
  id,
)

export const locationById = loadOne(
  (ctx: Context, ids: readonly string[]) =>
    ctx.db
      .select()
      .from(locations)
      .where(inArray(locations.id, [...ids])),
  id,
)

type Level = StockLevelRow & Pick<LocationRow, 'isActive'>

/** A variant's levels, the location that orders are filled from first coming first. */
export const levelsOf = loadMany(
  (ctx: Context, variantIds: readonly string[]): Promise<Level[]> =>
    ctx.db.execute<Level & Record<string, unknown>>(sql`
      select variant_id as "variantId", location_id as "locationId", on_hand as "onHand", reserved, committed,
        is_active as "isActive"
      from inventory.stock_levels join inventory.locations on id = location_id
      where variant_id = any (${`{${variantIds.join(',')}}`}::text::uuid[])
      order by priority, id`),
  ({ variantId }) => variantId,
)

/**
 * Units of a variant that can be sold. Every list asks for those of a hundred variants, the one thing in it that is never
 * kept: written by hand and sent as one value it costs a third of rows.
 */
export const unitsOf = loadOne(
  async (ctx: Context, variantIds: readonly string[]) => {
    const [row] = await ctx.db.execute<{ units: Record<string, number> | null }>(sql`
      select jsonb_object_agg(variant_id, units) as units from (
        select variant_id, sum(on_hand - reserved - committed) as units
        from inventory.stock_levels join inventory.locations on id = location_id and is_active
        where variant_id = any (${`{${variantIds.join(',')}}`}::text::uuid[])
        group by variant_id
      ) sellable`)
    const units = new Map(Object.entries(row?.units ?? {}))
    unitsKnown.set(
      ctx,
      new Map([...(unitsKnown.get(ctx) ?? []), ...variantIds.map((of) => [of, units.get(of) ?? 0] as const)]),
    )
    return variantIds.map((variantId) => ({ variantId, units: units.get(variantId) ?? 0 }))
  },
  ({ variantId }) => variantId,
)

const unitsKnown = new WeakMap<object, ReadonlyMap<string, number>>()

/** What `unitsOf` has read for this request already: a promise less for each variant of a list. */
export const unitsReadBy = (ctx: Context, variantId: string): number | undefined => unitsKnown.get(ctx)?.get(variantId)

export const linesOfReservation = loadMany(
  (ctx: Context, ids: readonly string[]) =>
    ctx.db
      .select()
      .from(reservationLines)
      .where(inArray(reservationLines.reservationId, [...ids]))
      .orderBy(reservationLines.variantId, reservationLines.locationId),
  ({ reservationId }) => reservationId,
)

export const categoryById = loadOne(
  (ctx: Context, ids: readonly string[]) =>
    cachedCategories(ctx, { id: ids }, async () =>
      ctx.db
        .select()
        .from(categories)
        .where(inArray(categories.id, [...ids])),
    ),
  id,
)

export const childrenOf = loadMany(
  (ctx: Context, ids: readonly string[]) =>
    cachedCategories(ctx, { parentId: ids }, async () =>
      ctx.db
        .select()
        .from(categories)
        .where(inArray(categories.parentId, [...ids]))
        .orderBy(categories.name, categories.id),
    ),
  ({ parentId }) => parentId!,
)

const variantCount = loadOne(
  (ctx: Context, ids: readonly string[]) =>
    cached(ctx, { name: 'variants', asked: { count: ids } }, async () =>
      ctx.db
        .select({ productId: variants.productId, units: count() })
        .from(variants)
        .where(inArray(variants.productId, [...ids]))
        .groupBy(variants.productId),
    ),
  ({ productId }) => productId,
)

interface PageKey {
  parentId: string
  /** Whether it will be asked what of them can be bought. */
  needsUnits?: boolean
  args: PageArgs & { rating?: number | null }
}

const pageIdentity = {
  keyOf: ({ parentId }: PageKey) => parentId,
  argsOf: ({ args }: PageKey) => JSON.stringify(args),
}

/** A page of each product's variants, in the order to show. */
export const variantPageOf = loadGrouped(async (ctx: Context, wanted: readonly PageKey[]) => {
  const page = keyset(wanted[0]!.args, [
    { column: variants.position, direction: 'asc' },
    { column: variants.id, direction: 'asc' },
  ])
  const parents = wanted.map(({ parentId }) => parentId)
  const asked = { parents, args: wanted[0]!.args }
  const rows = await cached(ctx, { name: 'variants', asked, revive: dated<VariantRow> }, async () => {
    const ranked = ctx.db
      .select({ ...getTableColumns(variants), rank: page.rank(variants.productId) })
      .from(variants)
      .where(and(inArray(variants.productId, parents), page.where))
      .as('ranked')
    return await ctx.db.select().from(ranked).where(lte(ranked.rank, page.limit)).orderBy(asc(ranked.rank))
  })
  if (wanted.some(({ needsUnits }) => needsUnits)) await unitsOf(ctx).loadMany(rows.map(({ id: own }) => own))
  const byProduct = Map.groupBy(rows, ({ productId }) => productId)
  return parents.map((parentId) =>
    page.connection(byProduct.get(parentId) ?? [], (row) => [row.position, row.id], {
      totalCount: async () => (await variantCount(ctx).load(parentId))?.units ?? 0,
    }),
  )
}, pageIdentity)

/** A page of each product's published reviews, newest first. */
export const reviewPageOf = loadGrouped(async (ctx: Context, wanted: readonly PageKey[]) => {
  const { rating, ...args } = wanted[0]!.args
  const page = keyset(args, [
    { column: reviews.createdAt, direction: 'desc' },
    { column: reviews.id, direction: 'desc' },
  ])
  const parents = wanted.map(({ parentId }) => parentId)
  const published = and(eq(reviews.status, 'PUBLISHED'), rating == null ? undefined : eq(reviews.rating, rating))
  const ranked = ctx.db
    .select({ ...getTableColumns(reviews), rank: page.rank(reviews.productId) })
    .from(reviews)
    .where(and(inArray(reviews.productId, parents), published, page.where))
    .as('ranked')
  const rows = await ctx.db
    .select({ ...getTableColumns(alias(reviews, 'ranked')), isVerifiedPurchase: isVerified('ranked') })
    .from(ranked)
    .where(lte(ranked.rank, page.limit))
    .orderBy(asc(ranked.rank))
  const byProduct = Map.groupBy(rows, ({ productId }) => productId)
  return parents.map((parentId) =>
    page.connection(byProduct.get(parentId) ?? [], (row) => [row.createdAt, row.id], {
      totalCount: () => ctx.db.$count(reviews, and(eq(reviews.productId, parentId), published)),
    }),
  )
}, pageIdentity)
