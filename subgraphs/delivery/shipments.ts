import { and, desc, eq, gt, inArray } from 'drizzle-orm'
import { z } from 'zod'
import { rejectOutage } from '#platform/calls.ts'
import type { Context } from '#platform/context.ts'
import type { Db } from '#platform/database.ts'
import { badUserInput } from '#platform/errors.ts'
import { isId } from '#platform/ids.ts'
import { keyset, type PageArgs } from '#platform/pages.ts'
import { parseInput, reject, Rejection, rejectTransition } from '#platform/user-errors.ts'
import { owns, requireScope } from '#platform/viewer.ts'
import { courierOf, seen, type SeenShipment } from './access.ts'
import { beginLeaving, endLeaving } from './calling-off.ts'
import { returnStock, shipStock } from './calls/inventory.ts'
import { lockShipment } from './dispatch.ts'
import { tellProgress } from './hints.ts'
import { linesOf, shipmentById, shipmentsOfCourier, shipmentsOfOrder } from './loaders.ts'
import { move } from './progress.ts'
import type {
  DeliveryAttemptRecordInput,
  DeliveryInstructionsSetInput,
  ProofOfDeliverySubmitInput,
  ShipmentStatusUpdateInput,
} from './schema.generated.ts'
import {
  fulfillmentOf,
  isOver,
  mayMove,
  nextStatuses,
  setByCourier,
  type FulfillmentStatus,
  type Position,
  type ShipmentStatus,
} from './shipment.ts'
import { attempts, positions, proofs, shipments, type ShipmentRow } from './tables.ts'

/** A shipment the caller may see; null otherwise. */
export async function readShipment(ctx: Context, id: string): Promise<SeenShipment | null> {
  return isId(id) ? await seen(ctx, await shipmentById(ctx).load(id)) : null
}

export async function findShipment(
  ctx: Context,
  { id, trackingNumber }: { id?: string | null; trackingNumber?: string | null },
): Promise<SeenShipment | null> {
  if ((id == null) === (trackingNumber == null)) badUserInput('Give `id` or `trackingNumber`, and not both.')
  if (id != null) return await readShipment(ctx, id)
  const [shipment] = await ctx.db
    .select()
    .from(shipments)
    .where(eq(shipments.trackingNumber, trackingNumber!.toUpperCase()))
  return await seen(ctx, shipment ?? null)
}

/** Shipments of an order that the caller may see, oldest first. */
export async function shipmentsFor(ctx: Context, orderId: string): Promise<SeenShipment[]> {
  return isId(orderId) ? await seenOf(ctx, await shipmentsOfOrder(ctx).load(orderId)) : []
}

/** How much of an order is delivered; null for whoever may not see its shipments. */
export async function fulfillmentFor(ctx: Context, orderId: string): Promise<FulfillmentStatus | null> {
  const all = isId(orderId) ? await shipmentsOfOrder(ctx).load(orderId) : []
  const visible = await seenOf(ctx, all)
  return visible.length < all.length ? null : fulfillmentOf(all.map(({ status }) => status))
}

/** What a courier has to bring. */
export async function activeShipments(ctx: Context, courierId: string): Promise<SeenShipment[]> {
  return await seenOf(ctx, await shipmentsOfCourier(ctx).load(courierId))
}

async function seenOf(ctx: Context, rows: readonly ShipmentRow[]): Promise<SeenShipment[]> {
  return (await Promise.all(rows.map((row) => seen(ctx, row)))).filter((row) => row !== null)
}

