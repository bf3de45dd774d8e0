import { and, count, eq, gte, lt, sql } from 'drizzle-orm'
import type { Context } from '#platform/context.ts'
import type { Period } from '#platform/period.ts'
import { requireScope } from '#platform/viewer.ts'
import { errandsNeedingAttention } from './errands.ts'
import { meanOf } from './order.ts'
import { checkouts, orders } from './tables.ts'

/** What was ordered in a period: one row per state, added up here. */
export async function orderStats(ctx: Context, { from, to }: Period) {
  requireScope(ctx.viewer, 'admin:read')
  const { CURRENCY: currency } = ctx.config
  // Amounts of several currencies have no sum; orders in another than the store's count as orders only.
  const totals = sql<string>`coalesce(sum(${orders.totalMinor}) filter (where ${orders.currency} = ${currency}), 0)`
  const inCurrency = sql<string>`count(*) filter (where ${orders.currency} = ${currency})`
  const byStatus = ctx.db
    .select({
      status: orders.status,
      count: count(),
      inCurrency: inCurrency.mapWith(Number),
      totalMinor: totals.mapWith(Number),
    })
    .from(orders)
    .where(and(gte(orders.placedAt, from), lt(orders.placedAt, to)))
    .groupBy(orders.status)
    .orderBy(orders.status)
  const stuckCheckouts = ctx.db.$count(checkouts, eq(checkouts.status, 'NEEDS_ATTENTION'))
  const [states, ...stuck] = await Promise.all([byStatus, stuckCheckouts, errandsNeedingAttention(ctx)])
  const sold = states.filter(({ status }) => status !== 'CANCELLED')
  const revenueMinor = sold.reduce((sum, { totalMinor }) => sum + totalMinor, 0)
  const soldCount = sold.reduce((sum, each) => sum + each.inCurrency, 0)
  return {
    count: states.reduce((sum, each) => sum + each.count, 0),
    revenue: { amountMinor: revenueMinor, currency },
    averageValue: { amountMinor: meanOf(revenueMinor, soldCount), currency },
    byStatus: states.map(({ status, count: inState }) => ({ status, count: inState })),
    needsAttention: stuck[0] + stuck[1],
  }
}
