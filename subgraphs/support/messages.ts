import { and, eq, sql } from 'drizzle-orm'
import { z } from 'zod'
import type { Context } from '#platform/context.ts'
import type { Db } from '#platform/database.ts'
import { announce } from '#platform/facts.ts'
import { isId } from '#platform/ids.ts'
import { parseInput, reject, rejectTransition } from '#platform/user-errors.ts'
import type { User } from '#platform/viewer.ts'
import { isAgent, lockTicket } from './access.ts'
import { TicketReplied } from './events.ts'
import type { MessageEditInput, MessageSendInput } from './schema.generated.ts'
import { messages, participants, ticketEvents, tickets, type MessageRow, type TicketRow } from './tables.ts'
import { tellChange } from './ticket-events.ts'
import { EDIT_WINDOW_MS, afterMessage, excerpt, nextStatuses } from './ticket.ts'

const body = z.string().trim().min(1, 'Write something.').max(10_000, 'A message has at most 10,000 characters.')
const sendInput = z.object({
  body,
  clientMessageId: z.string().min(1, 'Give the message an id.').max(128, 'An id has at most 128 characters.'),
})

/** Writes in a ticket. A `clientMessageId` that this author used before gives the message it wrote then. */
export async function sendMessage(ctx: Context, author: User, input: MessageSendInput) {
  const { body: text, clientMessageId } = parseInput(sendInput, input)
  if (input.isInternal && !isAgent(ctx.viewer)) reject('FORBIDDEN', 'Notes are for staff.', ['isInternal'])
  const written = await ctx.db.transaction(async (tx) => {
    const ticket = await lockTicket(tx, ctx.viewer, input.ticketId)
    const [earlier] = await tx
      .select()
      .from(messages)
      .where(
        and(
          eq(messages.ticketId, ticket.id),
          eq(messages.authorId, author.id),
          eq(messages.clientMessageId, clientMessageId),
        ),
      )
    if (earlier) return { ticket, message: earlier }
    if (ticket.status === 'CLOSED') {
      rejectTransition({ from: 'CLOSED', to: 'OPEN', allowed: nextStatuses.CLOSED }, ['ticketId'])
    }
    const reply = ticket.requesterId === author.id ? ('CUSTOMER' as const) : ('AGENT' as const)
    const kind = input.isInternal ? ('INTERNAL_NOTE' as const) : reply
    return await appendMessage(tx, ctx, ticket, { authorId: author.id, clientMessageId, kind, body: text })
  })
  await tellChange(ctx, written.ticket)
  return written
}

/** Adds a message to a ticket that this transaction has locked, with its event and what it does to the ticket. */
export async function appendMessage(
  tx: Db,
  ctx: Context,
  ticket: TicketRow,
  message: Pick<MessageRow, 'authorId' | 'clientMessageId' | 'kind' | 'body'>,
): Promise<{ ticket: TicketRow; message: MessageRow }> {
  const at = ctx.now()
  const sequence = ticket.lastSequence + 1
  const after = afterMessage(ticket, message.kind, at)
  const [written] = await tx
    .insert(messages)
    .values({ ...message, ticketId: ticket.id, sequence, createdAt: at })
    .returning()
  const [changed] = await tx
    .update(tickets)
    .set({ ...after, lastSequence: sequence, updatedAt: at, version: sql`${tickets.version} + 1` })
    .where(eq(tickets.id, ticket.id))
    .returning()
  const isInternal = message.kind === 'INTERNAL_NOTE'
  await tx
    .insert(ticketEvents)
    .values({ ticketId: ticket.id, sequence, kind: 'MESSAGE_ADDED', messageId: written!.id, isInternal })
  // Whoever writes has read what stands before.
  if (message.authorId) await noteRead(tx, ticket.id, message.authorId, sequence)
  if (message.kind === 'AGENT') {
    await announce(tx, ctx, TicketReplied, {
      entityId: ticket.id,
      entityVersion: changed!.version,
      owner: { kind: 'user', id: ticket.requesterId },
      data: { ticketId: ticket.id, recipientId: ticket.requesterId, excerpt: excerpt(message.body) },
    })
  }
  return { ticket: changed!, message: written! }
}

/** Changes a message of the author's own, within 15 minutes. */
export async function editMessage(ctx: Context, author: User, input: MessageEditInput) {
  const { body: text } = parseInput(z.object({ body }), input)
  const edited = await ctx.db.transaction(async (tx) => {
    const unknown = () => reject('NOT_FOUND', 'There is no such message.', ['id'])
    const [known] = isId(input.id) ? await tx.select().from(messages).where(eq(messages.id, input.id)) : []
    const { id, ticketId, authorId, kind, createdAt } = known ?? unknown()
    const ticket = await lockTicket(tx, ctx.viewer, ticketId).catch(unknown)
    if (kind === 'INTERNAL_NOTE' && !isAgent(ctx.viewer)) unknown()
    if (authorId !== author.id) reject('FORBIDDEN', 'This is somebody else’s message.', ['id'])
    const at = ctx.now()
    if (at.getTime() - createdAt.getTime() > EDIT_WINDOW_MS) {
      reject('NOT_APPLICABLE', 'A message can be changed for 15 minutes.', ['id'])
    }
    const sequence = ticket.lastSequence + 1
    const [message] = await tx.update(messages).set({ body: text, editedAt: at }).where(eq(messages.id, id)).returning()
    await tx.update(tickets).set({ lastSequence: sequence }).where(eq(tickets.id, ticketId))
    await tx
      .insert(ticketEvents)
      .values({ ticketId, sequence, kind: 'MESSAGE_UPDATED', messageId: id, isInternal: kind === 'INTERNAL_NOTE' })
    return { ticket: { ...ticket, lastSequence: sequence }, message: message! }
  })
  await tellChange(ctx, edited.ticket)
  return { message: edited.message }
}

/** Notes what somebody has read; it never goes back. */
export async function noteRead(tx: Db, ticketId: string, userId: string, lastReadSequence: number): Promise<number> {
  const [row] = await tx
    .insert(participants)
    .values({ ticketId, userId, lastReadSequence })
    .onConflictDoUpdate({
      target: [participants.ticketId, participants.userId],
      set: { lastReadSequence: sql`greatest(${participants.lastReadSequence}, excluded.last_read_sequence)` },
    })
    .returning({ sequence: participants.lastReadSequence })
  return row!.sequence
}
