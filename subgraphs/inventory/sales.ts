import { and, desc, eq, sql } from 'drizzle-orm'
import { z } from 'zod'
import type { Context } from '#platform/context.ts'
import type { Db } from '#platform/database.ts'
import { idempotent } from '#platform/idempotency.ts'
import { parseInput, reject, rejectTransition } from '#platform/user-errors.ts'
import type { Service } from '#platform/viewer.ts'
import { assertMayBecome, carryOut, change, holdUnits, lineInputs, linesOf, lockNewest } from './reservations.ts'
import type { StockCommitInput, StockShipInput } from './schema.generated.ts'
import { mustMoveStock, tellStockChanged } from './stock-levels.ts'
import type { Units } from './stock.ts'
import {
  idempotencyKeys,
  reservationLines,
  reservations,
  type ReservationLineRow,
  type ReservationRow,
} from './tables.ts'

const commitInput = z.object({ checkoutId: z.uuid(), orderId: z.uuid() })

/** Turns the newest hold of a checkout into units sold to an order. One that was swept meanwhile is taken again. */
export async function commitStock(ctx: Context, service: Service, input: StockCommitInput) {
  const { checkoutId, orderId } = parseInput(commitInput, input)
  return await carryOut(ctx, `stockCommit ${service.name}`, input, async (tx) => {
    const reservation = await lockNewest(tx, checkoutId)
    if (reservation.status === 'COMMITTED' && reservation.orderId === orderId)
      return { id: reservation.id, changed: [] }
    assertMayBecome(reservation, 'COMMITTED')
    if (reservation.status === 'EXPIRED') await holdAgain(tx, ctx, reservation)
    const sold = (await linesOf(tx, [reservation.id])).map(({ variantId, locationId, quantity }) => ({
      variantId,
      locationId,
      quantity,
      kind: 'COMMIT' as const,
      reference: orderId,
    }))
    await mustMoveStock(tx, ctx, sold)
    await change(tx, ctx, reservation, { status: 'COMMITTED', orderId })
    return { id: reservation.id, changed: sold }
  })
}

// Its units may come from elsewhere now.
async function holdAgain(tx: Db, ctx: Pick<Context, 'now'>, reservation: ReservationRow): Promise<void> {
  const byVariant = Map.groupBy(await linesOf(tx, [reservation.id]), ({ variantId }) => variantId)
  const lines = [...byVariant].map(([variantId, parts]) => ({ variantId, quantity: unitsIn(parts) }))
  await tx.delete(reservationLines).where(eq(reservationLines.reservationId, reservation.id))
  await holdUnits(tx, ctx, reservation, lines, null)
}

const unitsIn = (parts: readonly Units[]): number => parts.reduce((units, { quantity }) => units + quantity, 0)

const shipInput = z.object({ orderId: z.string(), shipmentId: z.uuid(), locationId: z.string(), lines: lineInputs })

/** Books out units of an order that left a location with a shipment. */
export async function shipStock(ctx: Context, service: Service, input: StockShipInput) {
  const { orderId, shipmentId, locationId, lines } = parseInput(shipInput, input)
  const keyed = { scope: `stockShip ${service.name}`, key: input.idempotencyKey, request: input }
  const { reply, isReplay } = await idempotent(ctx, idempotencyKeys, keyed, async (tx) => {
    const reservation = await lockSale(tx, orderId)
    assertShippable(await linesOf(tx, [reservation.id]), locationId, lines)
    await noteShipped(tx, reservation, locationId, lines)
    const shipped = lines.map(({ variantId, quantity }) => ({ variantId, locationId, quantity: -quantity }))
    await mustMoveStock(
      tx,
      ctx,
      shipped.map((placed) => ({ ...placed, kind: 'SHIP', reference: shipmentId })),
    )
    return shipped
  })
  if (!isReplay) await tellStockChanged(ctx, reply)
  return { ok: true, isReplay }
}

async function lockSale(tx: Db, orderId: string): Promise<ReservationRow> {
  const [reservation] = await tx
    .select()
    .from(reservations)
    .where(z.uuid().safeParse(orderId).success ? eq(reservations.orderId, orderId) : sql`false`)
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

async function noteShipped(tx: Db, { id }: ReservationRow, locationId: string, lines: readonly Units[]): Promise<void> {
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
