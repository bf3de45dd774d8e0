import { eq, isNull } from 'drizzle-orm'
import type { Context } from '#platform/context.ts'
import { badUserInput } from '#platform/errors.ts'
import { isId } from '#platform/ids.ts'
import type { PageArgs } from '#platform/pages.ts'
import { categoryById, childrenOf } from './loaders.ts'
import { filedBelow, productPage } from './products.ts'
import type { ProductSort } from './schema.generated.ts'
import { categories, type CategoryRow } from './tables.ts'

/** A category by id or slug; null when unknown. */
export async function readCategory(
  ctx: Context,
  { id, slug }: { id?: string | null; slug?: string | null },
): Promise<CategoryRow | null> {
  if (id != null && slug != null) badUserInput('Give the id or the slug, not both.')
  if (id != null) return isId(id) ? await categoryById(ctx).load(id) : null
  if (slug == null) badUserInput('Give an id or a slug.')
  const [category] = await ctx.db.select().from(categories).where(eq(categories.slug, slug))
  return category ?? null
}

/** Categories right below another or, without one, at the top, by name. */
export async function categoriesBelow(ctx: Context, parentId: string | null | undefined): Promise<CategoryRow[]> {
  if (parentId != null) return isId(parentId) ? await childrenOf(ctx).load(parentId) : []
  return await ctx.db
    .select()
    .from(categories)
    .where(isNull(categories.parentId))
    .orderBy(categories.name, categories.id)
}

/** All categories above, from the top down. */
export async function ancestorsOf(ctx: Context, { path }: CategoryRow): Promise<CategoryRow[]> {
  const rows = await Promise.all(path.slice(0, -1).map((id) => categoryById(ctx).load(id)))
  return rows.filter((row) => row !== null)
}

/** Products for sale filed in a category or below it. */
export async function productsIn(ctx: Context, { id }: CategoryRow, args: PageArgs & { sort?: ProductSort | null }) {
  return await productPage(ctx, args, { within: filedBelow(ctx, id) })
}