/** All shipments for dispatchers, newest first. */
export async function allShipments(
  ctx: Context,
  args: PageArgs & { statuses?: readonly ShipmentStatus[] | null; courierId?: string | null },
) {
  requireScope(ctx.viewer, 'delivery:dispatch')
  const page = keyset(args, [
    { column: shipments.createdAt, direction: 'desc' },
    { column: shipments.id, direction: 'desc' },
  ])
  if (args.courierId != null && !isId(args.courierId)) return page.connection([], () => [])
  const asked = and(
    args.statuses ? inArray(shipments.status, [...args.statuses]) : undefined,
    args.courierId != null ? eq(shipments.courierId, args.courierId) : undefined,
  )
  const rows = await ctx.db
    .select()
    .from(shipments)
    .where(and(asked, page.where))
    .orderBy(...page.orderBy)
    .limit(page.limit)
  const visible = rows.map((row): SeenShipment => ({ ...row, seenAs: 'STAFF' }))
  return page.connection(visible, ({ createdAt, id }) => [createdAt, id], {
    totalCount: () => ctx.db.$count(shipments, asked),
  })
}

/** Where a shipment has been, oldest first: the newest `limit` positions. */
export async function pathOf(
  { db }: Context,
  { id }: SeenShipment,
  { since, limit }: { since?: Date | null; limit?: number | null },
): Promise<Position[]> {
  const most = limit ?? 200
  if (most < 1 || most > 1_000) badUserInput('`limit` is 1 to 1,000.')
  const rows = await db
    .select()
    .from(positions)
    .where(and(eq(positions.shipmentId, id), since ? gt(positions.recordedAt, since) : undefined))
    .orderBy(desc(positions.sequence))
    .limit(most)
  return rows
    .toReversed()
    .map((row) => ({ ...row, recordedAt: row.recordedAt.toISOString(), receivedAt: row.receivedAt.toISOString() }))
}

/** Moves a courier's shipment on. The same status again changes nothing. */
export async function updateStatus(ctx: Context, { shipmentId, status, at }: ShipmentStatusUpdateInput) {
  requireScope(ctx.viewer, 'delivery:courier')
  if (at && at > ctx.now()) reject('INVALID', 'This is in the future.', ['at'])
  const current = await ownOf(ctx, await readShipment(ctx, shipmentId))
  if (current.status === status) return { shipment: current }
  if (!setByCourier.includes(status) || !mayMove(current.status, status)) refuse(current, status)
  if (status === 'PICKED_UP') await bookOut(ctx, current)
  if (status === 'RETURNED') await bookIn(ctx, current)
  return await change(ctx, shipmentId, async (tx, shipment) => {
    if (shipment.status === status) return shipment
    if (!mayMove(shipment.status, status)) refuse(shipment, status)
    return await move(tx, ctx, shipment, status, { at: at ?? undefined, ...(status === 'DELIVERED' && { eta: null }) })
  })
}

// Before the status, not in its transaction: the key makes it once per shipment, and what was booked out twice over a
// crash is booked out once. As long as nobody knows whether it was booked out it cannot be called off.
async function bookOut(ctx: Context, shipment: SeenShipment): Promise<void> {
  const lines = await linesOf(ctx).load(shipment.id)
  await beginLeaving(ctx, shipment)
  try {
    await shipStock(ctx, shipment, lines)
  } catch (error) {
    if (error instanceof Rejection) await endLeaving(ctx, shipment)
    rejectOutage(error)
  }
}

// What could not be handed over goes back where it came from. Before the status, like leaving.
async function bookIn(ctx: Context, shipment: SeenShipment): Promise<void> {
  await returnStock(ctx, shipment, await linesOf(ctx).load(shipment.id)).catch(rejectOutage)
}

const failedInput = z.object({
  outcome: z.string().regex(/^[A-Z][A-Z_]{0,49}$/, 'An outcome is a word in capitals, such as NOT_HOME.'),
  reason: z.string().trim().max(500, 'Use at most 500 characters.').nullish(),
})

