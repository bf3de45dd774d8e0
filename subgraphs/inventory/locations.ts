import { asc } from 'drizzle-orm'
import type { Context } from '#platform/context.ts'
import { isId } from '#platform/ids.ts'
import { hasScope, requireScope } from '#platform/viewer.ts'
import { locationById } from './loaders.ts'
import { locations, type LocationRow } from './tables.ts'

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
