import { and, eq, getTableColumns, inArray } from 'drizzle-orm'
import type { Context } from '#platform/context.ts'
import { badUserInput } from '#platform/errors.ts'
import { isId } from '#platform/ids.ts'
import { levelsOf, productOf, visibleTo } from './loaders.ts'
import { locations, products, stockLevels, variants, type VariantRow } from './tables.ts'

const MAX_VARIANTS = 100

/**
 * Variants for sale in the order of `ids`; null where there is none. One statement reads them with what a cart asks of
 * each, product and stock: a cart is priced at every step of a purchase.
 */
export async function variantsForCart(ctx: Context, ids: readonly string[]): Promise<(VariantRow | null)[]> {
  if (ids.length > MAX_VARIANTS) badUserInput(`At most ${MAX_VARIANTS} ids.`)
  const rows = await ctx.db
    .select({
      variant: getTableColumns(variants),
      product: getTableColumns(products),
      level: getTableColumns(stockLevels),
      isActive: locations.isActive,
    })
    .from(variants)
    .innerJoin(products, eq(products.id, variants.productId))
    .leftJoin(stockLevels, eq(stockLevels.variantId, variants.id))
    .leftJoin(locations, eq(locations.id, stockLevels.locationId))
    .where(and(inArray(variants.id, ids.filter(isId)), visibleTo(ctx.viewer)))
    .orderBy(locations.priority, locations.id)
  const byVariant = Map.groupBy(rows, ({ variant }) => variant.id)
  return ids.map((id) => {
    const [found, ...others] = byVariant.get(id) ?? []
    if (!found) return null
    productOf(ctx).prime(found.product.id, found.product)
    const levels = [found, ...others].flatMap(({ level, isActive }) =>
      level && isActive !== null ? [{ ...level, isActive }] : [],
    )
    levelsOf(ctx).prime(id, levels)
    return found.variant
  })
}