/** Records that a shipment could not be handed over; until it is on its way again nothing is recorded twice. */
export async function recordAttempt(ctx: Context, input: DeliveryAttemptRecordInput) {
  requireScope(ctx.viewer, 'delivery:courier')
  const { outcome, reason } = parseInput(failedInput, input)
  await ownOf(ctx, await readShipment(ctx, input.shipmentId))
  return await change(ctx, input.shipmentId, async (tx, shipment) => {
    if (shipment.status === 'ATTEMPT_FAILED') return shipment
    if (!mayMove(shipment.status, 'ATTEMPT_FAILED')) refuse(shipment, 'ATTEMPT_FAILED')
    await tx.insert(attempts).values({ shipmentId: shipment.id, at: ctx.now(), outcome, reason: reason || null })
    return await move(tx, ctx, shipment, 'ATTEMPT_FAILED')
  })
}

const proofInput = z.object({
  signedBy: z.string().trim().min(1, 'Say who took it.').max(200, 'Use at most 200 characters.').nullish(),
  photoUrls: z.array(z.string().max(2_000)).max(10, 'At most 10 photos.').nullish(),
  point: z.object({ latitude: z.number().min(-90).max(90), longitude: z.number().min(-180).max(180) }).nullish(),
})

/** Hands a shipment over; the first proof stays. */
export async function submitProof(ctx: Context, input: ProofOfDeliverySubmitInput) {
  requireScope(ctx.viewer, 'delivery:courier')
  const { signedBy, photoUrls, point } = parseInput(proofInput, input)
  await ownOf(ctx, await readShipment(ctx, input.shipmentId))
  return await change(ctx, input.shipmentId, async (tx, shipment) => {
    if (shipment.status !== 'DELIVERED' && !mayMove(shipment.status, 'DELIVERED')) refuse(shipment, 'DELIVERED')
    await tx
      .insert(proofs)
      .values({
        shipmentId: shipment.id,
        signedBy: signedBy ?? null,
        photoUrls: photoUrls ?? [],
        point: point ?? null,
        at: ctx.now(),
      })
      .onConflictDoNothing()
    return shipment.status === 'DELIVERED' ? shipment : await move(tx, ctx, shipment, 'DELIVERED', { eta: null })
  })
}

const instructionsInput = z.object({ instructions: z.string().trim().max(500, 'Use at most 500 characters.') })

/** Tells the courier something; empty removes it. Only who bought the goods does. */
export async function setInstructions(ctx: Context, input: DeliveryInstructionsSetInput) {
  const { instructions } = parseInput(instructionsInput, input)
  const current = await readShipment(ctx, input.shipmentId)
  if (!current || !owns(ctx.viewer, { kind: current.ownerKind, id: current.ownerId })) unknown()
  return await change(ctx, input.shipmentId, async (tx, shipment) => {
    if (isOver(shipment.status)) refuse(shipment, shipment.status)
    const [changed] = await tx
      .update(shipments)
      .set({ instructions: instructions || null, updatedAt: ctx.now(), version: shipment.version + 1 })
      .where(eq(shipments.id, shipment.id))
      .returning()
    return changed!
  })
}

function unknown(): never {
  reject('NOT_FOUND', 'There is no such shipment.', ['shipmentId'])
}

const refuse = (shipment: ShipmentRow, to: ShipmentStatus): never =>
  rejectTransition({ from: shipment.status, to, allowed: nextStatuses[shipment.status] }, ['status'])

// The courier's own: to every other courier it does not exist.
async function ownOf(ctx: Context, shipment: SeenShipment | null): Promise<SeenShipment> {
  const courier = await courierOf(ctx)
  return courier && shipment?.courierId === courier.id ? shipment : unknown()
}

// Changes a shipment under its lock and tells those who follow it.
async function change(
  ctx: Context,
  id: string,
  act: (tx: Db, shipment: ShipmentRow) => Promise<ShipmentRow>,
): Promise<{ shipment: SeenShipment }> {
  const changed = await ctx.db.transaction(async (tx) => await act(tx, await lockShipment(tx, id)))
  await tellProgress(ctx, [changed])
  return { shipment: (await seen(ctx, changed))! }
}
