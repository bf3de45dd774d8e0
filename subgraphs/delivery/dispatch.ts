import { randomInt } from 'node:crypto'
import { and, asc, count, eq, inArray, sql } from 'drizzle-orm'
import type { Context } from '#platform/context.ts'
import type { Db } from '#platform/database.ts'
import type { Announced } from '#platform/facts.ts'
import { idempotent } from '#platform/idempotency.ts'
import { isId, uuidv7 } from '#platform/ids.ts'
import { once } from '#platform/reactions.ts'
import { reject, rejectTransition } from '#platform/user-errors.ts'
import { client, requireScope } from '#platform/viewer.ts'
import type { OrderReadyToShip } from '../orders/events.ts'
import { seen } from './access.ts'
import { fence } from './calling-off.ts'
import { tellCouriers, tellProgress } from './hints.ts'
import { move } from './progress.ts'
import type { ShipmentAssignInput } from './schema.generated.ts'
import { active, estimate, messages, nextStatuses } from './shipment.ts'
import {
  couriers,
  idempotencyKeys,
  inbox,
  shipmentLines,
  shipments,
  trackingEvents,
  type ShipmentRow,
} from './tables.ts'

type Ready = Announced<NonNullable<(typeof OrderReadyToShip)['data']['_output']>>

/**
 * One shipment for each location that goods of the order leave from, given to a courier when one is on duty; none when
 * the order was called off meanwhile.
 */
export async function prepareShipments(ctx: Context, event: Ready): Promise<void> {
  const { entityId: orderId, owner, data } = event
  if (!owner) throw new Error('An order belongs to somebody')
  let assigned: ShipmentRow[] = []
  await once(ctx, inbox, 'prepareShipments', event, async (tx) => {
    if (await fence(tx, orderId)) return
    const byLocation = Map.groupBy(data.allocations, ({ locationId }) => locationId)
    for (const [originId, allocations] of [...byLocation].toSorted(([a], [b]) => a.localeCompare(b))) {
      const at = ctx.now()
      const promised = { promisedFrom: new Date(data.promisedFrom), promisedTo: new Date(data.promisedTo) }
      const [shipment] = await tx
        .insert(shipments)
        .values({
          id: uuidv7(),
          trackingNumber: trackingNumber(),
          orderId,
          originId,
          ownerKind: owner.kind,
          ownerId: owner.id,
          status: 'PENDING',
          destination: data.address,
          ...promised,
          eta: estimate(null, { destination: null, ...promised }, at),
          etaSequence: 1,
          lastSequence: 1,
          createdAt: at,
          updatedAt: at,
        })
        .onConflictDoNothing({ target: [shipments.orderId, shipments.originId] })
        .returning()
      if (!shipment) continue
      await tx
        .insert(trackingEvents)
        .values({ shipmentId: shipment.id, sequence: 1, status: 'PENDING', message: messages.PENDING, at })
      await tx.insert(shipmentLines).values(linesFrom(shipment.id, allocations))
      const courierId = await idlestCourier(tx)
      if (courierId) assigned.push(await move(tx, ctx, shipment, 'ASSIGNED', { courierId }))
    }
  })
  await tellProgress(ctx, assigned)
  await tellCouriers(ctx, assigned)
}

// Two allocations of one order line at one location are one line of its shipment.
function linesFrom(shipmentId: string, allocations: Ready['data']['allocations']) {
  return [...Map.groupBy(allocations, ({ orderLineId }) => orderLineId).values()].map((parts) => ({
    shipmentId,
    orderLineId: parts[0]!.orderLineId,
    variantId: parts[0]!.variantId,
    title: parts[0]!.title,
    quantity: parts.reduce((sum, { quantity }) => sum + quantity, 0),
  }))
}

async function idlestCourier(tx: Db): Promise<string | null> {
  const [courier] = await tx
    .select({ id: couriers.id })
    .from(couriers)
    .leftJoin(shipments, and(eq(shipments.courierId, couriers.id), inArray(shipments.status, [...active])))
    .where(eq(couriers.isOnDuty, true))
    .groupBy(couriers.id)
    .orderBy(asc(count(shipments.id)), asc(couriers.id))
    .limit(1)
  return courier?.id ?? null
}

// Long enough not to be guessed, without letters that are mistaken for others.
const ALPHABET = '23456789ABCDEFGHJKLMNPQRSTUVWXYZ'
const trackingNumber = (): string =>
  `MRC${Array.from({ length: 12 }, () => ALPHABET[randomInt(ALPHABET.length)]).join('')}`

/** Gives a shipment to a courier; before pick-up it can be given to another. */
export async function assignShipment(ctx: Context, input: ShipmentAssignInput) {
  requireScope(ctx.viewer, 'delivery:dispatch')
  const { shipmentId, courierId, idempotencyKey: key } = input
  const asked = client(ctx.viewer)
  const scope = `shipmentAssign ${'id' in asked ? asked.id : ''}`
  const { reply, isReplay } = await idempotent(ctx, idempotencyKeys, { scope, key, request: input }, async (tx) => {
    const shipment = await lockShipment(tx, shipmentId)
    const [courier] = isId(courierId) ? await tx.select().from(couriers).where(eq(couriers.id, courierId)) : []
    if (!courier) reject('NOT_FOUND', 'There is no such courier.', ['courierId'])
    if (!courier.isOnDuty) reject('NOT_APPLICABLE', 'This courier is not on duty.', ['courierId'])
    if (shipment.status !== 'PENDING' && shipment.status !== 'ASSIGNED') {
      rejectTransition({ from: shipment.status, to: 'ASSIGNED', allowed: nextStatuses[shipment.status] }, [
        'shipmentId',
      ])
    }
    if (shipment.courierId !== courierId) await move(tx, ctx, shipment, 'ASSIGNED', { courierId })
    return { shipmentId, previous: shipment.courierId }
  })
  const [shipment] = await ctx.db.select().from(shipments).where(eq(shipments.id, reply.shipmentId))
  if (!isReplay) {
    await tellProgress(ctx, [shipment!])
    await tellCouriers(ctx, [shipment!, { ...shipment!, courierId: reply.previous }])
  }
  return { shipment: await seen(ctx, shipment!), isReplay }
}

/** The shipment, locked until the transaction ends. */
export async function lockShipment(tx: Db, id: string): Promise<ShipmentRow> {
  const [shipment] = isId(id) ? await tx.select().from(shipments).where(eq(shipments.id, id)).for('update') : []
  return shipment ?? reject('NOT_FOUND', 'There is no such shipment.', ['shipmentId'])
}

/** What a guest bought becomes the account's. */
export async function claimShipments({ db }: Pick<Context, 'db'>, guestId: string, userId: string): Promise<void> {
  await db
    .update(shipments)
    .set({ ownerKind: 'user', ownerId: userId, version: sql`${shipments.version} + 1` })
    .where(and(eq(shipments.ownerKind, 'guest'), eq(shipments.ownerId, guestId)))
}
