import { getTableColumns, inArray, sql, type SQL } from 'drizzle-orm'
import { alias } from 'drizzle-orm/pg-core'
import type { Context } from '#platform/context.ts'
import type { Db } from '#platform/database.ts'
import { partOf, withParts, type Parts } from '#platform/statement.ts'
import { alerting } from './low-stock.ts'
import { effectOn } from './invariants.ts'
import type { Placed } from './stock.ts'
import { movements, stockLevels, type MovementRow, type StockLevelRow } from './tables.ts'

// "for update of" wants a name without a schema.
const level = alias(stockLevels, 'level')

/** Topic of hints that a variant's stock changed. */
export const stockTopic = (variantId: string): string => `variant:${variantId}`

/** Tells whoever watches these variants, once their change has been committed. */
export async function tellStockChanged(
  { live }: Pick<Context, 'live'>,
  changed: readonly { variantId: string }[],
): Promise<void> {
  const variantIds = new Set(changed.map(({ variantId }) => variantId))
  await Promise.all([...variantIds].map((variantId) => live.publish(stockTopic(variantId), {})))
}

/**
 * Levels of these variants, locked until the transaction ends. Every lock on levels is taken in (variant, location)
 * order, so that two carts with the same lines never wait for each other.
 */
export async function lockLevels(tx: Db, variantIds: readonly string[]): Promise<StockLevelRow[]> {
  return await tx
    .select(getTableColumns(level))
    .from(level)
    .where(inArray(level.variantId, [...variantIds]))
    .orderBy(level.variantId, level.locationId)
    .for('update')
}

/** Units on the move, and why. */
export interface Move extends Placed {
  kind: MovementRow['kind']
  reason?: string | null
  /** UUID of the checkout, order or shipment behind it. */
  reference?: string
  actorId?: string | null
}

/**
 * Parts of a statement that carry out every row of `move` (variant_id, location_id, kind, quantity, reason, reference,
 * actor_id): its level is changed, its row in the ledger written, and who should know of it told. Levels are locked in the order of `lockLevels`, after
 * whatever `move` comes from. What would take more than is there fails on a check of the table, and with it the
 * statement: who sends it has seen, under the lock, that it is there.
 */
export const booking = (ctx: Pick<Context, 'now' | 'requestId'>): Parts => ({
  change: sql`
    select variant_id, location_id, sum(${sql.raw(effectOn('onHand'))})::int as on_hand,
      sum(${sql.raw(effectOn('reserved'))})::int as reserved, sum(${sql.raw(effectOn('committed'))})::int as committed
    from move group by variant_id, location_id`,
  locked: sql`
    select l.variant_id, l.location_id, l.on_hand, l.reserved, l.committed
    from inventory.stock_levels l join change using (variant_id, location_id)
    order by l.variant_id, l.location_id for update of l`,
  // From what was locked: an update checks the row that the statement saw at its begin before it looks at the newest.
  changed: sql`
    update inventory.stock_levels l
    set on_hand = locked.on_hand + c.on_hand, reserved = locked.reserved + c.reserved,
      committed = locked.committed + c.committed
    from locked join change c using (variant_id, location_id)
    where l.variant_id = locked.variant_id and l.location_id = locked.location_id
    returning l.variant_id, l.location_id, l.on_hand - l.reserved - l.committed as available,
      c.on_hand - c.reserved - c.committed as gained`,
  ledger: sql`
    insert into inventory.movements (id, variant_id, location_id, kind, quantity, reason, reference, actor_id, at)
    select uuidv7(), variant_id, location_id, kind, quantity, reason, reference, actor_id,
      ${ctx.now().toISOString()}::timestamptz
    from move
    returning *`,
  ...alerting(ctx),
})

/** Moves units that are known to be there, with a row in the ledger for each. Returns those rows. */
export async function moveStock(
  tx: Db,
  ctx: Pick<Context, 'now' | 'requestId'>,
  moves: readonly Move[],
): Promise<MovementRow[]> {
  if (moves.length === 0) return []
  const parts = withParts(tx, { move: moveOf(moves), ...booking(ctx) })
  return await tx
    .with(...parts)
    .select(getTableColumns(alias(movements, 'ledger')))
    .from(partOf(tx, 'ledger'))
}

const moveOf = (moves: readonly Move[]): SQL => sql`
  select * from jsonb_to_recordset(${JSON.stringify(
    moves.map(({ variantId, locationId, kind, quantity, reason, reference, actorId }) => ({
      variant_id: variantId,
      location_id: locationId,
      kind,
      quantity,
      reason,
      reference,
      actor_id: actorId,
    })),
  )}::jsonb) as move (
    variant_id uuid, location_id uuid, kind text, quantity int, reason text, reference uuid, actor_id uuid)`
