import { and, asc, eq, gt, sql } from 'drizzle-orm'
import { z } from 'zod'
import { addressSchema } from '#platform/address.ts'
import type { Context } from '#platform/context.ts'
import { isTaken } from '#platform/database.ts'
import { isId } from '#platform/ids.ts'
import { parseInput, reject } from '#platform/user-errors.ts'
import { hasScope, requireScope } from '#platform/viewer.ts'
import { tellRestocked } from './back-in-stock.ts'
import { locationById } from './loaders.ts'
import type { StockLocationUpsertInput } from './schema.generated.ts'
import { tellStockChanged } from './stock-levels.ts'
import { locations, stockLevels, type LocationRow } from './tables.ts'

/** All locations for staff, by priority. */
export async function listLocations(ctx: Pick<Context, 'db' | 'viewer'>): Promise<LocationRow[]> {
  requireScope(ctx.viewer, 'inventory:read')
  return await ctx.db.select().from(locations).orderBy(asc(locations.priority), asc(locations.id))
}

/** A location, whose name anybody may see; null when unknown. */
export async function readLocation(ctx: Context, id: string): Promise<LocationRow | null> {
  return isId(id) ? await locationById(ctx).load(id) : null
}

/** The location for staff, null for everybody else. */
export const staffView = ({ viewer }: Pick<Context, 'viewer'>, location: LocationRow): LocationRow | null =>
  hasScope(viewer, 'inventory:read') ? location : null

const upsertInput = z.object({
  id: z.string().nullish(),
  name: z.string().trim().min(1, 'Give it a name.').max(120, 'A name has at most 120 characters.'),
  address: addressSchema,
  priority: z.int().min(0, 'A priority is 0 or more.').max(1_000_000, 'At most 1,000,000.').nullish(),
  isActive: z.boolean().nullish(),
})

/** Adds a location, or changes one; then priority and whether it is active stay unless given. */
export async function upsertLocation(ctx: Context, input: StockLocationUpsertInput): Promise<LocationRow> {
  requireScope(ctx.viewer, 'inventory:manage')
  const { id, name, address, priority, isActive } = parseInput(upsertInput, input)
  const at = ctx.now()
  const given = {
    name,
    address,
    updatedAt: at,
    ...(priority == null ? {} : { priority }),
    ...(isActive == null ? {} : { isActive }),
  }
  try {
    if (id == null) {
      const fresh = { priority: 100, isActive: true, createdAt: at, ...given }
      const [location] = await ctx.db.insert(locations).values(fresh).returning()
      return location!
    }
    const [location] = isId(id)
      ? await ctx.db
          .update(locations)
          .set({ ...given, version: sql`version + 1` })
          .where(eq(locations.id, id))
          .returning()
      : []
    if (!location) reject('NOT_FOUND', 'There is no such location.', ['id'])
    if (isActive != null) await tellOpened(ctx, location)
    return location
  } catch (error) {
    if (isTaken(error, 'locations_name_unique')) reject('CONFLICT', 'Another location is called that.', ['name'])
    throw error
  }
}

// What lies at a location can be bought, or no longer, once it is opened or closed.
async function tellOpened(ctx: Context, { id }: LocationRow): Promise<void> {
  const there = and(eq(stockLevels.locationId, id), gt(stockLevels.onHand, 0))
  await tellStockChanged(ctx, await ctx.db.select({ variantId: stockLevels.variantId }).from(stockLevels).where(there))
  await tellRestocked(ctx)
}
