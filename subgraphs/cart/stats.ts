import { and, eq, gte, isNull, lt, or, sql } from 'drizzle-orm'
import type { Context } from '#platform/context.ts'
import type { Period } from '#platform/period.ts'
import { requireScope } from '#platform/viewer.ts'
import { cartLines, carts } from './tables.ts'

/** What became of carts in a period. A cart is worth what its lines cost when they were last put in or changed. */
export async function cartStats(ctx: Context, { from, to }: Period) {
  requireScope(ctx.viewer, 'admin:read')
  const { CURRENCY: currency } = ctx.config
  const isOpenAtEnd = or(isNull(carts.closedAt), gte(carts.closedAt, to))
  const isGivenUp = and(eq(carts.status, 'ABANDONED'), lt(carts.closedAt, to))
  const worth = sql`(select sum(${cartLines.quantity} * ${cartLines.unitPriceMinor}) from ${cartLines}
    where ${cartLines.cartId} = ${carts.id})`
  const [stats] = await ctx.db
    .select({
      active: sql`count(*) filter (where ${isOpenAtEnd})`.mapWith(Number),
      abandoned: sql`count(*) filter (where ${isGivenUp})`.mapWith(Number),
      // Amounts of several currencies have no sum.
      abandonedMinor:
        sql`coalesce(sum(${worth}) filter (where ${isGivenUp} and ${eq(carts.currency, currency)}), 0)`.mapWith(Number),
      converted: sql`count(*) filter (where ${and(eq(carts.status, 'CONVERTED'), lt(carts.closedAt, to))})`.mapWith(
        Number,
      ),
    })
    .from(carts)
    .where(and(lt(carts.createdAt, to), or(isNull(carts.closedAt), gte(carts.closedAt, from))))
  const { abandonedMinor, ...counts } = stats!
  return { ...counts, abandonedValue: { amountMinor: abandonedMinor, currency } }
}
