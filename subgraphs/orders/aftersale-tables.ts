import { sql } from 'drizzle-orm'
import { check, index, integer, jsonb, primaryKey, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core'
import { columns } from '#platform/columns.ts'
import type { UserError } from '#platform/user-errors.ts'
import { orderLines, orders, schema } from './tables.ts'

/** Goods that a buyer sends back. */
export const returns = schema.table(
  'returns',
  {
    ...columns.entity(),
    orderId: uuid()
      .notNull()
      .references(() => orders.id),
    status: text({ enum: ['REQUESTED', 'APPROVED', 'DECLINED', 'RECEIVED', 'REFUNDED', 'CANCELLED'] }).notNull(),
    reason: text({ enum: ['DAMAGED', 'WRONG_ITEM', 'NOT_AS_DESCRIBED', 'CHANGED_MIND', 'OTHER'] }).notNull(),
    note: text(),
    /** Why staff turned it down. */
    declineReason: text(),
    currency: columns.currency().notNull(),
    /** What is paid back for it; null until that is decided. */
    refundMinor: columns.minor(),
  },
  (table) => [
    index().on(table.orderId),
    index().on(table.createdAt, table.id),
    check('returns_refund', sql`${table.refundMinor} is null or ${table.status} in ('RECEIVED', 'REFUNDED')`),
    check('returns_declined', sql`(${table.status} = 'DECLINED') = (${table.declineReason} is not null)`),
  ],
)

export const returnLines = schema.table(
  'return_lines',
  {
    returnId: uuid()
      .notNull()
      .references(() => returns.id),
    orderLineId: uuid()
      .notNull()
      .references(() => orderLines.id),
    quantity: integer().notNull(),
    receivedQuantity: integer().notNull().default(0),
    /** Units that money was given back for, or is being given back for. */
    refundedQuantity: integer().notNull().default(0),
  },
  (table) => [
    primaryKey({ columns: [table.returnId, table.orderLineId] }),
    index().on(table.orderLineId),
    check(
      'return_lines_counted',
      sql`0 < ${table.quantity} and ${table.receivedQuantity} <= ${table.quantity}
        and 0 <= ${table.refundedQuantity} and ${table.refundedQuantity} <= ${table.receivedQuantity}`,
    ),
  ],
)

/** What is done at other parts for an order, step by step, and carried on by whoever is there; see errands.ts. */
export const errands = schema.table(
  'errands',
  {
    ...columns.entity(),
    orderId: uuid()
      .notNull()
      .references(() => orders.id),
    kind: text({ enum: ['CANCEL', 'RECEIVE', 'COLLECT'] }).notNull(),
    /** The return that is received; null for other kinds. */
    returnId: uuid().references(() => returns.id),
    status: text({ enum: ['RUNNING', 'DONE', 'REFUSED', 'NEEDS_ATTENTION'] }).notNull(),
    /** Who asked for it; null when nobody in person. */
    actorId: uuid(),
    /** What it needs to know, and what its steps have learned; its kind says what that is. */
    data: jsonb().notNull(),
    /** Steps that are done. */
    step: integer().notNull().default(0),
    /** Why it was refused, as whoever asked is told. */
    refusal: jsonb().$type<readonly UserError[]>(),
    /** Why the last try came to nothing. */
    error: text(),
    leaseToken: integer().notNull().default(1),
    /** When another may take it over; null while it rests. */
    leaseUntil: columns.at(),
    /** Tries in a row that came to nothing. */
    setbacks: integer().notNull().default(0),
  },
  (table) => [
    uniqueIndex('errands_one_cancel')
      .on(table.orderId)
      .where(sql`kind = 'CANCEL' and status <> 'REFUSED'`),
    uniqueIndex('errands_one_receipt')
      .on(table.returnId)
      .where(sql`kind = 'RECEIVE' and status in ('RUNNING', 'NEEDS_ATTENTION')`),
    uniqueIndex('errands_one_collection')
      .on(table.orderId)
      .where(sql`kind = 'COLLECT' and status in ('RUNNING', 'NEEDS_ATTENTION')`),
    index('errands_due')
      .on(table.leaseUntil)
      .where(sql`status = 'RUNNING'`),
    index('errands_attention')
      .on(table.createdAt)
      .where(sql`status = 'NEEDS_ATTENTION'`),
    index().on(table.orderId),
    check('errands_return', sql`(${table.kind} = 'RECEIVE') = (${table.returnId} is not null)`),
    check('errands_lease', sql`(${table.status} = 'RUNNING') = (${table.leaseUntil} is not null)`),
  ],
)

export type ReturnRow = typeof returns.$inferSelect
export type ReturnLineRow = typeof returnLines.$inferSelect
export type ErrandRow = typeof errands.$inferSelect
