import { and, eq, getTableColumns, inArray, sql, type SQL } from 'drizzle-orm'
import { alias } from 'drizzle-orm/pg-core'
import type { Context } from '#platform/context.ts'
import type { Db } from '#platform/database.ts'
import { effects, type Placed, type RankedLevel } from './stock.ts'
import { locations, movements, stockLevels, type MovementRow } from './tables.ts'

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
 * Levels of these variants, at the locations that orders are filled from unless told otherwise, locked until the transaction ends. Every lock
 * on levels is taken in (variant, location) order, so that two carts with the same lines never wait for each other.
 */
export async function lockLevels(
  tx: Db,
  variantIds: readonly string[],
  { isActiveOnly = true }: { isActiveOnly?: boolean } = {},
): Promise<RankedLevel[]> {
  return await tx
    .select({ ...getTableColumns(level), priority: locations.priority })
    .from(level)
    .innerJoin(locations, eq(locations.id, level.locationId))
    .where(and(inArray(level.variantId, [...variantIds]), isActiveOnly ? eq(locations.isActive, true) : undefined))
    .orderBy(level.variantId, level.locationId)
    .for('update', { of: level })
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
 * Moves units, all or none, with a row in the ledger for each. Null when one would take what is not there or what is
 * promised: then the caller rejects, which rolls back.
 */
export async function moveStock(
  tx: Db,
  { now }: Pick<Context, 'now'>,
  moves: readonly Move[],
): Promise<MovementRow[] | null> {
  if (moves.length === 0) return []
  const changes = [...Map.groupBy(moves, ({ variantId, locationId }) => `${variantId} ${locationId}`).values()].map(
    change,
  )
  const changed = await tx.execute(sql`
    with change (variant_id, location_id, on_hand, reserved, committed) as (values ${sql.join(changes, sql`, `)}),
    locked as materialized (
      select l.variant_id, l.location_id from inventory.stock_levels l join change c using (variant_id, location_id)
      order by l.variant_id, l.location_id for update of l
    )
    update inventory.stock_levels l
    set on_hand = l.on_hand + c.on_hand, reserved = l.reserved + c.reserved, committed = l.committed + c.committed
    from locked join change c using (variant_id, location_id)
    where l.variant_id = locked.variant_id and l.location_id = locked.location_id
      and l.reserved + c.reserved >= 0 and l.committed + c.committed >= 0
      and l.on_hand + c.on_hand - l.reserved - c.reserved - l.committed - c.committed >= 0
    returning l.variant_id`)
  if (changed.length !== changes.length) return null
  const at = now()
  return await tx
    .insert(movements)
    .values(moves.map((move) => ({ ...move, at })))
    .returning()
}

/** Moves units that are known to be there. @throws when the counters say otherwise: a mistake of the program. */
export async function mustMoveStock(tx: Db, ctx: Pick<Context, 'now'>, moves: readonly Move[]): Promise<MovementRow[]> {
  const moved = await moveStock(tx, ctx, moves)
  if (!moved) throw new Error('Stock counters do not cover what is promised')
  return moved
}

/** What the moves at one level add to its counters. */
function change(moves: readonly Move[]): SQL {
  const { variantId, locationId } = moves[0]!
  const delta = (counter: 'onHand' | 'reserved' | 'committed') =>
    moves.reduce((units, { kind, quantity }) => units + effects[kind][counter] * quantity, 0)
  return sql`(${variantId}::uuid, ${locationId}::uuid, ${delta('onHand')}::int, ${delta('reserved')}::int, ${delta('committed')}::int)`
}
