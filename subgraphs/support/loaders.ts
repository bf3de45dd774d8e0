import { and, count, eq, gt, inArray, isNull, ne, or } from 'drizzle-orm'
import type { Context } from '#platform/context.ts'
import { loadMany, loadOne } from '#platform/loader.ts'
import { accountOf, isAgent, visibleTo } from './access.ts'
import { messages, participants, tickets } from './tables.ts'

/** A ticket by id; null when unknown or somebody else's. */
export const ticketById = loadOne(
  (ctx: Context, ids: readonly string[]) =>
    ctx.db
      .select()
      .from(tickets)
      .where(and(inArray(tickets.id, [...ids]), visibleTo(ctx.viewer))),
  ({ id }) => id,
)

export const messageById = loadOne(
  (ctx: Context, ids: readonly string[]) =>
    ctx.db
      .select()
      .from(messages)
      .where(inArray(messages.id, [...ids])),
  ({ id }) => id,
)

export const participantsOf = loadMany(
  (ctx: Context, ticketIds: readonly string[]) =>
    ctx.db
      .select()
      .from(participants)
      .where(inArray(participants.ticketId, [...ticketIds]))
      .orderBy(participants.userId),
  ({ ticketId }) => ticketId,
)

/** How many messages by others the caller has not read, for tickets that have any. */
export const unreadOf = loadOne(
  async (ctx: Context, ticketIds: readonly string[]) => {
    const reader = accountOf(ctx.viewer)
    if (!reader) return []
    return await ctx.db
      .select({ ticketId: messages.ticketId, unread: count() })
      .from(messages)
      .leftJoin(participants, and(eq(participants.ticketId, messages.ticketId), eq(participants.userId, reader)))
      .where(
        and(
          inArray(messages.ticketId, [...ticketIds]),
          or(isNull(messages.authorId), ne(messages.authorId, reader)),
          isAgent(ctx.viewer) ? undefined : ne(messages.kind, 'INTERNAL_NOTE'),
          or(isNull(participants.lastReadSequence), gt(messages.sequence, participants.lastReadSequence)),
        ),
      )
      .groupBy(messages.ticketId)
  },
  ({ ticketId }) => ticketId,
)

/** Tickets about an order that the caller may see, last changed first. */
export const ticketsOfOrder = loadMany(
  (ctx: Context, orderIds: readonly string[]) =>
    ctx.db
      .select()
      .from(tickets)
      .where(and(inArray(tickets.orderId, [...orderIds]), visibleTo(ctx.viewer)))
      .orderBy(tickets.updatedAt),
  ({ orderId }) => orderId!,
)
