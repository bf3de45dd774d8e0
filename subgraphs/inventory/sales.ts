import { and, desc, eq, getTableColumns, sql } from 'drizzle-orm'
import { z } from 'zod'
import type { Context } from '#platform/context.ts'
import type { Db } from '#platform/database.ts'
import { idempotent } from '#platform/idempotency.ts'
import { givenId, isId } from '#platform/ids.ts'
import { partOf, withParts } from '#platform/statement.ts'
import { parseInput, reject, rejectTransition } from '#platform/user-errors.ts'
import type { Service } from '#platform/viewer.ts'
import { place, placedIn, primeLines, refusals, wantedLines } from './placement.ts'
import { mayBecome } from './reservation.ts'
import {
  carryOut,
  changed,
  changing,
  holdColumns,
  idOf,
  newest,
  rejectEmpty,
  rejectMove,
  type Outcome,
  type Remember,
} from './reservations.ts'
import type { StockCommitInput, StockShipInput } from './schema.generated.ts'
import { booking, moveStock, tellStockChanged, type Move } from './stock-levels.ts'
import type { Units } from './stock.ts'
import {
  idempotencyKeys,
  locations,
  products,
  reservationLines,
  reservations,
  variants,
  type ReservationLineRow,
  type ReservationRow,
} from './tables.ts'

const commitInput = z.object({ checkoutId: z.uuid().toLowerCase(), orderId: z.uuid().toLowerCase() })
type Sale = z.output<typeof commitInput>

/** Turns the newest hold of a checkout into units sold to an order. One that was swept meanwhile is taken again. */
export async function commitStock(ctx: Context, service: Service, input: StockCommitInput) {
  const sale = parseInput(commitInput, input)
  return await carryOut(ctx, `stockCommit ${service.name}`, input, async (remember): Promise<Outcome> => {
    for (;;) {
      const rows = await sell(ctx, sale, remember)
      const [row] = rows
      if (!row) return rejectEmpty
      const { hold, isSold } = row
      const sold = changed(ctx, hold, { status: 'COMMITTED', orderId: sale.orderId })
      if (isSold) {
        primeLines(ctx, hold.id, rows)
        return { reservation: sold, changed: placedIn(rows) }
      }
      if (hold.status === 'COMMITTED' && hold.orderId === sale.orderId) return { reservation: hold, changed: [] }
      if (!mayBecome(hold.status, 'COMMITTED')) return () => rejectMove(hold.status, 'COMMITTED')
      const placed = await sellAgain(ctx, hold, sale, remember)
      if (placed[0]?.reservationId) return { reservation: sold, changed: placedIn(placed) }
      if (placed.some(({ available }) => available !== null)) {
        return () => {
          throw refusals(placed, null)
        }
      }
      // Somebody else took it again or let it go since: once more, on what it is now.
    }
  })
}

async function sell(ctx: Context, { checkoutId, orderId }: Sale, remember: Remember) {
  const parts = {
    hold: newest(checkoutId),
    // Lines do not change while it is held: those that the statement sees are the ones it has.
    due: sql`select * from hold where status = 'HELD'`,
    move: sql`
      select l.variant_id, l.location_id, 'COMMIT' as kind, l.quantity, null::text as reason,
        ${orderId}::uuid as reference, null::uuid as actor_id
      from due join inventory.reservation_lines l on l.reservation_id = due.id`,
    ...booking(ctx),
    sold: changing(ctx, 'due', sql`status = 'COMMITTED', order_id = ${orderId}::uuid`),
    remembered: remember(
      idOf('settled'),
      sql`(select id from sold union all
        select id from hold where status = 'COMMITTED' and order_id = ${orderId}::uuid) settled`,
    ),
  }
  return await ctx.db
    .with(...withParts(ctx.db, parts))
    .select({
      hold: holdColumns,
      isSold: sql<boolean>`sold.id is not null`,
      quantity: sql<number | null>`${reservationLines.quantity}`,
      variant: getTableColumns(variants),
      product: getTableColumns(products),
      location: getTableColumns(locations),
    })
    .from(partOf(ctx.db, 'hold'))
    .leftJoin(sql`sold`, sql`true`)
    .leftJoin(reservationLines, sql`${reservationLines.reservationId} = sold.id`)
    .leftJoin(variants, eq(variants.id, reservationLines.variantId))
    .leftJoin(products, eq(products.id, variants.productId))
    .leftJoin(locations, eq(locations.id, reservationLines.locationId))
    .orderBy(reservationLines.variantId, reservationLines.locationId)
}

