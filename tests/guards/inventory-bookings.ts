import type { Guard } from './guard.ts'

const redIn = (subject: string, name?: string): Guard['redIn'] => ({
  file: `subgraphs/inventory/${subject}.test.ts`,
  ...(name === undefined ? {} : { name }),
})

/** What keeps the counters, the ledger and the alerts of stock right. */
export const bookingGuards: readonly Guard[] = [
  {
    forbids: 'a counter is checked as it was before it was waited for',
    file: 'subgraphs/inventory/stock-levels.ts',
    text: `set on_hand = locked.on_hand + c.on_hand, reserved = locked.reserved + c.reserved,
      committed = locked.committed + c.committed`,
    without: `set on_hand = l.on_hand + c.on_hand, reserved = l.reserved + c.reserved,
      committed = l.committed + c.committed`,
    redIn: redIn('subgraph-placement'),
  },
  {
    forbids: 'bookings of the same levels wait for each other',
    file: 'subgraphs/inventory/stock-levels.ts',
    text: 'order by l.variant_id, l.location_id for update of l`',
    without: 'for update of l`',
    redIn: redIn('subgraph-stock-waits', 'lets go of the same variants'),
  },
  {
    forbids: 'of two bookings at once one is lost',
    file: 'subgraphs/inventory/stock-levels.ts',
    text: 'order by l.variant_id, l.location_id for update of l`',
    without: 'order by l.variant_id, l.location_id`',
    redIn: redIn('subgraph-stock-races', 'two bookings at once'),
  },
  {
    forbids: 'staff and carts wait for each other',
    file: 'subgraphs/inventory/stock-levels.ts',
    text: `
    .orderBy(level.variantId, level.locationId)`,
    redIn: redIn('subgraph-stock-waits', 'corrects the same variants'),
  },
  {
    forbids: 'staff book on what somebody is changing',
    file: 'subgraphs/inventory/stock-levels.ts',
    text: `
    .for('update')`,
    redIn: redIn('subgraph-stock-races', 'two corrections'),
  },
  {
    forbids: 'stock changes without a row in the ledger',
    file: 'subgraphs/inventory/stock-levels.ts',
    text: 'from move\n    returning *`',
    without: "from move where kind <> 'RESTOCK'\n    returning *`",
    redIn: redIn('subgraph-stock'),
  },
  {
    forbids: 'stock is booked of what is being removed',
    file: 'subgraphs/inventory/bookings.ts',
    text: `
    .for('key share')`,
    redIn: redIn('subgraph-removed-meanwhile', 'stockRestock'),
  },
  {
    forbids: 'two who open the same levels wait for each other',
    file: 'subgraphs/inventory/bookings.ts',
    text: `
    .toSorted((a, b) => (a.variantId + a.locationId < b.variantId + b.locationId ? -1 : 1))`,
    redIn: redIn('subgraph-stock-waits', 'opens the same levels'),
  },
  {
    forbids: 'a level is opened twice',
    file: 'subgraphs/inventory/bookings.ts',
    text: 'values(inOrder).onConflictDoNothing()',
    without: 'values(inOrder)',
    redIn: redIn('subgraph-stock'),
  },
  {
    forbids: 'there is more than can be counted',
    file: 'subgraphs/inventory/bookings.ts',
    text: `    rejectOverfull(levels, moves, places)
`,
    redIn: redIn('subgraph-stock-limits'),
  },
  {
    forbids: 'a correction takes what is promised',
    file: 'subgraphs/inventory/stock-changes.ts',
    text: `    rejectAny(changes.flatMap(({ delta }, index) => shortage(shelves[index]!, delta, ['changes', index])))
`,
    redIn: redIn('subgraph-stock'),
  },
  {
    forbids: 'a correction names a place twice',
    file: 'subgraphs/inventory/stock-changes.ts',
    text: `.max(100, 'At most 100 changes.')
    .refine(eachPlaceOnce, ONCE)`,
    without: `.max(100, 'At most 100 changes.')`,
    redIn: redIn('subgraph-stock-limits'),
  },
  {
    forbids: 'a count overwrites what changed since it was read',
    file: 'subgraphs/inventory/stock-changes.ts',
    text: 'if (onHand === changeFromQuantity) return',
    without: 'if (onHand >= 0) return',
    redIn: redIn('subgraph-stock-changes'),
  },
  {
    forbids: 'a transfer takes what is promised',
    file: 'subgraphs/inventory/stock-changes.ts',
    text: `    rejectAny(shortage(shelf!, -quantity, ['quantity']))
`,
    redIn: redIn('subgraph-stock-changes'),
  },
  {
    forbids: 'an alert is raised while one is open',
    file: 'subgraphs/inventory/low-stock.ts',
    text: `
      on conflict (variant_id, location_id) where resolved_at is null do nothing`,
    redIn: redIn('subgraph-alerts'),
  },
  {
    forbids: 'goods that arrive raise an alert',
    file: 'subgraphs/inventory/low-stock.ts',
    text: 'c.gained < 0 and c.available <=',
    without: 'c.available <=',
    redIn: redIn('subgraph-alerts'),
  },
  {
    forbids: 'somebody is told twice that it is back',
    file: 'subgraphs/inventory/back-in-stock.ts',
    text: `delete from inventory.restock_wishes w using due
      where w.variant_id = due.variant_id and w.user_id = due.user_id
      returning w.variant_id, w.user_id`,
    without: 'select variant_id, user_id from due',
    redIn: redIn('subgraph-alerts'),
  },
  {
    forbids: 'asking twice fails',
    file: 'subgraphs/inventory/back-in-stock.ts',
    text: `
      on conflict do nothing`,
    redIn: redIn('subgraph-alerts'),
  },
]
