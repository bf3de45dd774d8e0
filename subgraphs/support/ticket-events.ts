import { and, asc, eq, gt } from 'drizzle-orm'
import type { Context } from '#platform/context.ts'
import { follow } from '#platform/follow.ts'
import { badUserInput, notFound } from '#platform/errors.ts'
import { isId } from '#platform/ids.ts'
import type { LiveMessage } from '#platform/live.ts'
import { requireScope } from '#platform/viewer.ts'
import { isAgent } from './access.ts'
import { messageById, ticketById } from './loaders.ts'
import { ticketEvents, type MessageRow, type TicketEventRow, type TicketRow } from './tables.ts'

export type MessageEvent = { sequence: number; messageId: string }
export type ReadEvent = { userId: string; lastReadSequence: number }
export type TypingEvent = { userId: string; isTyping: boolean }
export type ChangeEvent = { sequence: number; ticketId: string }
export type TicketEvent =
  | ({ __typename: 'MessageAdded' | 'MessageUpdated' } & MessageEvent)
  | ({ __typename: 'MessageRead' } & ReadEvent)
  | ({ __typename: 'TypingChanged' } & TypingEvent)
  | ({ __typename: 'TicketChanged' } & ChangeEvent)

// Enough for most of a conversation in one statement.
const BATCH = 100
const topicOf = (ticketId: string) => `ticket:${ticketId}`
const QUEUE_TOPIC = 'tickets'

const typenames = {
  MESSAGE_ADDED: 'MessageAdded',
  MESSAGE_UPDATED: 'MessageUpdated',
  TICKET_CHANGED: 'TicketChanged',
} as const satisfies Record<TicketEventRow['kind'], TicketEvent['__typename']>

/** Hints to whoever follows the ticket, and to staff who watch the queue, that it has a newer event. */
export async function tellChange({ live }: Pick<Context, 'live'>, ticket: TicketRow): Promise<void> {
  await live.publish(topicOf(ticket.id), { sequence: ticket.lastSequence })
  await live.publish(QUEUE_TOPIC, { ticketId: ticket.id })
}

/** Tells what is not kept: it reaches those who follow now. */
export async function tellTransient(
  { live }: Pick<Context, 'live'>,
  ticketId: string,
  event: TicketEvent,
): Promise<void> {
  await live.publish(topicOf(ticketId), event)
}

/**
 * What happens in a ticket: everything after `afterSequence`, then live. Without it only what happens from now on.
 * A ticket the caller may not see has no events.
 */
export async function ticketEventsOf(
  ctx: Context,
  { ticketId, afterSequence }: { ticketId: string; afterSequence?: number | null },
): Promise<AsyncIterableIterator<TicketEvent>> {
  if (afterSequence != null && afterSequence < 0) badUserInput('`afterSequence` is 0 or more.')
  const ticket = isId(ticketId) ? await ticketById(ctx).load(ticketId) : null
  if (!ticket) notFound()
  return await follow<TicketEvent>(
    ctx.live,
    {
      topic: topicOf(ticketId),
      after: afterSequence ?? ticket.lastSequence,
      read: async (after) => (await eventsAfter(ctx, ticketId, after)).map(toEvent),
      sequenceOf: (event) => ('sequence' in event ? event.sequence : 0),
      transient: (message) => message as TicketEvent,
    },
    ctx.signal,
  )
}

async function eventsAfter({ db, viewer }: Context, ticketId: string, after: number): Promise<TicketEventRow[]> {
  return await db
    .select()
    .from(ticketEvents)
    .where(
      and(
        eq(ticketEvents.ticketId, ticketId),
        gt(ticketEvents.sequence, after),
        isAgent(viewer) ? undefined : eq(ticketEvents.isInternal, false),
      ),
    )
    .orderBy(asc(ticketEvents.sequence))
    .limit(BATCH)
}

function toEvent({ kind, sequence, ticketId, messageId }: TicketEventRow): TicketEvent {
  return kind === 'TICKET_CHANGED'
    ? { __typename: typenames[kind], sequence, ticketId }
    : { __typename: typenames[kind], sequence, messageId: messageId! }
}

/** Tickets as they come in or change, for staff. */
export async function queueChanges({ live, signal, viewer }: Context): Promise<AsyncIterableIterator<LiveMessage>> {
  requireScope(viewer, 'support:agent')
  return await live.subscribe([QUEUE_TOPIC], { signal })
}

/** The ticket that a hint of the queue is about. */
export const queued = (ctx: Context, { message }: LiveMessage): Promise<TicketRow> =>
  ticketOf(ctx, message as { ticketId: string })

export async function messageOf(ctx: Context, { messageId }: MessageEvent): Promise<MessageRow> {
  return (await messageById(ctx).load(messageId)) ?? gone()
}

export async function ticketOf(ctx: Context, { ticketId }: { ticketId: string }): Promise<TicketRow> {
  return (await ticketById(ctx).load(ticketId)) ?? gone()
}

// Messages and tickets are never removed: an event without one is a bug.
function gone(): never {
  throw new Error('An event tells of something that is not there')
}
