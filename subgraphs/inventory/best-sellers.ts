import { sql } from 'drizzle-orm'
import type { Context } from '#platform/context.ts'

const MAX_INT = 2 ** 31 - 1
const WINDOW_MS = 30 * 24 * 60 * 60 * 1000

/** Counts the units of each product sold in the last 30 days, less those whose order was cancelled, from the ledger. */
export async function countRecentSales({ db, now }: Pick<Context, 'db' | 'now'>): Promise<void> {
  const since = new Date(now().getTime() - WINDOW_MS).toISOString()
  await db.execute(sql`
    with sold as (
      select v.product_id, least(greatest(
        sum(case m.kind when 'COMMIT' then m.quantity else -m.quantity end), 0), ${MAX_INT})::int as units
      from inventory.movements m join inventory.variants v on v.id = m.variant_id
      where m.kind in ('COMMIT', 'UNCOMMIT') and m.at >= ${since}::timestamptz
      group by v.product_id
    )
    update inventory.products p set sold_recently = coalesce(s.units, 0)
    from inventory.products q left join sold s on s.product_id = q.id
    where p.id = q.id and p.sold_recently <> coalesce(s.units, 0)`)
}
