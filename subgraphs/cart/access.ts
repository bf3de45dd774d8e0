import { and, eq, sql, type SQL } from 'drizzle-orm'
import { owner, type Owner, type Viewer } from '#platform/viewer.ts'
import { carts } from './tables.ts'

/** The carts of a guest or an account, as a condition. */
export const belongsTo = ({ kind, id }: Owner): SQL => and(eq(carts.ownerKind, kind), eq(carts.ownerId, id))!

/** The carts that somebody may see: their own. Staff see none. */
export function visibleTo(viewer: Viewer): SQL {
  const mine = owner(viewer)
  return mine ? belongsTo(mine) : sql`false`
}

/** A frozen cart is still the one in use. Written as the index of current carts has it. */
export const isCurrent: SQL = sql`${carts.status} in ('ACTIVE', 'FROZEN')`
