import { and, eq, getTableColumns, isNotNull, isNull, lte, sql } from 'drizzle-orm'
import type { Context } from '#platform/context.ts'
import type { Announced } from '#platform/facts.ts'
import { isId } from '#platform/ids.ts'
import { keyset, type PageArgs } from '#platform/pages.ts'
import { stoppable, untilAborted } from '#platform/stoppable.ts'
import { requireScope } from '#platform/viewer.ts'
import { locations, lowStockAlerts, products, stockLevels, variants, type LowStockAlertRow } from './tables.ts'

const TOPIC = 'low-stock'

/** Low-stock alerts for staff, newest first; only open or only resolved ones if `open` is given. */
export async function listAlerts(ctx: Context, { open, ...args }: PageArgs & { open?: boolean | null }) {
  requireScope(ctx.viewer, 'inventory:read')
  const page = keyset(args, [
    { column: lowStockAlerts.raisedAt, direction: 'desc' },
    { column: lowStockAlerts.id, direction: 'desc' },
  ])
  const { resolvedAt } = lowStockAlerts
  const wanted = open == null ? undefined : open ? isNull(resolvedAt) : isNotNull(resolvedAt)
  const rows = await ctx.db
    .select()
    .from(lowStockAlerts)
    .where(and(wanted, page.where))
    .orderBy(...page.orderBy)
    .limit(page.limit)
  return page.connection(rows, ({ raisedAt, id }) => [raisedAt, id], {
    totalCount: () => ctx.db.$count(lowStockAlerts, wanted),
  })
}

/** Tells staff who watch of an alert that was raised. */
export async function tellAlert(
  { live }: Pick<Context, 'live'>,
  { entityId }: Pick<Announced, 'entityId'>,
): Promise<void> {
  await live.publish(TOPIC, { id: entityId })
}

/** Alerts as they are raised, for staff. */
export async function watchAlerts(ctx: Context) {
  requireScope(ctx.viewer, 'inventory:read')
  const hints = await ctx.live.subscribe([TOPIC], { signal: ctx.signal })
  return stoppable(async function* (signal): AsyncGenerator<LowStockAlertRow, void> {
    for await (const { message } of untilAborted(hints, signal)) {
      const { id } = message as { id: string }
      const [alert] = await ctx.db.select().from(lowStockAlerts).where(eq(lowStockAlerts.id, id))
      if (alert) yield alert
    }
  }, ctx.signal)
}

/** What can be sold of each variant: at one location, or at all that orders are filled from. */
export const sellable = ({ db }: Pick<Context, 'db'>, locationId?: string | null) =>
  db
    .select({
      variantId: stockLevels.variantId,
      units: sql<number>`sum(${stockLevels.onHand} - ${stockLevels.reserved} - ${stockLevels.committed})::int`.as(
        'units',
      ),
    })
    .from(stockLevels)
    .innerJoin(locations, eq(locations.id, stockLevels.locationId))
    .where(
      locationId == null
        ? eq(locations.isActive, true)
        : isId(locationId)
          ? eq(stockLevels.locationId, locationId)
          : sql`false`,
    )
    .groupBy(stockLevels.variantId)
    .as('sellable')

/** Variants for sale that are low on stock, for staff, scarcest first. */
export async function listLowVariants(
  ctx: Context,
  { locationId, ...args }: PageArgs & { locationId?: string | null },
) {
  requireScope(ctx.viewer, 'inventory:read')
  const stock = sellable(ctx, locationId)
  const units = sql<number>`coalesce(${stock.units}, 0)`
  const page = keyset(args, [
    { column: units, direction: 'asc', kind: 'number' },
    { column: variants.id, direction: 'asc' },
  ])
  const wanted = and(
    eq(products.status, 'ACTIVE'),
    lte(units, variants.lowStockThreshold),
    // Nothing is missing where it was never kept.
    locationId == null ? undefined : isNotNull(stock.variantId),
  )
  const low = () =>
    ctx.db
      .select({ ...getTableColumns(variants), units })
      .from(variants)
      .innerJoin(products, eq(products.id, variants.productId))
      .leftJoin(stock, eq(stock.variantId, variants.id))
  const rows = await low()
    .where(and(wanted, page.where))
    .orderBy(...page.orderBy)
    .limit(page.limit)
  return page.connection(rows, (row) => [row.units, row.id], {
    totalCount: () => ctx.db.$count(low().where(wanted).as('low')),
  })
}
