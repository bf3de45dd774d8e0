import { sql } from 'drizzle-orm'
import type { Db } from '#platform/database.ts'
import { effectOn } from './stock-levels.ts'

const effectOf = (counter: 'onHand' | 'reserved' | 'committed') => sql`sum(${effectOn(counter)})`

/**
 * What is wrong with the stock, one sentence each; none when all is well. Every counter is 0 or more and nothing is
 * promised that is not there; counters are the sums of the ledger; no more was sold than came in; and what open
 * reservations hold is what the counters say.
 */
export async function stockProblems(db: Db): Promise<string[]> {
  const rows = await db.execute<{ problem: string }>(sql`
    with level as (select variant_id, location_id, on_hand, reserved, committed from inventory.stock_levels),
    ledger as (
      select variant_id, location_id, ${effectOf('onHand')} as on_hand, ${effectOf('reserved')} as reserved,
        ${effectOf('committed')} as committed,
        coalesce(sum(quantity) filter (where kind in ('RESTOCK', 'ADJUST', 'RETURN', 'TRANSFER')), 0) as received,
        coalesce(-sum(quantity) filter (where kind = 'SHIP'), 0) as shipped
      from inventory.movements group by variant_id, location_id
    ),
    promised as (
      select l.variant_id, l.location_id,
        coalesce(sum(l.quantity) filter (where r.status = 'HELD'), 0) as reserved,
        coalesce(sum(l.quantity - l.shipped) filter (where r.status = 'COMMITTED'), 0) as committed
      from inventory.reservation_lines l join inventory.reservations r on r.id = l.reservation_id
      group by l.variant_id, l.location_id
    )
    select format('%s at %s: %s', variant_id, location_id, problem) as problem
    from level full join ledger g using (variant_id, location_id) left join promised p using (variant_id, location_id)
    cross join lateral (values
      ('I1 a counter is negative', least(level.on_hand, level.reserved, level.committed) < 0),
      ('I1 more is promised than there is', level.on_hand - level.reserved - level.committed < 0),
      ('I2 counters are not the sums of the ledger',
        (coalesce(level.on_hand, 0), coalesce(level.reserved, 0), coalesce(level.committed, 0))
        is distinct from (coalesce(g.on_hand, 0), coalesce(g.reserved, 0), coalesce(g.committed, 0))),
      ('I3 more was sold than came in', coalesce(g.shipped + g.committed - g.received, 0) > 0),
      ('counters are not what reservations hold',
        (coalesce(level.reserved, 0), coalesce(level.committed, 0))
        is distinct from (coalesce(p.reserved, 0), coalesce(p.committed, 0)))
    ) as checks (problem, is_broken)
    where is_broken`)
  return rows.map(({ problem }) => problem)
}
