import { sql } from 'drizzle-orm'
import { boolean, check, index, integer, pgSchema, primaryKey, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core'
import { columns } from '#platform/columns.ts'

export const schema = pgSchema('payments')

const amount = () => columns.minor().notNull().default(0)

/** Saved cards. A deleted one keeps what its payments show, without the provider's token. */
export const paymentMethods = schema.table(
  'payment_methods',
  {
    ...columns.entity(),
    userId: uuid().notNull(),
    /** Who keeps the card, and charges it. */
    provider: text().notNull().default('sandbox'),
    /** Sealed; null once the card is deleted. */
    encryptedToken: text(),
    /** SHA-256 of the token it was added with: a token adds one card. */
    sourceHash: text().notNull(),
    brand: text(),
    last4: text().notNull(),
    expiryMonth: integer().notNull(),
    expiryYear: integer().notNull(),
    holderName: text(),
    /** The provider's keyed digest of the number: equal for equal numbers, useless without its key. */
    fingerprint: text().notNull(),
    isDefault: boolean().notNull(),
    deletedAt: columns.at(),
  },
  (table) => [
    index().on(table.userId),
    uniqueIndex().on(table.sourceHash),
    uniqueIndex('payment_methods_one_default')
      .on(table.userId)
      .where(sql`is_default`),
    check('payment_methods_deleted', sql`deleted_at is null or (encrypted_token is null and not is_default)`),
    check('payment_methods_last4', sql`last4 ~ '^[0-9]{4}$'`),
  ],
)

/** One row per attempt of a checkout; its lock decides between an authorisation and its undoing. */
export const attempts = schema.table(
  'attempts',
  {
    checkoutId: uuid().notNull(),
    attempt: integer().notNull(),
    /** Set by the undoing, before or after there is a payment: from then on nothing is reserved for the attempt. */
    undoneAt: columns.at(),
    undoKey: text(),
    undoReason: text(),
  },
  (table) => [primaryKey({ columns: [table.checkoutId, table.attempt] }), index().on(table.undoKey)],
)

/**
 * Money for an order. Each kind of movement has two sums: what the provider has done, and what it was asked for and may
 * yet do. Both count against what is left, so that two movements in flight can never take more than there is.
 */
export const payments = schema.table(
  'payments',
  {
    ...columns.entity(),
    ...columns.owner(),
    checkoutId: uuid(),
    attempt: integer(),
    /** Minted by the checkout; there may be no such order yet, see `isOrdered`. */
    orderId: uuid(),
    isOrdered: boolean().notNull().default(false),
    methodId: uuid().references(() => paymentMethods.id),
    provider: text().notNull(),
    providerReference: text(),
    /** What came of the authorisation. */
    authorization: text({
      enum: ['PENDING', 'REQUIRES_ACTION', 'SUCCEEDED', 'DECLINED', 'FAILED', 'UNKNOWN'],
    }).notNull(),
    /** What the buyer must do while the authorisation REQUIRES_ACTION, sealed: it lets whoever has it do that. */
    sealedAction: text(),
    /** Where it stands, from what came of its authorisation and the sums of its ledger. */
    status: text({
      enum: [
        'PENDING',
        'REQUIRES_ACTION',
        'AUTHORIZED',
        'PARTIALLY_CAPTURED',
        'CAPTURED',
        'VOIDED',
        'DECLINED',
        'FAILED',
        'UNKNOWN',
        'PARTIALLY_REFUNDED',
        'REFUNDED',
      ],
    }).notNull().generatedAlwaysAs(sql`case
        when "authorization" <> 'SUCCEEDED' then "authorization"
        when captured_minor = 0 then case when released_minor > 0 then 'VOIDED' else 'AUTHORIZED' end
        when refunded_minor >= captured_minor then 'REFUNDED'
        when refunded_minor > 0 then 'PARTIALLY_REFUNDED'
        when captured_minor < authorized_minor then 'PARTIALLY_CAPTURED'
        else 'CAPTURED' end`),
    currency: columns.currency().notNull(),
    amountMinor: columns.minor().notNull(),
    authorizingMinor: amount(),
    authorizedMinor: amount(),
    capturingMinor: amount(),
    capturedMinor: amount(),
    releasingMinor: amount(),
    releasedMinor: amount(),
    refundingMinor: amount(),
    refundedMinor: amount(),
    /** When it was last told that nobody has claimed what is reserved. */
    unclaimedAt: columns.at(),
  },
  (table) => [
    uniqueIndex().on(table.checkoutId, table.attempt),
    index().on(table.orderId),
    index().on(table.ownerId),
    index().on(table.createdAt, table.id),
    index().on(table.status, table.createdAt, table.id),
    check('payments_owner', sql`owner_kind in ('guest', 'user')`),
    check('payments_amount', sql`amount_minor > 0`),
    check(
      'payments_none_negative',
      sql`least(authorizing_minor, authorized_minor, capturing_minor, captured_minor,
      releasing_minor, released_minor, refunding_minor, refunded_minor) >= 0`,
    ),
    check('payments_authorized', sql`authorized_minor + authorizing_minor <= amount_minor`),
    check(
      'payments_captured',
      sql`captured_minor + capturing_minor + released_minor + releasing_minor <= authorized_minor`,
    ),
    check('payments_refunded', sql`refunded_minor + refunding_minor <= captured_minor`),
  ],
)

/**
 * The ledger: one row per movement asked for, never deleted; only its outcome is filled in. Its id is the key that the
 * provider is asked with.
 */
export const paymentTransactions = schema.table(
  'payment_transactions',
  {
    id: columns.id(),
    paymentId: uuid()
      .notNull()
      .references(() => payments.id),
    kind: text({ enum: ['AUTHORIZE', 'CAPTURE', 'VOID', 'REFUND'] }).notNull(),
    status: text({ enum: ['PENDING', 'SUCCEEDED', 'DECLINED', 'FAILED', 'UNKNOWN'] }).notNull(),
    currency: columns.currency().notNull(),
    amountMinor: columns.minor().notNull(),
    /** Part or person whose key it is: keys of different callers never meet. */
    askedBy: text().notNull(),
    idempotencyKey: text().notNull(),
    /** SHA-256 of what was asked: the same key with another request is refused. */
    requestHash: text().notNull(),
    providerReference: text(),
    errorCode: text(),
    reason: text(),
    at: columns.at().notNull(),
    /** When it was last asked after by itself; null until then. */
    lookedAt: columns.at(),
  },
  (table) => [
    uniqueIndex().on(table.askedBy, table.idempotencyKey),
    index().on(table.paymentId, table.at),
    index().on(table.at),
    index('payment_transactions_unsettled')
      .on(table.at)
      .where(sql`status in ('PENDING', 'UNKNOWN') or error_code = 'not_received'`),
    index('payment_transactions_refused')
      .on(table.paymentId)
      .where(sql`asked_by = 'payments' and status in ('DECLINED', 'FAILED')`),
    check('payment_transactions_amount', sql`amount_minor > 0`),
  ],
)

/**
 * Double entry: what each movement that was carried out did to where the money is, one row an account. Written once, never
 * changed; the database refuses, at commit, a movement whose rows do not add up to nothing.
 */
export const postings = schema.table(
  'postings',
  {
    transactionId: uuid()
      .notNull()
      .references(() => paymentTransactions.id),
    /** `buyer`: on the card, which gives. `held`: reserved at the provider. `taken`: the shop's. */
    account: text({ enum: ['buyer', 'held', 'taken'] }).notNull(),
    paymentId: uuid().notNull(),
    currency: columns.currency().notNull(),
    amountMinor: columns.minor().notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.transactionId, table.account] }),
    index().on(table.paymentId),
    check('postings_account', sql`account in ('buyer', 'held', 'taken')`),
    check('postings_amount', sql`amount_minor <> 0`),
  ],
)

