import type { ShipmentRow } from './tables.ts'

export type ShipmentStatus = ShipmentRow['status']

export interface Point {
  latitude: number
  longitude: number
}

/** Where a courier was. Times are RFC 3339, so that a position can be kept as JSON. */
export interface Position extends Point {
  headingDegrees: number | null
  speedMps: number | null
  accuracyMeters: number | null
  recordedAt: string
  receivedAt: string
}

/** When a shipment should arrive. Times are RFC 3339. */
export interface Eta {
  earliest: string
  latest: string
  computedAt: string
  remainingMeters: number | null
}

export const nextStatuses = {
  PENDING: ['ASSIGNED', 'CANCELLED'],
  ASSIGNED: ['PICKED_UP', 'CANCELLED'],
  PICKED_UP: ['IN_TRANSIT'],
  IN_TRANSIT: ['ARRIVING', 'DELIVERED', 'ATTEMPT_FAILED'],
  ARRIVING: ['DELIVERED', 'ATTEMPT_FAILED'],
  ATTEMPT_FAILED: ['IN_TRANSIT', 'RETURNED'],
  DELIVERED: [],
  RETURNED: [],
  CANCELLED: [],
} as const satisfies Record<ShipmentStatus, readonly ShipmentStatus[]>

/** What a courier sets by hand; a failed try has a mutation of its own. */
export const setByCourier: readonly ShipmentStatus[] = ['PICKED_UP', 'IN_TRANSIT', 'ARRIVING', 'DELIVERED', 'RETURNED']

/** The states in which a courier has a shipment with them. */
export const underWay: readonly ShipmentStatus[] = ['PICKED_UP', 'IN_TRANSIT', 'ARRIVING']

/** The states in which a courier still has something to do with a shipment. */
export const active: readonly ShipmentStatus[] = ['ASSIGNED', ...underWay, 'ATTEMPT_FAILED']

export const isOver = (status: ShipmentStatus): boolean => nextStatuses[status].length === 0

export const mayMove = (from: ShipmentStatus, to: ShipmentStatus): boolean =>
  (nextStatuses[from] as readonly ShipmentStatus[]).includes(to)

export const messages = {
  PENDING: 'Your goods are being prepared.',
  ASSIGNED: 'A courier will fetch your goods.',
  PICKED_UP: 'The courier has your goods.',
  IN_TRANSIT: 'Your goods are on their way.',
  ARRIVING: 'The courier is almost there.',
  DELIVERED: 'Your goods were handed over.',
  ATTEMPT_FAILED: 'Your goods could not be handed over.',
  RETURNED: 'Your goods went back.',
  CANCELLED: 'The delivery was called off.',
} as const satisfies Record<ShipmentStatus, string>

const EARTH_RADIUS_METERS = 6_371_000
const radians = (degrees: number): number => (degrees * Math.PI) / 180

/** Metres between two places as the crow flies (haversine). */
export function distanceMeters(a: Point, b: Point): number {
  const dLatitude = radians(b.latitude - a.latitude)
  const dLongitude = radians(b.longitude - a.longitude)
  const h =
    Math.sin(dLatitude / 2) ** 2 +
    Math.cos(radians(a.latitude)) * Math.cos(radians(b.latitude)) * Math.sin(dLongitude / 2) ** 2
  return 2 * EARTH_RADIUS_METERS * Math.asin(Math.min(1, Math.sqrt(h)))
}

const MAX_SPEED_MPS = 70
const MAX_INACCURACY_METERS = 200
const MAX_AHEAD_MS = 60_000
export const ARRIVING_METERS = 500
export const STALE_MS = 60_000

/**
 * The positions to believe, in their order. Left out is what is older than the last, over a minute in the future, out of
 * range, less accurate than 200 m, or faster than 70 m/s from the last one believed.
 */
export function believable(last: Position | null, reported: readonly Position[], now: Date): Position[] {
  const believed: Position[] = []
  let before = last
  for (const position of reported) {
    if (!isBelievable(before, position, now)) continue
    believed.push(position)
    before = position
  }
  return believed
}

function isBelievable(before: Position | null, position: Position, now: Date): boolean {
  const { latitude, longitude, accuracyMeters } = position
  if (!(Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180)) return false
  if (accuracyMeters !== null && !(accuracyMeters >= 0 && accuracyMeters <= MAX_INACCURACY_METERS)) return false
  const at = Date.parse(position.recordedAt)
  if (at > now.getTime() + MAX_AHEAD_MS) return false
  if (!before) return true
  const seconds = (at - Date.parse(before.recordedAt)) / 1000
  return seconds > 0 && distanceMeters(before, position) / seconds <= MAX_SPEED_MPS
}

/** Where a position takes a shipment; the same status when nowhere. */
export function statusAt(status: ShipmentStatus, position: Point, destination: Point | null): ShipmentStatus {
  const moving = status === 'PICKED_UP' ? 'IN_TRANSIT' : status
  const isNear = destination !== null && distanceMeters(position, destination) <= ARRIVING_METERS
  return moving === 'IN_TRANSIT' && isNear ? 'ARRIVING' : moving
}

// Streets are longer than the crow's way; a courier in a city with traffic lights.
const DETOUR = 1.3
const USUAL_SPEED_MPS = 7
const HANDOVER_MS = 2 * 60_000

/** When it should arrive from `position`; without a place to go to, when it was promised. */
export function estimate(
  position: Point | null,
  { destination, promisedFrom, promisedTo }: { destination: Point | null; promisedFrom: Date; promisedTo: Date },
  now: Date,
): Eta {
  if (!position || !destination) {
    return {
      earliest: promisedFrom.toISOString(),
      latest: promisedTo.toISOString(),
      computedAt: now.toISOString(),
      remainingMeters: null,
    }
  }
  const remainingMeters = Math.round(distanceMeters(position, destination) * DETOUR)
  const rideMs = (remainingMeters / USUAL_SPEED_MPS) * 1000
  return {
    earliest: new Date(now.getTime() + rideMs * 0.8).toISOString(),
    latest: new Date(now.getTime() + rideMs * 1.3 + HANDOVER_MS).toISOString(),
    computedAt: now.toISOString(),
    remainingMeters,
  }
}

const WORTH_TELLING_MS = 30_000

/** Whether an estimate differs enough from the one told last to be told. */
export function isNews(told: Eta | null, eta: Eta): boolean {
  return !told || Math.abs(Date.parse(told.latest) - Date.parse(eta.latest)) >= WORTH_TELLING_MS
}

export type FulfillmentStatus = 'UNFULFILLED' | 'PARTIAL' | 'SHIPPED' | 'DELIVERED' | 'RETURNED'

/** How much of an order is delivered, by its shipments. Those called off do not count. */
export function fulfillmentOf(statuses: readonly ShipmentStatus[]): FulfillmentStatus {
  const counted = statuses.filter((status) => status !== 'CANCELLED')
  const all = (...wanted: ShipmentStatus[]) => counted.length > 0 && counted.every((status) => wanted.includes(status))
  if (counted.length === 0 || all('PENDING', 'ASSIGNED')) return 'UNFULFILLED'
  if (all('RETURNED')) return 'RETURNED'
  if (all('DELIVERED')) return 'DELIVERED'
  return counted.some((status) => status === 'PENDING' || status === 'ASSIGNED') ? 'PARTIAL' : 'SHIPPED'
}
