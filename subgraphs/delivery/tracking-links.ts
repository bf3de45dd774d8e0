import { createHash, randomBytes } from 'node:crypto'
import { and, eq, gt } from 'drizzle-orm'
import type { Context } from '#platform/context.ts'
import { reject, rejectTransition } from '#platform/user-errors.ts'
import { owns } from '#platform/viewer.ts'
import type { SeenShipment } from './access.ts'
import { topicOf } from './hints.ts'
import type { TrackingShareCreateInput, TrackingShareRevokeInput } from './schema.generated.ts'
import { isOver, nextStatuses } from './shipment.ts'
import { readShipment } from './shipments.ts'
import { shipments, trackingLinks } from './tables.ts'

const DAY_MS = 86_400_000
const DEFAULT_DAYS = 7
const MOST_DAYS = 30

export const TRACK_PREFIX = '/track'

// 256 random bits need no salt and no slow hash.
const hashOf = (token: string): string => createHash('sha256').update(token).digest('hex')

/** Makes a link with which others can follow a shipment of the caller's. Its secret is shown only now. */
export async function createLink(ctx: Context, { shipmentId, expiresAt }: TrackingShareCreateInput) {
  const shipment = await ownShipment(ctx, shipmentId)
  if (isOver(shipment.status)) {
    rejectTransition({ from: shipment.status, to: shipment.status, allowed: nextStatuses[shipment.status] }, [
      'shipmentId',
    ])
  }
  const now = ctx.now().getTime()
  const end = expiresAt ?? new Date(now + DEFAULT_DAYS * DAY_MS)
  if (end.getTime() <= now || end.getTime() > now + MOST_DAYS * DAY_MS) {
    reject('INVALID', `A link ends within ${MOST_DAYS} days.`, ['expiresAt'])
  }
  const token = randomBytes(32).toString('base64url')
  await ctx.db.insert(trackingLinks).values({ shipmentId: shipment.id, tokenHash: hashOf(token), expiresAt: end })
  return { token, url: new URL(`${TRACK_PREFIX}/${token}`, ctx.config.PUBLIC_URL).href }
}

/** Ends all links of a shipment, and whoever follows one. */
export async function revokeLinks(ctx: Context, { shipmentId }: TrackingShareRevokeInput) {
  const shipment = await ownShipment(ctx, shipmentId)
  await ctx.db.delete(trackingLinks).where(eq(trackingLinks.shipmentId, shipment.id))
  await ctx.live.publish(topicOf(shipment.id), { links: 'revoked' })
  return { ok: true }
}

async function ownShipment(ctx: Context, id: string): Promise<SeenShipment> {
  const shipment = await readShipment(ctx, id)
  if (!shipment || !owns(ctx.viewer, { kind: shipment.ownerKind, id: shipment.ownerId })) {
    reject('NOT_FOUND', 'There is no such shipment.', ['shipmentId'])
  }
  return shipment
}

/** The shipment of a link, with what a link shows; null when it is unknown or over. */
export async function linkedShipment(ctx: Pick<Context, 'db' | 'now'>, token: string): Promise<SeenShipment | null> {
  return (await openLink(ctx, token))?.shipment ?? null
}

/** A link that is not over, with its shipment. */
export async function openLink(
  { db, now }: Pick<Context, 'db' | 'now'>,
  token: string,
): Promise<{ shipment: SeenShipment; expiresAt: Date } | null> {
  const [row] = await db
    .select({ shipment: shipments, expiresAt: trackingLinks.expiresAt })
    .from(trackingLinks)
    .innerJoin(shipments, eq(shipments.id, trackingLinks.shipmentId))
    .where(and(eq(trackingLinks.tokenHash, hashOf(token)), gt(trackingLinks.expiresAt, now())))
  return row ? { shipment: { ...row.shipment, seenAs: 'LINK' }, expiresAt: row.expiresAt } : null
}