// Its units may come from elsewhere now.
async function sellAgain(ctx: Context, { id, checkoutId }: ReservationRow, { orderId }: Sale, remember: Remember) {
  return await place(ctx, {
    more: { hold: sql`select * from inventory.reservations where id = ${id}::uuid and status = 'EXPIRED' for update` },
    wanted: sql`
      select (row_number() over (order by l.variant_id))::int - 1 as index, l.variant_id, sum(l.quantity)::int as quantity
      from hold join inventory.reservation_lines l on l.reservation_id = hold.id group by l.variant_id`,
    reservation: changing(
      ctx,
      '(select * from hold where not exists (select from refused))',
      sql`status = 'COMMITTED', order_id = ${orderId}::uuid`,
      'free',
    ),
    moves: sql`
      select 'RESERVE' as kind, ${checkoutId}::uuid as reference union all select 'COMMIT', ${orderId}::uuid`,
    remembered: remember(idOf('reservation'), sql`reservation`),
  })
}

const shipInput = z.object({ orderId: givenId, shipmentId: z.uuid(), locationId: givenId, lines: wantedLines })

/** Books out units of an order that left a location with a shipment. */
export async function shipStock(ctx: Context, service: Service, input: StockShipInput) {
  const { orderId, shipmentId, locationId, lines } = parseInput(shipInput, input)
  const keyed = { scope: `stockShip ${service.name}`, key: input.idempotencyKey, request: input }
  const { reply, isReplay } = await idempotent(ctx, idempotencyKeys, keyed, async (tx) => {
    const reservation = await lockSale(tx, orderId)
    assertShippable(await linesOf(tx, reservation), locationId, lines)
    const shipped = lines.map(({ variantId, quantity }): Move => ({
      variantId,
      locationId,
      quantity: -quantity,
      kind: 'SHIP',
      reference: shipmentId,
    }))
    await moveStock(tx, ctx, shipped)
    await noteShipped(tx, ctx, reservation, locationId, lines)
    return lines
  })
  if (!isReplay) await tellStockChanged(ctx, reply)
  return { ok: true, isReplay }
}

export async function lockSale(tx: Db, orderId: string): Promise<ReservationRow> {
  const [reservation] = await tx
    .select()
    .from(reservations)
    .where(isId(orderId) ? eq(reservations.orderId, orderId) : sql`false`)
    .orderBy(desc(reservations.attempt))
    .limit(1)
    .for('update')
  if (!reservation) reject('NOT_FOUND', 'Nothing was sold to this order.', ['orderId'])
  if (reservation.status !== 'COMMITTED') {
    rejectTransition({ from: reservation.status, to: 'SHIPPED', allowed: [] }, ['orderId'])
  }
  return reservation
}

function assertShippable(sold: readonly ReservationLineRow[], locationId: string, lines: readonly Units[]): void {
  for (const [index, { variantId, quantity }] of lines.entries()) {
    const line = sold.find((each) => each.variantId === variantId && each.locationId === locationId)
    if (!line) reject('NOT_FOUND', 'The order has none of it at this location.', ['lines', index, 'variantId'])
    if (line.quantity - line.shipped < quantity) {
      rejectTransition({ from: 'SHIPPED', to: 'SHIPPED', allowed: [] }, ['lines', String(index), 'quantity'])
    }
  }
}

export const linesOf = (tx: Db, { id }: ReservationRow) =>
  tx.select().from(reservationLines).where(eq(reservationLines.reservationId, id))

// Whoever lets go of the sale meanwhile sees by its version that its lines are others than it read.
async function noteShipped(
  tx: Db,
  { now }: Pick<Context, 'now'>,
  { id }: ReservationRow,
  locationId: string,
  lines: readonly Units[],
): Promise<void> {
  await tx
    .update(reservations)
    .set({ updatedAt: now(), version: sql`version + 1` })
    .where(eq(reservations.id, id))
  for (const { variantId, quantity } of lines) {
    const { shipped } = reservationLines
    await tx
      .update(reservationLines)
      .set({ shipped: sql`${shipped} + ${quantity}` })
      .where(
        and(
          eq(reservationLines.reservationId, id),
          eq(reservationLines.variantId, variantId),
          eq(reservationLines.locationId, locationId),
        ),
      )
  }
}
