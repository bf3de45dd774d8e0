import { bigint, char, integer, jsonb, primaryKey, text, timestamp, uuid, type PgSchema } from 'drizzle-orm/pg-core'
import { uuidv7 } from './ids.ts'

// Milliseconds, as JavaScript has them: a finer time would not survive the way into a cursor and back.
const at = () => timestamp({ withTimezone: true, precision: 3, mode: 'date' })

/** The columns that tables have in common. All times are `timestamptz(3)`, all amounts integer minor units. */
export const columns = {
  id: () => uuid().primaryKey().$defaultFn(uuidv7),
  /** A point in time. */
  at,
  /** An amount in minor units; its currency stands beside it or is the shop's. */
  minor: () => bigint({ mode: 'number' }),
  currency: () => char({ length: 3 }),
  /** Id, times and version of a thing that changes. Every UPDATE sets `version = version + 1` and `updatedAt`. */
  entity: () => ({
    id: uuid().primaryKey().$defaultFn(uuidv7),
    createdAt: at().notNull(),
    updatedAt: at().notNull(),
    version: integer().notNull().default(1),
  }),
  /** Whose it is: a guest's or an account's. */
  owner: () => ({
    ownerKind: text({ enum: ['guest', 'user'] }).notNull(),
    ownerId: uuid().notNull(),
  }),
}

/** Events that a subgraph has handled; see `once` in reactions.ts. */
export const inboxTable = (schema: PgSchema) =>
  schema.table(
    'inbox',
    { reaction: text().notNull(), eventId: uuid().notNull(), handledAt: at().notNull() },
    (table) => [primaryKey({ columns: [table.reaction, table.eventId] })],
  )

/** Keys that commands were carried out under, with their replies; see idempotency.ts. */
export const idempotencyTable = (schema: PgSchema) =>
  schema.table(
    'idempotency_keys',
    {
      scope: text().notNull(),
      key: text().notNull(),
      requestHash: text().notNull(),
      reply: jsonb().notNull(),
      createdAt: at().notNull(),
    },
    (table) => [primaryKey({ columns: [table.scope, table.key] })],
  )

export type InboxTable = ReturnType<typeof inboxTable>
export type IdempotencyTable = ReturnType<typeof idempotencyTable>
