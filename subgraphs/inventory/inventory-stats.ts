import { sql } from 'drizzle-orm'
import type { Context } from '#platform/context.ts'
import type { Money } from '#platform/money.ts'
import type { Period } from '#platform/period.ts'
import { hasScope } from '#platform/viewer.ts'
import { effectOn } from './invariants.ts'

export interface InventoryStats {
  products: number
  lowStock: number
  outOfStock: number
  stockValue: Money
}

/**
 * The catalogue at the end of a period, for staff; null for others. Stock is added up from the ledger as of then; what is
 * for sale, at which price and at which locations is what it is now, for of those no history is kept.
 */
export async function inventoryStats(ctx: Context, { to }: Period): Promise<InventoryStats | null> {
  if (!hasScope(ctx.viewer, 'admin:read')) return null
  const until = sql`${to.toISOString()}::timestamptz`
  const free = sql.raw(`(${effectOn('onHand')}) - (${effectOn('reserved')}) - (${effectOn('committed')})`)
  const [row] = await ctx.db.execute<{ products: number; low: number; out: number; value: string }>(sql`
    with level as (
      select m.variant_id, sum(${sql.raw(effectOn('onHand'))}) as on_hand,
        coalesce(sum(${free}) filter (where o.is_active), 0) as available
      from inventory.movements m join inventory.locations o on o.id = m.location_id
      where m.at < ${until} group by m.variant_id
    ),
    variant as (
      select v.price_minor, v.low_stock_threshold as threshold, coalesce(l.on_hand, 0) as on_hand,
        coalesce(l.available, 0) as available, p.status
      from inventory.variants v
        join inventory.products p on p.id = v.product_id
        left join level l on l.variant_id = v.id
      where v.created_at < ${until}
    )
    select (select count(*) from inventory.products where status = 'ACTIVE' and created_at < ${until})::int as products,
      (count(*) filter (where status = 'ACTIVE' and available between 1 and threshold))::int as low,
      (count(*) filter (where status = 'ACTIVE' and available <= 0))::int as out,
      coalesce(sum(on_hand * price_minor), 0)::text as value
    from variant`)
  const { products, low, out, value } = row!
  const stockValue = { amountMinor: Number(value), currency: ctx.config.CURRENCY }
  return { products, lowStock: low, outOfStock: out, stockValue }
}
