import { and, arrayContains, asc, count, eq, getTableColumns, inArray, isNull, lte, sql } from 'drizzle-orm'
import { alias } from 'drizzle-orm/pg-core'
import type { Context } from '#platform/context.ts'
import { badUserInput } from '#platform/errors.ts'
import { isId } from '#platform/ids.ts'
import { loadGrouped, loadOne } from '#platform/loader.ts'
import type { PageArgs } from '#platform/pages.ts'
import { cached, cachedCategories } from './catalogue-cache.ts'
import { categoryById, childrenOf } from './loaders.ts'
import { inOrder } from './product-order.ts'
import { rated } from './ratings.ts'
import type { ProductSort } from './schema.generated.ts'
import { categories, products, type CategoryRow, type ProductRow } from './tables.ts'

/** A category by id or slug; null when unknown. */
export async function readCategory(
  ctx: Context,
  { id, slug }: { id?: string | null; slug?: string | null },
): Promise<CategoryRow | null> {
  if (id != null && slug != null) badUserInput('Give the id or the slug, not both.')
  if (id != null) return isId(id) ? await categoryById(ctx).load(id) : null
  if (slug == null) badUserInput('Give an id or a slug.')
  const [category] = await cachedCategories(ctx, { slug }, async () =>
    ctx.db.select().from(categories).where(eq(categories.slug, slug)),
  )
  return category ?? null
}

/** Categories right below another or, without one, at the top, by name. */
export async function categoriesBelow(ctx: Context, parentId: string | null | undefined): Promise<CategoryRow[]> {
  if (parentId != null) return isId(parentId) ? await childrenOf(ctx).load(parentId) : []
  return await cachedCategories(ctx, { parentId: null }, async () =>
    ctx.db.select().from(categories).where(isNull(categories.parentId)).orderBy(categories.name, categories.id),
  )
}

/** All categories above, from the top down. */
export async function ancestorsOf(ctx: Context, { path }: CategoryRow): Promise<CategoryRow[]> {
  const rows = await Promise.all(path.slice(0, -1).map((id) => categoryById(ctx).load(id)))
  return rows.filter((row) => row !== null)
}

interface ProductsKey {
  categoryId: string
  args: PageArgs & { sort?: ProductSort | null }
}

/** A product in the list of a category. */
type Listed = ProductRow & { listed: string; rank: number }

const below = alias(categories, 'below')
const isBelow = arrayContains(below.path, sql`array[${categories.id}]`)
const isFiled = and(eq(products.categoryId, below.id), eq(products.status, 'ACTIVE'))

const productCount = loadOne(
  (ctx: Context, ids: readonly string[]) =>
    cached(ctx, { name: 'products', asked: { countIn: ids } }, async () =>
      ctx.db
        .select({ id: categories.id, products: count() })
        .from(categories)
        .innerJoin(below, isBelow)
        .innerJoin(products, isFiled)
        .where(inArray(categories.id, [...ids]))
        .groupBy(categories.id),
    ),
  ({ id }) => id,
)

const productPageOf = loadGrouped(
  async (ctx: Context, wanted: readonly ProductsKey[]) => {
    const { page, keyOf } = inOrder(wanted[0]!.args)
    const ids = wanted.map(({ categoryId }) => categoryId)
    const asked = { in: ids, args: wanted[0]!.args }
    const isByRating = asked.args.sort === 'RATING'
    const rows = await cached(ctx, { name: 'products', asked, revive: rated<Listed>, isByRating }, async () => {
      const listed = sql<string>`${categories.id}`.as('listed_in')
      const ranked = ctx.db
        .select({ ...getTableColumns(products), listed, rank: page.rank(categories.id) })
        .from(categories)
        .innerJoin(below, isBelow)
        .innerJoin(products, isFiled)
        .where(and(inArray(categories.id, ids), page.where))
        .as('ranked')
      return await ctx.db.select().from(ranked).where(lte(ranked.rank, page.limit)).orderBy(asc(ranked.rank))
    })
    const byCategory = Map.groupBy(rows, (row) => row.listed)
    return ids.map((id) =>
      page.connection(byCategory.get(id) ?? [], keyOf, {
        totalCount: async () => (await productCount(ctx).load(id))?.products ?? 0,
      }),
    )
  },
  { keyOf: ({ categoryId }) => categoryId, argsOf: ({ args }) => JSON.stringify(args) },
)

/** Products for sale filed in a category or anywhere below it. */
export const productsIn = (ctx: Context, { id }: CategoryRow, args: ProductsKey['args']) =>
  productPageOf(ctx).load({ categoryId: id, args })
