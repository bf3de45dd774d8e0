import { and, eq, gt, ne } from 'drizzle-orm'
import type { Context } from '#platform/context.ts'
import { badUserInput } from '#platform/errors.ts'
import { keyset, type PageArgs } from '#platform/pages.ts'
import { reject } from '#platform/user-errors.ts'
import type { User } from '#platform/viewer.ts'
import { isAgent } from './access.ts'
import { noteRead } from './messages.ts'
import type { TicketMarkReadInput, TicketTypingSetInput } from './schema.generated.ts'
import { messages, type ParticipantRow, type TicketRow } from './tables.ts'
import { tellTransient } from './ticket-events.ts'
import { readTicket } from './tickets.ts'

// Typing ends by itself when it is not repeated.
const TYPING_MS = 10_000
const typingKey = (ticketId: string, userId: string) => `support:typing:${ticketId}:${userId}`

/** A page of what was written, oldest first; notes are for staff. */
export async function messagesOf(ctx: Context, ticket: TicketRow, args: PageArgs & { afterSequence?: number | null }) {
  if (args.afterSequence != null && args.afterSequence < 0) badUserInput('`afterSequence` is 0 or more.')
  const page = keyset(args, [{ column: messages.sequence, direction: 'asc' }])
  const seen = and(
    eq(messages.ticketId, ticket.id),
    gt(messages.sequence, args.afterSequence ?? 0),
    isAgent(ctx.viewer) ? undefined : ne(messages.kind, 'INTERNAL_NOTE'),
  )
  const rows = await ctx.db
    .select()
    .from(messages)
    .where(and(seen, page.where))
    .orderBy(...page.orderBy)
    .limit(page.limit)
  return page.connection(rows, ({ sequence }) => [sequence], { totalCount: () => ctx.db.$count(messages, seen) })
}

/** Notes how far somebody has read, at most up to the newest event. */
export async function markRead(ctx: Context, reader: User, { ticketId, upToSequence }: TicketMarkReadInput) {
  if (upToSequence < 0) reject('INVALID', 'A sequence is 0 or more.', ['upToSequence'])
  const ticket = await visibleTicket(ctx, ticketId)
  const lastReadSequence = await noteRead(ctx.db, ticketId, reader.id, Math.min(upToSequence, ticket.lastSequence))
  await tellTransient(ctx, ticketId, { __typename: 'MessageRead', userId: reader.id, lastReadSequence })
  return { ticket }
}

export async function setTyping(ctx: Context, who: User, { ticketId, isTyping: isNow }: TicketTypingSetInput) {
  await visibleTicket(ctx, ticketId)
  const key = typingKey(ticketId, who.id)
  await (isNow ? ctx.cache.set(key, true, TYPING_MS) : ctx.cache.delete(key))
  await tellTransient(ctx, ticketId, { __typename: 'TypingChanged', userId: who.id, isTyping: isNow })
  return { ok: true }
}

export const isTyping = async ({ cache }: Context, { ticketId, userId }: ParticipantRow): Promise<boolean> =>
  (await cache.get(typingKey(ticketId, userId))) === true

const visibleTicket = async (ctx: Context, id: string): Promise<TicketRow> =>
  (await readTicket(ctx, id)) ?? reject('NOT_FOUND', 'There is no such ticket.', ['ticketId'])
