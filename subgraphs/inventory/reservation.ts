import type { ReservationRow } from './tables.ts'

export type ReservationStatus = ReservationRow['status']

/**
 * What may become of a hold. A hold that was let go of by its checkout (RELEASED) stays so: whoever comes late with an
 * older command finds it and is refused. One that only took too long (EXPIRED) may be taken again.
 */
export const nextStatuses = {
  HELD: ['COMMITTED', 'RELEASED', 'EXPIRED'],
  EXPIRED: ['COMMITTED', 'RELEASED'],
  COMMITTED: ['RELEASED'],
  RELEASED: [],
} as const satisfies Record<ReservationStatus, readonly ReservationStatus[]>

export const mayBecome = (from: ReservationStatus, to: ReservationStatus): boolean =>
  nextStatuses[from].some((status) => status === to)
