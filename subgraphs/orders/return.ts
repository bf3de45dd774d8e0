import { split } from '#platform/money.ts'
import type { OrderStatus, ReturnStatus } from './schema.generated.ts'

/** Where a return can go from each state. */
export const nextStatuses = {
  REQUESTED: ['APPROVED', 'DECLINED', 'CANCELLED'],
  APPROVED: ['RECEIVED', 'CANCELLED'],
  RECEIVED: ['REFUNDED'],
  // The rest of it may come in another parcel.
  REFUNDED: ['RECEIVED'],
  DECLINED: [],
  CANCELLED: [],
} as const satisfies Record<ReturnStatus, readonly ReturnStatus[]>

export const canBecome = (from: ReturnStatus, to: ReturnStatus): boolean =>
  (nextStatuses[from] as readonly ReturnStatus[]).includes(to)

const RETURN_DAYS = 30
const DAY_MS = 86_400_000

/** Orders whose last goods arrived before this are too old to be returned. */
export const returnableSince = (now: Date): Date => new Date(now.getTime() - RETURN_DAYS * DAY_MS)

interface Arrived {
  status: OrderStatus
  deliveredAt: Date | null
  placedAt: Date
}

/** Why goods of an order cannot be sent back now; null when they can. */
export function whyNotReturned(
  { status, deliveredAt, placedAt }: Arrived,
  now: Date,
): 'NOT_APPLICABLE' | 'STATE_TRANSITION' | null {
  if (status === 'COMPLETED') return 'NOT_APPLICABLE'
  if (status !== 'DELIVERED' && status !== 'PARTIALLY_RETURNED') return 'STATE_TRANSITION'
  return (deliveredAt ?? placedAt) < returnableSince(now) ? 'NOT_APPLICABLE' : null
}

interface Paid {
  subtotalMinor: number
  discountMinor: number
  shippingMinor: number
  taxMinor: number
  totalMinor: number
  taxLines: readonly { isIncludedInPrice: boolean }[]
}

/**
 * What was paid for each line: its total, and its share of the taxes that prices do not contain. What was paid for the
 * delivery is none of them.
 */
export function paidForLines(order: Paid, lines: readonly { totalMinor: number; taxMinor: number }[]): number[] {
  const { subtotalMinor, discountMinor, shippingMinor, totalMinor, taxMinor, taxLines } = order
  const added = totalMinor - (subtotalMinor - discountMinor + shippingMinor)
  if (added <= 0 || taxLines.every(({ isIncludedInPrice }) => isIncludedInPrice)) {
    return lines.map((line) => line.totalMinor)
  }
  // The last share is that of the delivery. Where all taxes were added each share is the line's own tax again.
  const taxOfDelivery = taxMinor - lines.reduce((sum, line) => sum + line.taxMinor, 0)
  const shares = split(added, [...lines.map((line) => line.taxMinor), Math.max(0, taxOfDelivery)])
  return lines.map((line, index) => line.totalMinor + shares[index]!)
}

/**
 * What is paid back for `units` of a line of `quantity` units that `paidMinor` was paid for, after `before` units were
 * paid back: by largest remainder, so that however they come back, all units together get exactly what was paid.
 */
export function refundFor(
  { paidMinor, quantity }: { paidMinor: number; quantity: number },
  before: number,
  units: number,
): number {
  const perUnit = split(
    paidMinor,
    Array.from({ length: quantity }, () => 1),
  )
  return perUnit.slice(before, before + units).reduce((sum, minor) => sum + minor, 0)
}

/** What is told of goods that come in. */
interface Told {
  locationId: string | null
  restock: boolean
  refund: boolean
}

/**
 * Fields in which goods are told otherwise than those that came in before and got stuck. Once they are in, only their money
 * is left to be given back: they need not be named again, and whether to is told anew.
 */
export function differences(
  told: Told & { lines: readonly { lineId: string; quantity: number }[] },
  before: Told & { lines: readonly { orderLineId: string; quantity: number }[] },
  areIn: boolean,
): string[] {
  if (areIn && told.lines.length === 0) return []
  const isSame =
    told.lines.length === before.lines.length &&
    told.lines.every(({ lineId, quantity }) =>
      before.lines.some((line) => line.orderLineId === lineId && line.quantity === quantity),
    )
  if (!isSame) return ['lines']
  const differing: [isSo: boolean, field: string][] = [
    [before.locationId !== null && told.locationId !== before.locationId, 'locationId'],
    [told.restock !== before.restock, 'restock'],
    [!areIn && told.refund !== before.refund, 'refund'],
  ]
  return differing.flatMap(([isSo, field]) => (isSo ? [field] : []))
}
