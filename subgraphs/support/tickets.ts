import { and, eq, exists, ilike, inArray, isNull, ne, or, sql, type SQL } from 'drizzle-orm'
import { z } from 'zod'
import { rejectOutage } from '#platform/calls.ts'
import type { Context } from '#platform/context.ts'
import type { Db } from '#platform/database.ts'
import { idempotent } from '#platform/idempotency.ts'
import { isId } from '#platform/ids.ts'
import { keyset, type PageArgs } from '#platform/pages.ts'
import { parseInput, reject, rejectStale, rejectTransition } from '#platform/user-errors.ts'
import { requireScope, type User } from '#platform/viewer.ts'
import { accountOf, isAgent, lockTicket } from './access.ts'
import { hasProduct } from './calls/inventory.ts'
import { hasOrder } from './calls/orders.ts'
import { answersTickets } from './calls/users.ts'
import { ticketById, ticketsOfOrder } from './loaders.ts'
import { appendMessage } from './messages.ts'
import type {
  TicketAssignInput,
  TicketCreateInput,
  TicketFilter,
  TicketRateInput,
  TicketUpdateInput,
} from './schema.generated.ts'
import { idempotencyKeys, messages, ticketEvents, tickets, type TicketRow } from './tables.ts'
import { tellChange } from './ticket-events.ts'
import { isSolved, mayBeSetByStaff, mayMove, nextStatuses, waitingAfterMove, type TicketStatus } from './ticket.ts'

/** A ticket the caller may see; null otherwise. */
export async function readTicket(ctx: Context, id: string): Promise<TicketRow | null> {
  return isId(id) ? await ticketById(ctx).load(id) : null
}

/** Tickets a person opened, last changed first; null for whoever may not see them. */
export async function ticketsOf(ctx: Context, userId: string, args: PageArgs & { filter?: TicketFilter | null }) {
  if (!isId(userId) || (accountOf(ctx.viewer) !== userId && !isAgent(ctx.viewer))) return null
  const page = keyset(args, [
    { column: tickets.updatedAt, direction: 'desc' },
    { column: tickets.id, direction: 'desc' },
  ])
  const asked = and(eq(tickets.requesterId, userId), matching(ctx, args.filter))
  const rows = await ctx.db
    .select()
    .from(tickets)
    .where(and(asked, page.where))
    .orderBy(...page.orderBy)
    .limit(page.limit)
  return page.connection(rows, ({ updatedAt, id }) => [updatedAt, id], {
    totalCount: () => ctx.db.$count(tickets, asked),
  })
}

/** All tickets for staff, longest waiting first; those in which nobody waits come last, newest last. */
export async function allTickets(ctx: Context, args: PageArgs & { filter?: TicketFilter | null }) {
  requireScope(ctx.viewer, 'support:agent')
  const page = keyset(args, [
    { column: tickets.queuePlace, direction: 'asc' },
    { column: tickets.id, direction: 'asc' },
  ])
  const asked = matching(ctx, args.filter)
  const rows = await ctx.db
    .select()
    .from(tickets)
    .where(and(asked, page.where))
    .orderBy(...page.orderBy)
    .limit(page.limit)
  return page.connection(rows, ({ queuePlace, id }) => [queuePlace!, id], {
    totalCount: () => ctx.db.$count(tickets, asked),
  })
}

/** Tickets about an order, last changed first. */
export async function ticketsAbout(ctx: Context, orderId: string): Promise<TicketRow[]> {
  return isId(orderId) ? await ticketsOfOrder(ctx).load(orderId) : []
}

function matching({ db }: Pick<Context, 'db'>, filter: TicketFilter | null | undefined): SQL | undefined {
  const { statuses, priorities, assigneeId, unassignedOnly, query } = filter ?? {}
  const like = query?.trim() ? `%${query.trim().replace(/[\\%_]/g, '\\$&')}%` : undefined
  return and(
    statuses ? inArray(tickets.status, [...statuses]) : undefined,
    priorities ? inArray(tickets.priority, [...priorities]) : undefined,
    assigneeId ? (isId(assigneeId) ? eq(tickets.assigneeId, assigneeId) : sql`false`) : undefined,
    unassignedOnly ? isNull(tickets.assigneeId) : undefined,
    like === undefined ? undefined : or(ilike(tickets.number, like), ilike(tickets.subject, like), said(db, like)),
  )
}

// Notes are left out: a customer must learn nothing of them.
const said = (db: Db, like: string): SQL =>
  exists(
    db
      .select({ id: messages.id })
      .from(messages)
      .where(and(eq(messages.ticketId, tickets.id), ilike(messages.body, like), ne(messages.kind, 'INTERNAL_NOTE'))),
  )

const createInput = z.object({
  subject: z.string().trim().min(1, 'Say what it is about.').max(200, 'A subject has at most 200 characters.'),
  body: z.string().trim().min(1, 'Write something.').max(10_000, 'A message has at most 10,000 characters.'),
})

