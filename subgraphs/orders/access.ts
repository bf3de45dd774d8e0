import { and, eq, sql, type SQL } from 'drizzle-orm'
import { hasScope, owner, type Owner, type Viewer } from '#platform/viewer.ts'
import type { checkouts, orders } from './tables.ts'

/** Orders or checkouts that somebody may see, as a condition: their own, and all of them for staff. */
export function visibleTo(viewer: Viewer, table: typeof orders | typeof checkouts): SQL | undefined {
  if (hasScope(viewer, 'orders:read')) return undefined
  const asked = owner(viewer)
  return asked ? ownedBy(asked, table) : sql`false`
}

export const ownedBy = ({ kind, id }: Owner, table: typeof orders | typeof checkouts): SQL | undefined =>
  and(eq(table.ownerKind, kind), eq(table.ownerId, id))

export const ownerOf = ({ ownerKind, ownerId }: { ownerKind: Owner['kind']; ownerId: string }): Owner => ({
  kind: ownerKind,
  id: ownerId,
})
