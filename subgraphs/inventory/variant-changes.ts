import { and, eq, ne, sql } from 'drizzle-orm'
import type { Context } from '#platform/context.ts'
import { isTaken, type Db } from '#platform/database.ts'
import { isId } from '#platform/ids.ts'
import { parseInput, problem, Rejection, reject, rejectStale, type UserError } from '#platform/user-errors.ts'
import { requireScope } from '#platform/viewer.ts'
import { changeCatalogue } from './catalogue-cache.ts'
import { lockProduct, lockUnsold, saveProduct, tellChanged } from './product-changes.ts'
import { optionsOf, priceRange } from './product.ts'
import type { ProductVariantDeleteInput, ProductVariantUpsertInput } from './schema.generated.ts'
import { indexProducts } from './search-documents.ts'
import { tellStockChanged } from './stock-levels.ts'
import { stockLevels, variants, type ProductRow, type VariantRow } from './tables.ts'
import { isSameChoice, missingOptions, variantInput, withInput, type VariantInput } from './variant.ts'

const MAX_VARIANTS = 1_000
const TAKEN = 'This article number is taken.'

/** Adds a variant behind the others, or changes one when `id` is given; then what is left out stays. */
export async function upsertVariant(ctx: Context, input: ProductVariantUpsertInput): Promise<VariantRow> {
  requireScope(ctx.viewer, 'inventory:manage')
  const variant = await changeCatalogue(ctx, async (tx) => {
    const product = await lockProduct(tx, input.productId)
    const siblings = product ? await variantsOf(tx, product.id) : []
    const before = siblings.find(({ id }) => id === input.id)
    const found = [
      ...(product ? [] : [problem('NOT_FOUND', 'There is no such product.', ['productId'])]),
      ...(input.id != null && !before ? [problem('NOT_FOUND', 'There is no such variant.', ['id'])] : []),
      ...(input.id == null && !input.price ? [problem('REQUIRED', 'A new variant needs a price.', ['price'])] : []),
      ...(await takenSku(tx, input)),
    ]
    const given = parseInput(variantInput(ctx.config.CURRENCY), input, found)
    if (before && input.expectedVersion != null && input.expectedVersion !== before.version) rejectStale(before.version)
    const others = siblings.filter((each) => each !== before)
    const values = fitting(withInput(given, before, product!.name), given, others, before)
    const saved = await saveVariant(tx, ctx, product!, before, {
      ...values,
      position: (siblings.at(-1)?.position ?? -1) + 1,
    })
    await follow(tx, ctx, product!, [saved.id])
    return saved
  }).catch((error: unknown) => {
    // Another product took it since it was looked for.
    if (!isTaken(error, 'variants_sku_unique')) throw error
    return reject('CONFLICT', TAKEN, ['sku'])
  })
  // Its threshold may be another: what counts as low on stock is, too.
  await tellStockChanged(ctx, [{ variantId: variant.id }])
  return variant
}

const variantsOf = (tx: Db, productId: string): Promise<VariantRow[]> =>
  tx.select().from(variants).where(eq(variants.productId, productId)).orderBy(variants.position, variants.id)

async function takenSku(tx: Db, { id, sku }: ProductVariantUpsertInput): Promise<UserError[]> {
  const others = and(eq(variants.sku, sku.trim()), id != null && isId(id) ? ne(variants.id, id) : undefined)
  return (await tx.$count(variants, others)) > 0 ? [problem('CONFLICT', TAKEN, ['sku'])] : []
}

type Values = ReturnType<typeof withInput>

/** What a variant may be among the others of its product. @throws Rejection */
function fitting(
  values: Values,
  { options }: VariantInput,
  others: readonly VariantRow[],
  before: VariantRow | undefined,
): Values {
  const errors: UserError[] = []
  if (values.compareAtMinor !== null && values.compareAtMinor <= values.priceMinor) {
    errors.push(problem('INVALID', 'An earlier price is above the price now.', ['compareAtPrice']))
  }
  const missing = before ? [] : missingOptions(values.selectedOptions, others)
  if (missing.length > 0) errors.push(problem('INVALID', `Choose ${missing.join(', ')}.`, ['options']))
  if ((options || !before) && others.some((other) => isSameChoice(values.selectedOptions, other.selectedOptions))) {
    errors.push(problem('CONFLICT', 'Another variant is the same choice.', ['options']))
  }
  if (!before && others.length >= MAX_VARIANTS) {
    errors.push(problem('LIMIT_EXCEEDED', `A product has at most ${MAX_VARIANTS} variants.`, ['productId']))
  }
  if (errors.length > 0) throw new Rejection(errors)
  return values
}

async function saveVariant(
  tx: Db,
  { now }: Pick<Context, 'now'>,
  product: ProductRow,
  before: VariantRow | undefined,
  { position, ...values }: Values & { position: number },
): Promise<VariantRow> {
  const at = now()
  const [saved] = before
    ? await tx
        .update(variants)
        .set({ ...values, updatedAt: at, version: sql`${variants.version} + 1` })
        .where(eq(variants.id, before.id))
        .returning()
    : await tx
        .insert(variants)
        .values({ ...values, position, productId: product.id, createdAt: at, updatedAt: at })
        .onConflictDoNothing({ target: variants.sku })
        .returning()
  return saved ?? reject('CONFLICT', TAKEN, ['sku'])
}

/** What follows for a product from a change of its variants. */
async function follow(tx: Db, ctx: Context, { id }: ProductRow, changed: readonly string[]): Promise<void> {
  const sold = await variantsOf(tx, id)
  const product = await saveProduct(tx, ctx, id, { ...priceRange(sold), options: optionsOf(sold) })
  await indexProducts(tx, [id])
  await tellChanged(tx, ctx, product, changed)
}

/** Removes a variant that was never sold and is not in stock. Returns its id. */
export async function deleteVariant(ctx: Context, { id }: ProductVariantDeleteInput): Promise<string> {
  requireScope(ctx.viewer, 'inventory:manage')
  return await changeCatalogue(ctx, async (tx) => {
    const [variant] = isId(id) ? await tx.select().from(variants).where(eq(variants.id, id)) : []
    const product = variant && (await lockProduct(tx, variant.productId, 'update'))
    if (!product) reject('NOT_FOUND', 'There is no such variant.', ['id'])
    await lockUnsold(tx, [id], 'It was sold. It stays for the orders that name it.')
    const stocked = and(eq(stockLevels.variantId, id), ne(stockLevels.onHand, 0))
    if ((await tx.$count(stockLevels, stocked)) > 0) reject('CONFLICT', 'There is stock of it.', ['id'])
    const gone = await tx.delete(variants).where(eq(variants.id, id)).returning()
    if (gone.length === 0) reject('NOT_FOUND', 'There is no such variant.', ['id'])
    await follow(tx, ctx, product, [id])
    return id
  })
}