/** Opens a ticket with its first message. */
export async function createTicket(ctx: Context, requester: User, input: TicketCreateInput) {
  const { subject, body } = parseInput(createInput, input)
  await assertKnown(input.orderId, 'orderId', 'There is no such order.', (id) => hasOrder(ctx, id))
  await assertKnown(input.productId, 'productId', 'There is no such product.', (id) => hasProduct(ctx, id))
  const keyed = { scope: `ticketCreate ${requester.id}`, key: input.idempotencyKey, request: input }
  const { reply, isReplay } = await idempotent(ctx, idempotencyKeys, keyed, async (tx) => {
    const at = ctx.now()
    const [ticket] = await tx
      .insert(tickets)
      .values({
        number: sql`nextval('support.ticket_numbers')::text`,
        subject,
        status: 'OPEN',
        priority: input.priority ?? 'MEDIUM',
        requesterId: requester.id,
        orderId: input.orderId ?? null,
        productId: input.productId ?? null,
        createdAt: at,
        updatedAt: at,
      })
      .returning()
    const first = { authorId: requester.id, clientMessageId: null, kind: 'CUSTOMER' as const, body }
    await appendMessage(tx, ctx, ticket!, first)
    return ticket!.id
  })
  const ticket = (await ticketById(ctx).load(reply))!
  if (!isReplay) await tellChange(ctx, ticket)
  return { ticket, isReplay }
}

async function assertKnown(
  id: string | null | undefined,
  field: string,
  message: string,
  isKnown: (id: string) => Promise<boolean>,
): Promise<void> {
  if (id == null) return
  const known = isId(id) && (await isKnown(id).catch(rejectOutage))
  if (!known) reject('NOT_FOUND', message, [field])
}

export const closeTicket = (ctx: Context, id: string) => moveTicket(ctx, id, 'CLOSED')

export const reopenTicket = (ctx: Context, id: string) => moveTicket(ctx, id, 'OPEN')

// What is in the state already stays as it is: a retry changes nothing.
async function moveTicket(ctx: Context, id: string, to: TicketStatus) {
  return await change(ctx, id, (ticket) => {
    if (ticket.status === to || (to === 'OPEN' && !isSolved(ticket.status))) return null
    if (!mayMove(ticket.status, to)) refuseMove(ticket.status, to)
    return { status: to, waitingSince: waitingAfterMove(ticket, to, ctx.now()) }
  })
}

const refuseMove = (from: TicketStatus, to: TicketStatus): never =>
  rejectTransition({ from, to, allowed: nextStatuses[from] }, ['status'])

const rateInput = z.object({
  score: z.number().int().min(1, 'A score is 1 to 5.').max(5, 'A score is 1 to 5.'),
  comment: z.string().trim().max(1_000, 'A comment has at most 1,000 characters.').nullish(),
})

/** Rates the help; a later rating replaces it. */
export async function rateTicket(ctx: Context, who: User, input: TicketRateInput) {
  const { score, comment } = parseInput(rateInput, input)
  return await change(ctx, input.ticketId, ({ requesterId, status }) => {
    if (requesterId !== who.id) reject('FORBIDDEN', 'Only who asked can rate the help.', ['ticketId'])
    if (!isSolved(status)) {
      rejectTransition({ from: status, to: 'RESOLVED', allowed: nextStatuses[status] }, ['ticketId'])
    }
    return { ratingScore: score, ratingComment: comment || null }
  })
}

/** Gives a ticket to somebody, or to nobody. */
export async function assignTicket(ctx: Context, { ticketId, assigneeId, expectedVersion }: TicketAssignInput) {
  requireScope(ctx.viewer, 'support:agent')
  if (assigneeId != null && !(isId(assigneeId) && (await answersTickets(ctx, assigneeId).catch(rejectOutage)))) {
    reject('NOT_APPLICABLE', 'This person is not support staff.', ['assigneeId'])
  }
  return await change(ctx, ticketId, () => ({ assigneeId: assigneeId ?? null }), expectedVersion)
}

const updateInput = z.object({
  labels: z
    .array(z.string().trim().min(1, 'A label has 1 to 50 characters.').max(50, 'A label has 1 to 50 characters.'))
    .max(20, 'A ticket has at most 20 labels.')
    .nullish(),
})

/** Changes status, priority and labels; what is left out stays. */
export async function updateTicket(ctx: Context, input: TicketUpdateInput) {
  requireScope(ctx.viewer, 'support:agent')
  const { labels } = parseInput(updateInput, input)
  const { ticketId, status, priority, expectedVersion } = input
  return await change(
    ctx,
    ticketId,
    (ticket) => {
      if (status && !mayBeSetByStaff(ticket.status, status)) refuseMove(ticket.status, status)
      return {
        ...(status && { status, waitingSince: waitingAfterMove(ticket, status, ctx.now()) }),
        ...(priority && { priority }),
        ...(labels && { labels: [...new Set(labels)] }),
      }
    },
    expectedVersion,
  )
}

/** Changes a ticket under its lock as `decide` says, with an event for its followers; null leaves it as it is. */
async function change(
  ctx: Context,
  id: string,
  decide: (ticket: TicketRow) => Partial<TicketRow> | null,
  expectedVersion?: number | null,
): Promise<{ ticket: TicketRow }> {
  const { ticket, isChanged } = await ctx.db.transaction(async (tx: Db) => {
    const current = await lockTicket(tx, ctx.viewer, id)
    if (expectedVersion != null && expectedVersion !== current.version) rejectStale(current.version)
    const values = decide(current)
    if (!values) return { ticket: current, isChanged: false }
    const sequence = current.lastSequence + 1
    const [changed] = await tx
      .update(tickets)
      .set({ ...values, lastSequence: sequence, updatedAt: ctx.now(), version: sql`${tickets.version} + 1` })
      .where(eq(tickets.id, id))
      .returning()
    await tx.insert(ticketEvents).values({ ticketId: id, sequence, kind: 'TICKET_CHANGED' })
    return { ticket: changed!, isChanged: true }
  })
  if (isChanged) await tellChange(ctx, ticket)
  return { ticket }
}