/**
 * Guests who pay, with the account that each became by signing in; null until then. The row is the lock between a payment
 * being made and a sign-in: one of them sees what the other did.
 */
export const claims = schema.table('claims', { guestId: uuid().primaryKey(), userId: uuid() })

export type PaymentRow = typeof payments.$inferSelect
export type PaymentMethodRow = typeof paymentMethods.$inferSelect
export type PaymentTransactionRow = typeof paymentTransactions.$inferSelect

// The sandbox processor's own books, as a provider would keep them: sandbox.ts alone reads and writes them.

/** What stands for a card. The number itself is not kept, only how its test card behaves. */
export const sandboxTokens = schema.table('sandbox_tokens', {
  /** SHA-256 of the token. */
  hash: text().primaryKey(),
  behaviour: text().notNull(),
  brand: text(),
  last4: text().notNull(),
  expiryMonth: integer().notNull(),
  expiryYear: integer().notNull(),
  holderName: text(),
  fingerprint: text().notNull(),
  /** Null for a saved card, which may be used again and again. */
  expiresAt: columns.at(),
  /** Key of the request that used it up. */
  usedBy: text(),
})

export const sandboxAuthorizations = schema.table(
  'sandbox_authorizations',
  {
    reference: text().primaryKey(),
    behaviour: text().notNull(),
    currency: columns.currency().notNull(),
    amountMinor: columns.minor().notNull(),
    capturedMinor: amount(),
    releasedMinor: amount(),
    refundedMinor: amount(),
  },
  () => [
    check('sandbox_authorizations_captured', sql`captured_minor + released_minor <= amount_minor`),
    check('sandbox_authorizations_refunded', sql`refunded_minor <= captured_minor`),
  ],
)

/** Every request with its answer: the same key gets the same answer. */
export const sandboxOperations = schema.table(
  'sandbox_operations',
  {
    key: text().primaryKey(),
    operation: text().notNull(),
    status: text({ enum: ['SUCCEEDED', 'REQUIRES_ACTION', 'DECLINED', 'FAILED'] }).notNull(),
    reference: text(),
    code: text(),
    /** Last part of the address of the 3-D Secure page; kept when the buyer has decided there. */
    challenge: text().unique(),
    currency: columns.currency(),
    amountMinor: columns.minor(),
    at: columns.at().notNull(),
  },
  (table) => [index().on(table.reference), index().on(table.at)],
)

/** Mishaps that tests have planned for the next requests. */
export const sandboxFaults = schema.table('sandbox_faults', {
  id: columns.id(),
  operation: text().notNull(),
  /** `lost-request`: it does not arrive. `lost-answer`: it is carried out, the answer does not arrive. */
  fault: text({ enum: ['lost-request', 'lost-answer', 'duplicate'] }).notNull(),
})
