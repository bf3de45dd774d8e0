import { eq, inArray, sql } from 'drizzle-orm'
import type { Context } from '#platform/context.ts'
import type { Db } from '#platform/database.ts'
import { announce } from '#platform/facts.ts'
import { isId, uuidv7 } from '#platform/ids.ts'
import { parseInput, problem, reject, rejectStale, rejectTransition, type UserError } from '#platform/user-errors.ts'
import { requireScope } from '#platform/viewer.ts'
import { changeCatalogue } from './catalogue-cache.ts'
import { customerItems } from './customer-tables.ts'
import { ProductChanged } from './events.ts'
import { mayBecome, nextStatuses, productChange, productCreation } from './product.ts'
import type { ProductCreateInput, ProductDeleteInput, ProductUpdateInput } from './schema.generated.ts'
import { indexProducts, unindexProduct } from './search-documents.ts'
import { slugOf } from './slug.ts'
import { lockLevels } from './stock-levels.ts'
import { categories, products, reservationLines, variants, type ProductRow } from './tables.ts'

/** Adds a product without variants, a draft unless said otherwise. */
export async function createProduct(ctx: Context, input: ProductCreateInput): Promise<ProductRow> {
  requireScope(ctx.viewer, 'inventory:manage')
  return await changeCatalogue(ctx, async (tx) => {
    const found = [...(await unknownCategory(tx, input.categoryId)), ...(await takenSlug(tx, input.slug))]
    const {
      slug,
      name,
      tags = [],
      attributes = [],
      media = [],
      status,
      ...rest
    } = parseInput(productCreation, input, found)
    const id = uuidv7()
    const made = slugOf(name)
    // A slug made from the name gives way to one that is taken; one that was asked for does not.
    const slugs = slug ? [slug] : [made, [made, id.slice(-6)].filter(Boolean).join('-')].filter(Boolean)
    const values = { id, name, tags, attributes, media, options: [], status: status ?? 'DRAFT', ...rest, ...times(ctx) }
    for (const each of slugs) {
      const [product] = await tx
        .insert(products)
        .values({ ...values, slug: each })
        .onConflictDoNothing({ target: products.slug })
        .returning()
      if (!product) continue
      await indexProducts(tx, [id])
      await tellChanged(tx, ctx, product, [])
      return product
    }
    return reject('CONFLICT', 'This slug is taken.', ['slug'])
  })
}

const times = ({ now }: Pick<Context, 'now'>) => ({ createdAt: now(), updatedAt: now() })

// Locked, so that the category is still there when the product that is filed in it commits.
async function unknownCategory(tx: Db, id: string | null | undefined): Promise<UserError[]> {
  if (id == null) return []
  const found = isId(id)
    ? await tx.select({ id: categories.id }).from(categories).where(eq(categories.id, id)).for('key share')
    : []
  return found.length > 0 ? [] : [problem('NOT_FOUND', 'There is no such category.', ['categoryId'])]
}

async function takenSlug(tx: Db, slug: string | null | undefined): Promise<UserError[]> {
  const isTaken = slug != null && (await tx.$count(products, eq(products.slug, slug))) > 0
  return isTaken ? [problem('CONFLICT', 'This slug is taken.', ['slug'])] : []
}

/** Changes a product; what is left out stays, null clears. */
export async function updateProduct(ctx: Context, input: ProductUpdateInput): Promise<ProductRow> {
  requireScope(ctx.viewer, 'inventory:manage')
  return await changeCatalogue(ctx, async (tx) => {
    const before = await lockProduct(tx, input.id)
    const unknown = before ? [] : [problem('NOT_FOUND', 'There is no such product.', ['id'])]
    const changes = parseInput(productChange, input, [...unknown, ...(await unknownCategory(tx, input.categoryId))])
    const { status: from, version } = before!
    if (input.expectedVersion != null && input.expectedVersion !== version) rejectStale(version)
    if (changes.status && !mayBecome(from, changes.status)) {
      rejectTransition({ from, to: changes.status, allowed: nextStatuses[from] }, ['status'])
    }
    const product = await saveProduct(tx, ctx, input.id, changes)
    await indexProducts(tx, [product.id])
    await tellChanged(tx, ctx, product, await variantIdsOf(tx, product.id))
    return product
  })
}

/** A product, its row locked until the transaction ends; nothing of it changes meanwhile but its rating and sales. */
export async function lockProduct(
  tx: Db,
  id: string,
  strength: 'no key update' | 'update' = 'no key update',
): Promise<ProductRow | undefined> {
  const [product] = isId(id) ? await tx.select().from(products).where(eq(products.id, id)).for(strength) : []
  return product
}

/** Writes changes of a locked product, as its next version. */
export async function saveProduct(
  tx: Db,
  { now }: Pick<Context, 'now'>,
  id: string,
  changes: Partial<ProductRow>,
): Promise<ProductRow> {
  const [product] = await tx
    .update(products)
    .set({ ...changes, updatedAt: now(), version: sql`${products.version} + 1` })
    .where(eq(products.id, id))
    .returning()
  return product!
}

/** Announces that a product is another than before, or some of its variants are. */
export async function tellChanged(
  tx: Db,
  ctx: Pick<Context, 'now' | 'requestId'>,
  { id, version }: Pick<ProductRow, 'id' | 'version'>,
  variantIds: readonly string[],
): Promise<void> {
  const data = { productId: id, variantIds: [...variantIds] }
  await announce(tx, ctx, ProductChanged, { entityId: id, entityVersion: version, owner: null, data })
}

async function variantIdsOf(tx: Db, productId: string): Promise<string[]> {
  const rows = await tx.select({ id: variants.id }).from(variants).where(eq(variants.productId, productId))
  return rows.map(({ id }) => id)
}

/** Removes a product that was never sold, with its variants, their stock and its reviews. Returns its id. */
export async function deleteProduct(ctx: Context, { id }: ProductDeleteInput): Promise<string> {
  requireScope(ctx.viewer, 'inventory:manage')
  return await changeCatalogue(ctx, async (tx) => {
    const product = await lockProduct(tx, id, 'update')
    if (!product) reject('NOT_FOUND', 'There is no such product.', ['id'])
    const owned = await tx.$count(customerItems, eq(customerItems.productId, id))
    if (owned > 0) reject('CONFLICT', 'Customers own it. Archive it instead.', ['id'])
    const variantIds = await variantIdsOf(tx, id)
    await lockUnsold(tx, variantIds, 'It was sold. Archive it instead.')
    await unindexProduct(tx, id)
    await tx.delete(products).where(eq(products.id, id))
    await tellChanged(tx, ctx, { id, version: product.version + 1 }, variantIds)
    return id
  })
}

/**
 * Locks the stock of variants that are to be removed, of a locked product. Levels come before variants, as in every command
 * on stock; a hold that comes after waits.
 * @throws Rejection CONFLICT with `message` when a checkout or an order has had one of them, or a customer owns one.
 */
export async function lockUnsold(tx: Db, variantIds: readonly string[], message: string): Promise<void> {
  if (variantIds.length === 0) return
  await lockLevels(tx, variantIds)
  const sold = await tx
    .select({ id: reservationLines.variantId })
    .from(reservationLines)
    .where(inArray(reservationLines.variantId, [...variantIds]))
    .limit(1)
  const owned = await tx.$count(customerItems, inArray(customerItems.variantId, [...variantIds]))
  if (sold.length + owned > 0) reject('CONFLICT', message, ['id'])
}
