import type { Context } from '#platform/context.ts'
import { badUserInput } from '#platform/errors.ts'
import { isId } from '#platform/ids.ts'
import { stoppable, untilAborted } from '#platform/stoppable.ts'
import { hasScope } from '#platform/viewer.ts'
import { levelsOf, variantById, variantBySku } from './loaders.ts'
import type { Availability } from './schema.generated.ts'
import { availability } from './stock.ts'
import { stockTopic } from './stock-levels.ts'
import type { VariantRow } from './tables.ts'

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
export async function sellableLevels(ctx: Context, variantId: string) {
  return (await levelsOf(ctx).load(variantId)).filter(({ isActive }) => isActive)
}

/** Whether a variant can be bought now. */
export const availabilityOf = async (ctx: Context, variant: VariantRow): Promise<Availability> =>
  availability(await sellableLevels(ctx, variant.id), variant)

/** Exact numbers are for staff only, and for our own parts: a cart says how many units there still are. */
export const stockFor = ({ viewer }: Pick<Context, 'viewer'>, variant: VariantRow): VariantRow | null =>
  viewer.kind === 'service' || hasScope(viewer, 'inventory:read') ? variant : null

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
