import { and, arrayContains, eq, inArray, ne, sql, type SQL } from 'drizzle-orm'
import type { Context } from '#platform/context.ts'
import type { Db } from '#platform/database.ts'
import { isId, uuidv7 } from '#platform/ids.ts'
import { parseInput, problem, reject, type UserError } from '#platform/user-errors.ts'
import { requireScope } from '#platform/viewer.ts'
import { changeCatalogue } from './catalogue-cache.ts'
import { categoryInput, isBelowItself, isTooDeep, MAX_LEVELS } from './category.ts'
import type { CategoryDeleteInput, CategoryUpsertInput } from './schema.generated.ts'
import { indexProducts } from './search-documents.ts'
import { slugOf } from './slug.ts'
import { categories, products, type CategoryRow } from './tables.ts'

/** Adds a category, or changes one when `id` is given: everything below it moves along. */
export async function upsertCategory(ctx: Context, input: CategoryUpsertInput): Promise<CategoryRow> {
  requireScope(ctx.viewer, 'inventory:manage')
  return await changeCatalogue(ctx, async (tx) => {
    await lockTree(tx)
    const before = await readCategory(tx, input.id)
    const above = await readCategory(tx, input.parentId === undefined ? before?.parentId : input.parentId)
    const slug = input.slug ?? before?.slug ?? slugOf(input.name)
    const found = [
      ...(input.id != null && !before ? [problem('NOT_FOUND', 'There is no such category.', ['id'])] : []),
      ...(await problemsAbove(tx, input, before, above)),
      ...(await problemsOfSlug(tx, slug, before)),
    ]
    const { name } = parseInput(categoryInput, input, found)
    const id = before?.id ?? uuidv7()
    const values = { name, slug, parentId: above?.id ?? null, path: [...(above?.path ?? []), id], updatedAt: ctx.now() }
    return before
      ? await changeCategory(tx, before, values)
      : await addCategory(tx, { ...values, id, createdAt: ctx.now() })
  })
}

// One change of the tree at a time: of two moves at once, each may be right and both together a cycle.
const lockTree = (tx: Db) => tx.execute(sql`lock table inventory.categories in share row exclusive mode`)

async function readCategory(tx: Db, id: string | null | undefined): Promise<CategoryRow | undefined> {
  const [category] = id != null && isId(id) ? await tx.select().from(categories).where(eq(categories.id, id)) : []
  return category
}

async function problemsAbove(
  tx: Db,
  { parentId }: CategoryUpsertInput,
  before: CategoryRow | undefined,
  above: CategoryRow | undefined,
): Promise<UserError[]> {
  if (parentId == null) return []
  if (!above) return [problem('NOT_FOUND', 'There is no such category.', ['parentId'])]
  if (before && isBelowItself(before.path, above.path)) {
    return [problem('INVALID', 'A category cannot be below itself.', ['parentId'])]
  }
  const isFull = isTooDeep(above.path, before ? await levelsBelow(tx, before) : 0)
  return isFull ? [problem('LIMIT_EXCEEDED', `The tree has at most ${MAX_LEVELS} levels.`, ['parentId'])] : []
}

const isInside = ({ id }: Pick<CategoryRow, 'id'>): SQL => arrayContains(categories.path, [id])

async function levelsBelow(tx: Db, category: CategoryRow): Promise<number> {
  const [deepest] = await tx
    .select({ levels: sql<number>`max(cardinality(${categories.path}))` })
    .from(categories)
    .where(isInside(category))
  return deepest!.levels - category.path.length
}

async function problemsOfSlug(tx: Db, slug: string, before: CategoryRow | undefined): Promise<UserError[]> {
  if (!slug) return [problem('REQUIRED', 'None can be made from this name: give a slug.', ['slug'])]
  const others = and(eq(categories.slug, slug), before ? ne(categories.id, before.id) : undefined)
  return (await tx.$count(categories, others)) > 0 ? [problem('CONFLICT', 'This slug is taken.', ['slug'])] : []
}

async function addCategory(tx: Db, values: typeof categories.$inferInsert): Promise<CategoryRow> {
  const [added] = await tx.insert(categories).values(values).returning()
  return added!
}

async function changeCategory(
  tx: Db,
  before: CategoryRow,
  { path, updatedAt, ...values }: Pick<CategoryRow, 'name' | 'slug' | 'parentId' | 'path' | 'updatedAt'>,
): Promise<CategoryRow> {
  const [changed] = await tx
    .update(categories)
    .set({ ...values, updatedAt, version: sql`${categories.version} + 1` })
    .where(eq(categories.id, before.id))
    .returning()
  const isMoved = before.parentId !== values.parentId
  if (isMoved) {
    const rest = sql`${categories.path}[${before.path.length + 1}::int:]`
    await tx
      .update(categories)
      .set({ path: sql`${sql.param(path, categories.path)} || ${rest}` })
      .where(isInside(before))
  }
  // Products are found by the names of the categories above them.
  if (isMoved || before.name !== values.name) await indexProducts(tx, await productsInside(tx, before))
  return { ...changed!, path }
}

async function productsInside(tx: Db, category: CategoryRow): Promise<string[]> {
  const inside = tx.select({ id: categories.id }).from(categories).where(isInside(category))
  const rows = await tx.select({ id: products.id }).from(products).where(inArray(products.categoryId, inside))
  return rows.map(({ id }) => id)
}

/** Removes a category that nothing is filed in. Returns its id. */
export async function deleteCategory(ctx: Context, { id }: CategoryDeleteInput): Promise<string> {
  requireScope(ctx.viewer, 'inventory:manage')
  return await changeCatalogue(ctx, async (tx) => {
    await lockTree(tx)
    const [category] = isId(id) ? await tx.select().from(categories).where(eq(categories.id, id)).for('update') : []
    if (!category) reject('NOT_FOUND', 'There is no such category.', ['id'])
    const filed = await tx.$count(products, eq(products.categoryId, id))
    const below = await tx.$count(categories, eq(categories.parentId, id))
    if (filed + below > 0) reject('CONFLICT', 'It is not empty.', ['id'])
    await tx.delete(categories).where(eq(categories.id, id))
    return id
  })
}
