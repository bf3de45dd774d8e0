import { sql } from 'drizzle-orm'
import {
  check,
  index,
  integer,
  jsonb,
  pgSchema,
  text,
  unique,
  uniqueIndex,
  uuid,
  type AnyPgColumn,
} from 'drizzle-orm/pg-core'
import type { JWK } from 'jose'
import type { Address } from '#platform/address.ts'
import { columns, inboxTable } from '#platform/columns.ts'
import type { Role } from './role.ts'

export const schema = pgSchema('users')

export const users = schema.table(
  'users',
  {
    ...columns.entity(),
    displayName: text().notNull(),
    /** Trimmed and in lower case. */
    email: text().notNull().unique(),
    emailVerifiedAt: columns.at(),
    firstName: text(),
    lastName: text(),
    phone: text(),
    locale: text(),
    status: text({ enum: ['PENDING_VERIFICATION', 'ACTIVE', 'SUSPENDED', 'DELETED'] }).notNull(),
    roles: text().array().$type<Role[]>().notNull(),
    defaultShippingAddressId: uuid().references((): AnyPgColumn => addresses.id, { onDelete: 'set null' }),
    defaultBillingAddressId: uuid().references((): AnyPgColumn => addresses.id, { onDelete: 'set null' }),
  },
  (table) => [
    check('users_email_normal', sql`${table.email} = lower(trim(${table.email}))`),
    check('users_pending', sql`${table.status} <> 'PENDING_VERIFICATION' or ${table.emailVerifiedAt} is null`),
  ],
)

/** Ways to sign in. The subject of a password is the e-mail address. */
export const identities = schema.table(
  'identities',
  {
    id: columns.id(),
    userId: uuid()
      .notNull()
      .references(() => users.id),
    provider: text({ enum: ['PASSWORD', 'FIREBASE'] }).notNull(),
    subject: text().notNull(),
    linkedAt: columns.at().notNull(),
    /** Argon2id in PHC form. */
    passwordHash: text(),
  },
  (table) => [
    unique().on(table.provider, table.subject),
    index().on(table.userId),
    check('identities_password', sql`(${table.provider} = 'PASSWORD') = (${table.passwordHash} is not null)`),
  ],
)

export const addresses = schema.table(
  'addresses',
  {
    ...columns.entity(),
    userId: uuid()
      .notNull()
      .references((): AnyPgColumn => users.id),
    label: text(),
    address: jsonb().$type<Address>().notNull(),
  },
  (table) => [index().on(table.userId, table.createdAt, table.id)],
)

/** Visitors who hold tokens without an account. */
export const guests = schema.table('guests', {
  id: columns.id(),
  createdAt: columns.at().notNull(),
  /** The account that what was the guest's belongs to now. */
  claimedBy: uuid().references(() => users.id),
})

/** Links, mailed with a guest's orders, that open the guest's session again until they end. */
export const guestLinks = schema.table('guest_links', {
  /** SHA-256 of the token, base64url. */
  hash: text().primaryKey(),
  guestId: uuid()
    .notNull()
    .references(() => guests.id),
  expiresAt: columns.at().notNull(),
})

export const sessions = schema.table(
  'sessions',
  {
    id: columns.id(),
    ...columns.owner(),
    userAgent: text(),
    ip: text(),
    createdAt: columns.at().notNull(),
    lastUsedAt: columns.at().notNull(),
    expiresAt: columns.at().notNull(),
    revokedAt: columns.at(),
    revokedFor: text({ enum: ['SIGN_OUT', 'TOKEN_REUSE', 'CLAIM'] }),
  },
  (table) => [
    index()
      .on(table.ownerKind, table.ownerId)
      .where(sql`revoked_at is null`),
    index()
      .on(table.revokedAt)
      .where(sql`revoked_at is not null`),
    check('sessions_revoked', sql`(${table.revokedAt} is null) = (${table.revokedFor} is null)`),
  ],
)

/** Each works once; `usedAt` says when it was exchanged for its successor. */
export const refreshTokens = schema.table(
  'refresh_tokens',
  {
    /** SHA-256 of the token, base64url. */
    hash: text().primaryKey(),
    sessionId: uuid()
      .notNull()
      .references(() => sessions.id, { onDelete: 'cascade' }),
    expiresAt: columns.at().notNull(),
    usedAt: columns.at(),
  },
  (table) => [index().on(table.sessionId)],
)

/** Proof, sent by mail, that somebody reads the mail of an account. */
export const verifications = schema.table(
  'verifications',
  {
    /** SHA-256 of the token, base64url. */
    hash: text().primaryKey(),
    userId: uuid()
      .notNull()
      .references(() => users.id),
    expiresAt: columns.at().notNull(),
    usedAt: columns.at(),
  },
  (table) => [index().on(table.userId)],
)

export const signingKeys = schema.table(
  'signing_keys',
  {
    kid: text().primaryKey(),
    publicJwk: jsonb().$type<JWK>().notNull(),
    /** The private JWK, sealed with ENCRYPTION_SECRET. */
    sealed: text().notNull(),
    createdAt: columns.at().notNull(),
    /** Signs no more from then on, and is still published until its last token has ended. */
    retiredAt: columns.at(),
  },
  // One key signs at a time, whichever process makes it first.
  (table) => [
    uniqueIndex('signing_keys_current')
      .on(sql`((retired_at is null))`)
      .where(sql`${table.retiredAt} is null`),
  ],
)

/** Letters wait here, so that one is sent exactly if its transaction commits. */
export const mails = schema.table(
  'mails',
  {
    id: columns.id(),
    recipient: text().notNull(),
    subject: text().notNull(),
    text: text().notNull(),
    html: text().notNull(),
    status: text({ enum: ['PENDING', 'SENT', 'DEAD'] })
      .notNull()
      .default('PENDING'),
    attempts: integer().notNull().default(0),
    nextAttemptAt: columns.at().notNull(),
    createdAt: columns.at().notNull(),
  },
  (table) => [
    index()
      .on(table.nextAttemptAt)
      .where(sql`status = 'PENDING'`),
  ],
)

export const inbox = inboxTable(schema)

export type UserRow = typeof users.$inferSelect
export type IdentityRow = typeof identities.$inferSelect
export type AddressRow = typeof addresses.$inferSelect
export type SessionRow = typeof sessions.$inferSelect
export type RefreshTokenRow = typeof refreshTokens.$inferSelect
export type MailRow = typeof mails.$inferSelect
