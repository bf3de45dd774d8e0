import { sql } from 'drizzle-orm'
import type { Context } from '#platform/context.ts'
import { announcing } from '#platform/facts.ts'
import type { Parts } from '#platform/statement.ts'
import { LowStockRaised } from './events.ts'

/**
 * Parts of a statement that raise and resolve alerts of the levels in `changed` (variant_id, location_id, available,
 * gained). An alert is raised by what takes units and leaves no more than the threshold, unless one is open: of many that
 * cross it at once, one raises. What is resolved is read as of the statement's beginning; the rare alert that was raised
 * after that is left to `settleAlerts`.
 */
export const alerting = (ctx: Pick<Context, 'now' | 'requestId'>): Parts => {
  const at = sql`${ctx.now().toISOString()}::timestamptz`
  return {
    raised: sql`
      insert into inventory.low_stock_alerts (id, variant_id, location_id, available, threshold, raised_at)
      select uuidv7(), c.variant_id, c.location_id, c.available, v.low_stock_threshold, ${at}
      from changed c join inventory.variants v on v.id = c.variant_id
      where c.gained < 0 and c.available <= v.low_stock_threshold
      on conflict (variant_id, location_id) where resolved_at is null do nothing
      returning *`,
    resolved: sql`
      update inventory.low_stock_alerts a set resolved_at = ${at}
      from changed c join inventory.variants v on v.id = c.variant_id
      where a.variant_id = c.variant_id and a.location_id = c.location_id and a.resolved_at is null
        and c.gained > 0 and c.available > v.low_stock_threshold`,
    announced: announcing(
      ctx,
      LowStockRaised,
      sql`raised r
        join inventory.variants v on v.id = r.variant_id
        join inventory.products p on p.id = v.product_id
        join inventory.locations o on o.id = r.location_id`,
      {
        entityId: sql`r.id`,
        entityVersion: sql`1`,
        data: sql`jsonb_build_object('variantId', v.id, 'productId', p.id, 'title', concat_ws(' ', p.name, v.title),
          'sku', v.sku, 'locationId', o.id, 'location', o.name, 'available', r.available, 'threshold', r.threshold)`,
      },
    ),
  }
}

/** Resolves alerts of levels that have enough again. */
export async function settleAlerts({ db, now }: Pick<Context, 'db' | 'now'>): Promise<void> {
  await db.execute(sql`
    update inventory.low_stock_alerts a set resolved_at = ${now().toISOString()}::timestamptz
    from inventory.stock_levels l join inventory.variants v on v.id = l.variant_id
    where a.resolved_at is null and a.variant_id = l.variant_id and a.location_id = l.location_id
      and l.on_hand - l.reserved - l.committed > v.low_stock_threshold`)
}
