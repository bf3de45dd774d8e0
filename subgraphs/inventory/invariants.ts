import { effects } from './stock.ts'

const sumOf = (counter: 'onHand' | 'reserved' | 'committed'): string => `coalesce(sum(${effectOn(counter)}), 0)`

/** What a movement adds to a counter, by its kind: SQL on its row. */
export function effectOn(counter: 'onHand' | 'reserved' | 'committed'): string {
  const cases = Object.entries(effects).map(([kind, effect]) => `when '${kind}' then ${effect[counter]}`)
  return `quantity * case kind ${cases.join(' ')} end`
}

/** What always holds of the stock, as queries for what breaks it. Each sees all it needs in one snapshot. */
export const invariants: readonly { name: string; sql: string }[] = [
  {
    name: 'I1 every counter of stock is 0 or more, and no more is promised than there is',
    sql: `
      select * from inventory.stock_levels
      where least(on_hand, reserved, committed) < 0 or on_hand - reserved - committed < 0`,
  },
  {
    name: 'I2 the counters of stock are the sums of the ledger',
    sql: `
      with ledger as (
        select variant_id, location_id, ${sumOf('onHand')} as on_hand, ${sumOf('reserved')} as reserved,
          ${sumOf('committed')} as committed
        from inventory.movements group by variant_id, location_id
      )
      select variant_id, location_id, l.on_hand, g.on_hand as ledger_on_hand, l.reserved, g.reserved as ledger_reserved,
        l.committed, g.committed as ledger_committed
      from inventory.stock_levels l full join ledger g using (variant_id, location_id)
      where (coalesce(l.on_hand, 0), coalesce(l.reserved, 0), coalesce(l.committed, 0))
        is distinct from (coalesce(g.on_hand, 0), coalesce(g.reserved, 0), coalesce(g.committed, 0))`,
  },
  {
    name: 'I2 the counters of stock are what reservations hold and have sold',
    sql: `
      with promised as (
        select l.variant_id, l.location_id,
          coalesce(sum(l.quantity) filter (where r.status = 'HELD'), 0) as held,
          coalesce(sum(l.quantity - l.shipped) filter (where r.status = 'COMMITTED'), 0) as sold
        from inventory.reservation_lines l join inventory.reservations r on r.id = l.reservation_id
        group by l.variant_id, l.location_id
      )
      select variant_id, location_id, l.reserved, p.held, l.committed, p.sold
      from inventory.stock_levels l full join promised p using (variant_id, location_id)
      where (coalesce(l.reserved, 0), coalesce(l.committed, 0)) is distinct from (coalesce(p.held, 0), coalesce(p.sold, 0))`,
  },
  {
    name: 'I3 no more units are sold than were received',
    sql: `
      select variant_id,
        sum(quantity) filter (where kind in ('RESTOCK', 'ADJUST', 'RETURN', 'TRANSFER')) as received,
        sum(case kind when 'COMMIT' then quantity when 'UNCOMMIT' then -quantity end) as sold
      from inventory.movements group by variant_id
      having coalesce(sum(case kind when 'COMMIT' then quantity when 'UNCOMMIT' then -quantity end), 0)
        > coalesce(sum(quantity) filter (where kind in ('RESTOCK', 'ADJUST', 'RETURN', 'TRANSFER')), 0)`,
  },
]
