import { sql } from 'drizzle-orm'
import {
  boolean,
  check,
  index,
  integer,
  jsonb,
  pgSchema,
  primaryKey,
  text,
  unique,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core'
import type { Address } from '#platform/address.ts'
import { columns, idempotencyTable, inboxTable } from '#platform/columns.ts'
import type { Money } from '#platform/money.ts'
import type { Owner } from '#platform/viewer.ts'
import type { FrozenCart } from './calls/cart.ts'
import type { Failure, StepName } from './checkout.ts'

export const schema = pgSchema('orders')

export const orderNumbers = schema.sequence('order_numbers', { startWith: 10_001 })

/** A checkout that is none of these is live: its cart can have no other. */
const OVER = sql.raw(`('COMPLETED', 'FAILED', 'EXPIRED', 'CANCELLED')`)

export const checkouts = schema.table(
  'checkouts',
  {
    ...columns.entity(),
    ...columns.owner(),
    cartId: uuid().notNull(),
    status: text({
      enum: [
        'OPEN',
        'PROCESSING',
        'AWAITING_PAYMENT_ACTION',
        'COMPENSATING',
        'COMPLETED',
        'FAILED',
        'EXPIRED',
        'CANCELLED',
        'NEEDS_ATTENTION',
      ],
    }).notNull(),
    totalMinor: columns.minor().notNull(),
    currency: columns.currency().notNull(),
    expiresAt: columns.at().notNull(),
    /** Grows with every try to complete it; what participants hold for it is held per attempt. */
    attempt: integer().notNull().default(0),
    /** Who began that attempt; the owner may be another by now, when a guest signed in. */
    buyer: jsonb().$type<Owner>(),
    /** Scope and key of that attempt, under which its failure is noted for whoever sends the key again. */
    attemptScope: text(),
    attemptKey: text(),
    /** The order this attempt will have: one per attempt, so that money of an attempt undone is never taken for it. */
    orderId: uuid(),
    /** When the order was created: from then on it only goes forward. */
    placedAt: columns.at(),
    expectedTotalMinor: columns.minor(),
    paymentMethodId: uuid(),
    /** Sealed, and gone once the checkout rests. */
    paymentToken: text(),
    cart: jsonb().$type<FrozenCart>(),
    failure: jsonb().$type<Failure>(),
    cancelRequested: boolean().notNull().default(false),
    /** Until when the buyer may confirm the payment with the bank. */
    actionUntil: columns.at(),
    /** Whether there was news of the payment since it was last asked for: then the checkout does not wait for it. */
    isPaymentResolved: boolean().notNull().default(false),
    /** Who carries it on: whoever took the lease last. A write with an older token changes nothing. */
    leaseToken: integer().notNull().default(0),
    /** When another may take it over; null while it rests. */
    leaseUntil: columns.at(),
    /** Tries in a row that came to nothing while going forward from the pivot or undoing. */
    setbacks: integer().notNull().default(0),
  },
  (table) => [
    uniqueIndex('checkouts_one_live_per_cart')
      .on(table.cartId)
      .where(sql`status not in ${OVER}`),
    index().on(table.cartId, table.createdAt),
    index().on(table.ownerKind, table.ownerId),
    index('checkouts_due')
      .on(table.leaseUntil)
      .where(sql`status in ('PROCESSING', 'COMPENSATING')`),
    index('checkouts_expiring')
      .on(table.expiresAt)
      .where(sql`status = 'OPEN'`),
    index('checkouts_awaiting')
      .on(table.actionUntil)
      .where(sql`status = 'AWAITING_PAYMENT_ACTION'`),
    index('checkouts_attention')
      .on(table.createdAt, table.id)
      .where(sql`status = 'NEEDS_ATTENTION'`),
    check(
      'checkouts_awaiting',
      sql`${table.status} <> 'AWAITING_PAYMENT_ACTION' or (${table.actionUntil} is not null and ${table.leaseUntil} is null)`,
    ),
    check('checkouts_total', sql`${table.totalMinor} >= 0`),
    check(
      'checkouts_placed',
      sql`${table.placedAt} is null or ${table.status} in ('PROCESSING', 'COMPLETED', 'NEEDS_ATTENTION')`,
    ),
    check('checkouts_completed', sql`${table.status} <> 'COMPLETED' or ${table.placedAt} is not null`),
  ],
)

export const checkoutSteps = schema.table(
  'checkout_steps',
  {
    checkoutId: uuid()
      .notNull()
      .references(() => checkouts.id),
    attempt: integer().notNull(),
    name: text().$type<StepName>().notNull(),
    status: text({ enum: ['RUNNING', 'DONE', 'FAILED', 'UNDONE'] }).notNull(),
    tries: integer().notNull(),
    startedAt: columns.at().notNull(),
    finishedAt: columns.at(),
    error: text(),
    /** What a later step needs of this one's answer. */
    result: jsonb(),
  },
  (table) => [primaryKey({ columns: [table.checkoutId, table.attempt, table.name] })],
)

/** A tax as the buyer was shown it. */
export interface OrderTax {
  title: string
  /** Fraction as a decimal string. */
  rate: string
  amount: Money
  isIncludedInPrice: boolean
}

/** Something taken off an order. */
export interface OrderDiscount {
  name: string
  /** Null when it applied by itself. */
  code: string | null
  amount: Money
}

export const orders = schema.table(
  'orders',
  {
    ...columns.entity(),
    ...columns.owner(),
    number: text().notNull().unique(),
    /** Null for what was sold outside a checkout. */
    checkoutId: uuid()
      .unique()
      .references(() => checkouts.id),
    status: text({
      enum: [
        'CONFIRMED',
        'ON_HOLD',
        'PARTIALLY_SHIPPED',
        'SHIPPED',
        'DELIVERED',
        'COMPLETED',
        'CANCELLED',
        'PARTIALLY_RETURNED',
        'RETURNED',
      ],
    }).notNull(),
    email: text(),
    currency: columns.currency().notNull(),
    subtotalMinor: columns.minor().notNull(),
    discountMinor: columns.minor().notNull(),
    shippingMinor: columns.minor().notNull(),
    taxMinor: columns.minor().notNull(),
    totalMinor: columns.minor().notNull(),
    taxLines: jsonb().$type<OrderTax[]>().notNull(),
    shippingAddress: jsonb().$type<Address>(),
    billingAddress: jsonb().$type<Address>(),
    deliveryName: text(),
    promisedFrom: columns.at(),
    promisedBy: columns.at(),
    note: text(),
    placedAt: columns.at().notNull(),
    /** When its money was taken, all of it; null before, and for good when it is refused for good. */
    paidAt: columns.at(),
    /** When its goods were let go: once, as soon as it is paid and nobody holds it. */
    readyAt: columns.at(),
    cancelledAt: columns.at(),
    cancelReason: text({ enum: ['CUSTOMER', 'FRAUD', 'INVENTORY', 'PAYMENT', 'STAFF', 'OTHER'] }),
    /** When the last of it arrived so far: the time for returns runs from then. */
    deliveredAt: columns.at(),
    /** What was taken off, and why; as the buyer was shown it. */
    discounts: jsonb().$type<OrderDiscount[]>().notNull().default([]),
    /** What payments told that was given back. */
    refundedMinor: columns.minor().notNull().default(0),
  },
  (table) => [
    index().on(table.ownerKind, table.ownerId, table.placedAt, table.id),
    index().on(table.placedAt, table.id),
    index('orders_closing')
      .on(table.deliveredAt)
      .where(sql`status in ('DELIVERED', 'PARTIALLY_RETURNED')`),
    check(
      'orders_amounts',
      sql`least(${table.subtotalMinor}, ${table.discountMinor}, ${table.shippingMinor}, ${table.taxMinor}, ${table.totalMinor}) >= 0`,
    ),
    check('orders_ready', sql`${table.readyAt} is null or ${table.paidAt} is not null`),
    check(
      'orders_cancelled',
      sql`(${table.status} = 'CANCELLED') = (${table.cancelledAt} is not null) and (${table.cancelledAt} is null) = (${table.cancelReason} is null)`,
    ),
  ],
)

export const orderLines = schema.table(
  'order_lines',
  {
    id: columns.id(),
    orderId: uuid()
      .notNull()
      .references(() => orders.id),
    position: integer().notNull(),
    variantId: uuid().notNull(),
    productId: uuid().notNull(),
    title: text().notNull(),
    sku: text().notNull(),
    quantity: integer().notNull(),
    shippedQuantity: integer().notNull().default(0),
    deliveredQuantity: integer().notNull().default(0),
    returnedQuantity: integer().notNull().default(0),
    cancelledQuantity: integer().notNull().default(0),
    currency: columns.currency().notNull(),
    unitPriceMinor: columns.minor().notNull(),
    discountMinor: columns.minor().notNull(),
    taxMinor: columns.minor().notNull(),
    totalMinor: columns.minor().notNull(),
  },
  (table) => [
    unique().on(table.orderId, table.position),
    check('order_lines_bought', sql`${table.quantity} > 0`),
    check(
      'order_lines_moved',
      sql`least(${table.shippedQuantity}, ${table.deliveredQuantity}, ${table.returnedQuantity}, ${table.cancelledQuantity}) >= 0
        and greatest(${table.shippedQuantity}, ${table.deliveredQuantity}, ${table.returnedQuantity}, ${table.cancelledQuantity}) <= ${table.quantity}`,
    ),
  ],
)

/** The timeline. */
export const orderEvents = schema.table(
  'order_events',
  {
    id: columns.id(),
    orderId: uuid()
      .notNull()
      .references(() => orders.id),
    kind: text().notNull(),
    at: columns.at().notNull(),
    actorId: uuid(),
    message: text(),
  },
  (table) => [index().on(table.orderId, table.at, table.id)],
)

export const inbox = inboxTable(schema)
export const idempotencyKeys = idempotencyTable(schema)

export type CheckoutRow = typeof checkouts.$inferSelect
export type OrderRow = typeof orders.$inferSelect
export type OrderLineRow = typeof orderLines.$inferSelect
export type OrderEventRow = typeof orderEvents.$inferSelect
