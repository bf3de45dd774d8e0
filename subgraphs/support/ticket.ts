import type { MessageRow, TicketRow } from './tables.ts'

export type TicketStatus = TicketRow['status']

/** Who writes or decides: the customer who asked, or support staff. */
export type Side = 'CUSTOMER' | 'STAFF'

/** Where a ticket may go from each state, and by whom it is set by hand. Messages move it too; see `afterMessage`. */
export const nextStatuses = {
  OPEN: ['PENDING', 'RESOLVED', 'CLOSED'],
  PENDING: ['OPEN', 'RESOLVED', 'CLOSED'],
  RESOLVED: ['OPEN', 'PENDING', 'CLOSED'],
  CLOSED: ['OPEN'],
} as const satisfies Record<TicketStatus, readonly TicketStatus[]>

/** Messages can be changed for this long. */
export const EDIT_WINDOW_MS = 15 * 60 * 1000

export function mayMove(from: TicketStatus, to: TicketStatus): boolean {
  return from === to || (nextStatuses[from] as readonly TicketStatus[]).includes(to)
}

/** Staff may do everything with a status but open what is closed: that is `ticketReopen`. */
export const mayBeSetByStaff = (from: TicketStatus, to: TicketStatus): boolean =>
  from === to || (from !== 'CLOSED' && mayMove(from, to))

/** What a message does to its ticket. A note does nothing that a customer could see. */
export function afterMessage(
  ticket: Pick<TicketRow, 'status' | 'firstReplyAt' | 'waitingSince'>,
  kind: MessageRow['kind'],
  at: Date,
): Pick<TicketRow, 'status' | 'firstReplyAt' | 'waitingSince'> {
  const { status, firstReplyAt, waitingSince } = ticket
  switch (kind) {
    case 'CUSTOMER':
      return { status: 'OPEN', firstReplyAt, waitingSince: waitingSince ?? at }
    case 'AGENT':
      return { status: 'PENDING', firstReplyAt: firstReplyAt ?? at, waitingSince: null }
    case 'INTERNAL_NOTE':
    case 'ACTIVITY':
      return { status, firstReplyAt, waitingSince }
  }
}

/** The customer waits only while the ticket is open. */
export function waitingAfterMove(ticket: Pick<TicketRow, 'waitingSince'>, to: TicketStatus, at: Date): Date | null {
  return to === 'OPEN' ? (ticket.waitingSince ?? at) : null
}

export const isSolved = (status: TicketStatus): boolean => status === 'RESOLVED' || status === 'CLOSED'

/** The part of a message that a notification shows. */
export const excerpt = (body: string): string => (body.length <= 140 ? body : `${body.slice(0, 139)}…`)
