import { eq, sql } from 'drizzle-orm'
import type { Context } from '#platform/context.ts'
import type { Db } from '#platform/database.ts'
import { announce } from '#platform/facts.ts'
import { CourierArriving, ShipmentStatusChanged } from './events.ts'
import { estimate, isNews, messages, statusAt, underWay, type Position, type ShipmentStatus } from './shipment.ts'
import { positions, shipmentLines, shipments, trackingEvents, type ShipmentRow } from './tables.ts'

type Clock = Pick<Context, 'now' | 'requestId'>

/** Moves a shipment that this transaction has locked to another status, with its event and its fact. */
export async function move(
  tx: Db,
  ctx: Clock,
  shipment: ShipmentRow,
  to: ShipmentStatus,
  changes: Partial<ShipmentRow> & { at?: Date | undefined } = {},
): Promise<ShipmentRow> {
  const { at = ctx.now(), ...values } = changes
  const sequence = shipment.lastSequence + 1
  const [moved] = await tx
    .update(shipments)
    .set({
      ...values,
      status: to,
      lastSequence: sequence,
      updatedAt: ctx.now(),
      version: sql`${shipments.version} + 1`,
    })
    .where(eq(shipments.id, shipment.id))
    .returning()
  await tx.insert(trackingEvents).values({ shipmentId: shipment.id, sequence, status: to, message: messages[to], at })
  await announceStatus(tx, ctx, moved!)
  return moved!
}

async function announceStatus(tx: Db, ctx: Clock, shipment: ShipmentRow): Promise<void> {
  const { id, orderId, status, version, eta } = shipment
  const owner = { kind: shipment.ownerKind, id: shipment.ownerId }
  const lines = await tx
    .select({ orderLineId: shipmentLines.orderLineId, quantity: shipmentLines.quantity })
    .from(shipmentLines)
    .where(eq(shipmentLines.shipmentId, id))
  const about = { entityId: id, entityVersion: version, owner }
  await announce(tx, ctx, ShipmentStatusChanged, { ...about, data: { orderId, status, lines } })
  if (status === 'ARRIVING') {
    await announce(tx, ctx, CourierArriving, { ...about, data: { orderId, eta: eta?.latest ?? null } })
  }
}

/** Takes the courier's positions into a locked shipment: its path, its estimate, and what status they bring it to. */
export async function advance(
  tx: Db,
  ctx: Clock,
  shipment: ShipmentRow,
  believed: readonly Position[],
): Promise<ShipmentRow> {
  const newest = believed.at(-1)
  if (!newest || !underWay.includes(shipment.status)) return shipment
  const destination = shipment.destination.location
  const status = statusAt(shipment.status, newest, destination)
  // The status first, so that the position that brought it there comes after it.
  const current = status === shipment.status ? shipment : await move(tx, ctx, shipment, status)
  const first = current.lastSequence + 1
  await tx.insert(positions).values(
    believed.map(({ recordedAt, receivedAt, ...position }, index) => ({
      ...position,
      shipmentId: shipment.id,
      sequence: first + index,
      recordedAt: new Date(recordedAt),
      receivedAt: new Date(receivedAt),
    })),
  )
  const positionSequence = current.lastSequence + believed.length
  const eta = estimate(newest, { ...shipment, destination }, ctx.now())
  const isTold = isNews(shipment.eta, eta)
  const lastSequence = isTold ? positionSequence + 1 : positionSequence
  const [advanced] = await tx
    .update(shipments)
    .set({
      position: newest,
      positionSequence,
      lastSequence,
      ...(isTold && { eta, etaSequence: lastSequence }),
      updatedAt: ctx.now(),
      version: sql`${shipments.version} + 1`,
    })
    .where(eq(shipments.id, shipment.id))
    .returning()
  return advanced!
}
