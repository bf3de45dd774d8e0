import type { GraphQLResolveInfo } from 'graphql'
import type { Context } from '#platform/context.ts'
import { badUserInput } from '#platform/errors.ts'
import { isId } from '#platform/ids.ts'
import type { PageArgs } from '#platform/pages.ts'
import { stoppable, untilAborted } from '#platform/stoppable.ts'
import { hasScope } from '#platform/viewer.ts'
import { asksFor } from './asked-fields.ts'
import { levelsOf, unitsOf, unitsReadBy, variantById, variantBySku, variantPageOf } from './loaders.ts'
import type { Availability } from './schema.generated.ts'
import { availability, available, totals } from './stock.ts'
import { stockTopic } from './stock-levels.ts'
import type { ProductRow, VariantRow } from './tables.ts'

const MAX_VARIANTS = 100

/** A variant the viewer may see, by id or article number; null when unknown. */
export async function readVariant(
  ctx: Context,
  { id, sku }: { id?: string | null; sku?: string | null },
): Promise<VariantRow | null> {
  if (id != null && sku != null) badUserInput('Give the id or the article number, not both.')
  if (id != null) return isId(id) ? await variantById(ctx).load(id) : null
  return sku == null ? badUserInput('Give an id or an article number.') : await variantBySku(ctx).load(sku)
}

/** A variant's levels at the locations that orders are filled from. */
export const sellableLevels = async (ctx: Context, variantId: string) =>
  (await levelsOf(ctx).load(variantId)).filter(({ isActive }) => isActive)

/** Whether a variant can be bought now. */
export function availabilityOf(ctx: Context, variant: VariantRow): Availability | Promise<Availability> {
  const units = unitsReadBy(ctx, variant.id)
  return units === undefined ? availabilityRead(ctx, variant) : availability(units, variant)
}

// Who may see the numbers has often asked for them beside it.
async function availabilityRead(ctx: Context, variant: VariantRow): Promise<Availability> {
  const units = seesStock(ctx)
    ? available(totals(await sellableLevels(ctx, variant.id)))
    : ((await unitsOf(ctx).load(variant.id))?.units ?? 0)
  return availability(units, variant)
}

/** A page of a product's variants, in the order to show. */
export async function variantsIn(ctx: Context, { id }: ProductRow, args: PageArgs, info: GraphQLResolveInfo) {
  const needsUnits = !seesStock(ctx) && asksFor(info, 'availability')
  return await variantPageOf(ctx).load({ parentId: id, args, needsUnits })
}

// Exact numbers are for staff only, and for our own parts: a cart says how many units there still are.
const seesStock = ({ viewer }: Pick<Context, 'viewer'>): boolean =>
  viewer.kind === 'service' || hasScope(viewer, 'inventory:read')

/** A variant's exact stock; null for whoever may not see it. */
export const stockFor = (ctx: Pick<Context, 'viewer'>, variant: VariantRow): VariantRow | null =>
  seesStock(ctx) ? variant : null

/** Variants, each when its availability is another than before. @throws BAD_USER_INPUT */
export async function watchAvailability(ctx: Context, variantIds: readonly string[]) {
  const ids = [...new Set(variantIds)].filter(isId)
  if (variantIds.length < 1 || variantIds.length > MAX_VARIANTS) badUserInput(`Name 1 to ${MAX_VARIANTS} variants.`)
  const topics = new Map(ids.map((id) => [stockTopic(id), id]))
  // Listening comes before reading: what changes in between is told twice rather than never.
  const hints = await ctx.live.subscribe([...topics.keys()], { signal: ctx.signal })
  const known = new Map(await Promise.all(ids.map(async (id) => [id, await currentAvailability(ctx, id)] as const)))
  return stoppable(async function* (signal): AsyncGenerator<VariantRow, void> {
    for await (const { topic } of untilAborted(hints, signal)) {
      const id = topics.get(topic)!
      const current = await currentAvailability(ctx, id)
      if (current === known.get(id)) continue
      known.set(id, current)
      const variant = await variantById({ ...ctx }).load(id)
      if (variant) yield variant
    }
  }, ctx.signal)
}

// A context's loaders remember what they read; what a hint tells of must be read after it.
async function currentAvailability(ctx: Context, id: string): Promise<Availability | null> {
  const fresh = { ...ctx }
  const variant = await variantById(fresh).load(id)
  return variant && (await availabilityOf(fresh, variant))
}
