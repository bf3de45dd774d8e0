import { and, eq, sql, type SQL } from 'drizzle-orm'
import type { Db } from '#platform/database.ts'
import { isId } from '#platform/ids.ts'
import { client, hasScope, type Viewer } from '#platform/viewer.ts'
import { reject } from '#platform/user-errors.ts'
import { tickets, type TicketRow } from './tables.ts'

/** Support staff see every ticket. */
export const isAgent = (viewer: Viewer): boolean => hasScope(viewer, 'support:agent')

/** Id of the account that asks, or null. */
export function accountOf(viewer: Viewer): string | null {
  const asked = client(viewer)
  return asked.kind === 'user' ? asked.id : null
}

/** The tickets that somebody may see, as a condition. */
export function visibleTo(viewer: Viewer): SQL | undefined {
  if (isAgent(viewer)) return undefined
  const id = accountOf(viewer)
  return id ? eq(tickets.requesterId, id) : sql`false`
}

/** The ticket, locked until the transaction ends: whoever changes a ticket does so one after the other. */
export async function lockTicket(tx: Db, viewer: Viewer, id: string): Promise<TicketRow> {
  const mine = and(eq(tickets.id, id), visibleTo(viewer))
  const [ticket] = isId(id) ? await tx.select().from(tickets).where(mine).for('update') : []
  return ticket ?? reject('NOT_FOUND', 'There is no such ticket.', ['ticketId'])
}
