import { and, asc, desc, eq, gt } from 'drizzle-orm'
import type { Context } from '#platform/context.ts'
import { badUserInput, notFound } from '#platform/errors.ts'
import { follow } from '#platform/follow.ts'
import { seen, type SeenAs, type SeenShipment } from './access.ts'
import { topicOf } from './hints.ts'
import { shipmentById } from './loaders.ts'
import { readShipment } from './shipments.ts'
import { shipments, trackingEvents, type ShipmentRow, type TrackingEventRow } from './tables.ts'
import { openLink } from './tracking-links.ts'

/** One update to whoever follows a shipment; its shipment is read when it is told. */
export interface TrackingUpdate {
  __typename: 'PositionUpdated' | 'EtaUpdated' | 'ShipmentStatusChanged'
  sequence: number
  shipmentId: string
  seenAs: SeenAs
  event?: TrackingEventRow
  position?: ShipmentRow['position']
  eta?: ShipmentRow['eta']
}

// The longest a timer can be set for.
const MAX_TIMER_MS = 2 ** 31 - 1
// A shipment has far fewer changes of status than this.
const BATCH = 100

/** A shipment on the map for whoever may see it. @throws BAD_USER_INPUT when there is none. */
export async function trackShipment(
  ctx: Context,
  { shipmentId, afterSequence }: { shipmentId: string; afterSequence?: number | null },
): Promise<AsyncIterableIterator<TrackingUpdate>> {
  const shipment = await readShipment(ctx, shipmentId)
  if (!shipment) notFound()
  return await updatesOf(ctx, shipment, afterSequence, async () => true)
}

/** The same for whoever has a tracking link; it ends when the link does. */
export async function trackByToken(
  ctx: Context,
  { token, afterSequence }: { token: string; afterSequence?: number | null },
): Promise<AsyncIterableIterator<TrackingUpdate>> {
  const link = await openLink(ctx, token)
  if (!link) notFound()
  const leftMs = Math.min(link.expiresAt.getTime() - ctx.now().getTime(), MAX_TIMER_MS)
  const signal = AbortSignal.any([ctx.signal, AbortSignal.timeout(leftMs)])
  const isOpen = async () => (await openLink(ctx, token)) !== null
  return await updatesOf({ ...ctx, signal }, link.shipment, afterSequence, isOpen)
}

/**
 * All changes of status after a sequence, and of positions and estimates the newest one if it is newer; then live in the
 * same way. Without a sequence it begins with the newest of each.
 */
async function updatesOf(
  ctx: Context,
  { id, seenAs }: SeenShipment,
  afterSequence: number | null | undefined,
  isOpen: () => Promise<boolean>,
): Promise<AsyncIterableIterator<TrackingUpdate>> {
  if (afterSequence != null && afterSequence < 0) badUserInput('`afterSequence` is 0 or more.')
  const begin = afterSequence ?? (await latestStatus(ctx, id)) - 1
  let isBeginning = afterSequence == null
  return await follow<TrackingUpdate>(
    ctx.live,
    {
      topic: topicOf(id),
      after: begin,
      read: async (after) => {
        if (!(await isOpen())) return null
        const updates = await updatesAfter(ctx, { shipmentId: id, seenAs }, { after, isBeginning })
        isBeginning = false
        return updates
      },
      sequenceOf: ({ sequence }) => sequence,
    },
    ctx.signal,
  )
}

async function latestStatus({ db }: Pick<Context, 'db'>, shipmentId: string): Promise<number> {
  const [event] = await db
    .select({ sequence: trackingEvents.sequence })
    .from(trackingEvents)
    .where(eq(trackingEvents.shipmentId, shipmentId))
    .orderBy(desc(trackingEvents.sequence))
    .limit(1)
  return event?.sequence ?? 1
}

async function updatesAfter(
  { db }: Pick<Context, 'db'>,
  about: Pick<TrackingUpdate, 'shipmentId' | 'seenAs'>,
  { after, isBeginning }: { after: number; isBeginning: boolean },
): Promise<TrackingUpdate[]> {
  const { shipmentId } = about
  // The shipment first: what changes between the two statements is newer than it and comes with the next hint.
  const [shipment] = await db.select().from(shipments).where(eq(shipments.id, shipmentId))
  const events = await db
    .select()
    .from(trackingEvents)
    .where(and(eq(trackingEvents.shipmentId, shipmentId), gt(trackingEvents.sequence, after)))
    .orderBy(asc(trackingEvents.sequence))
    .limit(BATCH)
  const updates: TrackingUpdate[] = events.map((event) => ({
    __typename: 'ShipmentStatusChanged',
    sequence: event.sequence,
    event,
    ...about,
  }))
  const { position, positionSequence, eta, etaSequence } = shipment!
  if (position && (isBeginning || positionSequence > after)) {
    updates.push({ __typename: 'PositionUpdated', sequence: positionSequence, position, ...about })
  }
  if (eta && (isBeginning || etaSequence > after))
    updates.push({ __typename: 'EtaUpdated', sequence: etaSequence, eta, ...about })
  return updates.toSorted((a, b) => a.sequence - b.sequence)
}

/** The shipment of an update as it is now, seen as its follower sees it. */
export async function shipmentOf(ctx: Context, { shipmentId, seenAs }: TrackingUpdate): Promise<SeenShipment> {
  const shipment = (await shipmentById(ctx).load(shipmentId))!
  return (seenAs === 'LINK' ? null : await seen(ctx, shipment)) ?? { ...shipment, seenAs: 'LINK' }
}
