import { and, eq, sql } from 'drizzle-orm'
import type { Context } from '#platform/context.ts'
import { isId } from '#platform/ids.ts'
import { keyset, type PageArgs } from '#platform/pages.ts'
import { requireScope } from '#platform/viewer.ts'
import type { QueryStockMovementsArgs } from './schema.generated.ts'
import { movements } from './tables.ts'

/** Changes of stock for staff, newest first. */
export async function listMovements(ctx: Context, args: PageArgs & QueryStockMovementsArgs) {
  requireScope(ctx.viewer, 'inventory:read')
  const page = keyset(args, [
    { column: movements.at, direction: 'desc' },
    { column: movements.id, direction: 'desc' },
  ])
  const { variantId, locationId, kind } = args
  const wanted = and(
    variantId == null ? undefined : isId(variantId) ? eq(movements.variantId, variantId) : sql`false`,
    locationId == null ? undefined : isId(locationId) ? eq(movements.locationId, locationId) : sql`false`,
    kind == null ? undefined : eq(movements.kind, kind),
  )
  const rows = await ctx.db
    .select()
    .from(movements)
    .where(and(wanted, page.where))
    .orderBy(...page.orderBy)
    .limit(page.limit)
  return page.connection(rows, ({ at, id }) => [at, id], { totalCount: () => ctx.db.$count(movements, wanted) })
}
