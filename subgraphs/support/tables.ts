import { sql } from 'drizzle-orm'
import { boolean, check, index, integer, pgSchema, primaryKey, text, unique, uuid } from 'drizzle-orm/pg-core'
import { columns, idempotencyTable } from '#platform/columns.ts'

export const schema = pgSchema('support')

export const ticketNumbers = schema.sequence('ticket_numbers', { startWith: 2041 })

export const tickets = schema.table(
  'tickets',
  {
    ...columns.entity(),
    number: text().notNull().unique(),
    subject: text().notNull(),
    status: text({ enum: ['OPEN', 'PENDING', 'RESOLVED', 'CLOSED'] }).notNull(),
    priority: text({ enum: ['LOW', 'MEDIUM', 'HIGH', 'URGENT'] }).notNull(),
    requesterId: uuid().notNull(),
    assigneeId: uuid(),
    orderId: uuid(),
    productId: uuid(),
    labels: text().array().notNull().default([]),
    /** Sequence of the newest event; the next one is taken by the UPDATE that adds it. */
    lastSequence: integer().notNull().default(0),
    firstReplyAt: columns.at(),
    waitingSince: columns.at(),
    /** Since when somebody waits, or the end of time: what staff's queue is ordered by. */
    queuePlace: columns.at().generatedAlwaysAs(sql`coalesce(waiting_since, '9999-01-01T00:00:00Z'::timestamptz)`),
    ratingScore: integer(),
    ratingComment: text(),
  },
  (table) => [
    index().on(table.requesterId, table.updatedAt, table.id),
    index().on(table.queuePlace, table.id),
    index()
      .on(table.orderId)
      .where(sql`order_id is not null`),
    check('tickets_rating', sql`${table.ratingScore} between 1 and 5`),
  ],
)

export const messages = schema.table(
  'messages',
  {
    id: columns.id(),
    ticketId: uuid()
      .notNull()
      .references(() => tickets.id),
    sequence: integer().notNull(),
    clientMessageId: text(),
    kind: text({ enum: ['CUSTOMER', 'AGENT', 'INTERNAL_NOTE', 'ACTIVITY'] }).notNull(),
    authorId: uuid(),
    body: text().notNull(),
    createdAt: columns.at().notNull(),
    editedAt: columns.at(),
  },
  (table) => [
    unique().on(table.ticketId, table.sequence),
    // What makes a retried message one message.
    unique('messages_once').on(table.ticketId, table.authorId, table.clientMessageId),
  ],
)

/** What is replayed to whoever follows a ticket. Payloads are read when they are told: they tell how things are now. */
export const ticketEvents = schema.table(
  'ticket_events',
  {
    ticketId: uuid()
      .notNull()
      .references(() => tickets.id),
    sequence: integer().notNull(),
    kind: text({ enum: ['MESSAGE_ADDED', 'MESSAGE_UPDATED', 'TICKET_CHANGED'] }).notNull(),
    messageId: uuid().references(() => messages.id),
    /** For staff only. */
    isInternal: boolean().notNull().default(false),
  },
  (table) => [primaryKey({ columns: [table.ticketId, table.sequence] })],
)

export const participants = schema.table(
  'participants',
  {
    ticketId: uuid()
      .notNull()
      .references(() => tickets.id),
    userId: uuid().notNull(),
    lastReadSequence: integer().notNull().default(0),
  },
  (table) => [primaryKey({ columns: [table.ticketId, table.userId] })],
)

export const idempotencyKeys = idempotencyTable(schema)

export type TicketRow = typeof tickets.$inferSelect
export type MessageRow = typeof messages.$inferSelect
export type TicketEventRow = typeof ticketEvents.$inferSelect
export type ParticipantRow = typeof participants.$inferSelect
