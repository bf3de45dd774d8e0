import { and, eq, sql, type SQL } from 'drizzle-orm'
import { hasScope, owner, owns, type Owner, type Viewer } from '#platform/viewer.ts'
import type { Rights } from './order.ts'
import type { checkouts, orders, OrderRow } from './tables.ts'

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

/** As what somebody looks at an order that they may see. */
export const rightsTo = (viewer: Viewer, order: OrderRow): Rights => ({
  isBuyer: owns(viewer, ownerOf(order)),
  hasScope: (scope) => hasScope(viewer, scope),
})
