import { sql } from 'drizzle-orm'
import {
  boolean,
  check,
  index,
  integer,
  jsonb,
  numeric,
  pgSchema,
  primaryKey,
  text,
  unique,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core'
import type { Address } from '#platform/address.ts'
import { columns, idempotencyTable, inboxTable } from '#platform/columns.ts'
import type { DeliveryChoice, Pricing } from './cart.ts'

export const schema = pgSchema('cart')

export const carts = schema.table(
  'carts',
  {
    ...columns.entity(),
    ...columns.owner(),
    status: text({ enum: ['ACTIVE', 'FROZEN', 'CONVERTED', 'MERGED', 'ABANDONED'] })
      .notNull()
      .default('ACTIVE'),
    currency: columns.currency().notNull(),
    buyerEmail: text(),
    note: text(),
    shippingAddress: jsonb().$type<Address>(),
    billingAddress: jsonb().$type<Address>(),
    /** As it was when chosen; shown when delivery cannot be asked. */
    deliveryOption: jsonb().$type<DeliveryChoice>(),
    expiresAt: columns.at().notNull(),
    /** The checkout, and its attempt, that the cart is held still for or was bought with. */
    checkoutId: uuid(),
    attempt: integer(),
    /** What that checkout was promised: the cart shows these prices from then on. */
    frozen: jsonb().$type<Pricing>(),
    orderId: uuid(),
  },
  (table) => [
    // The current cart. A frozen one still is, so that no second one opens beside a running checkout.
    uniqueIndex('carts_current')
      .on(table.ownerKind, table.ownerId)
      .where(sql`status in ('ACTIVE', 'FROZEN')`),
    index('carts_owner').on(table.ownerKind, table.ownerId),
    index()
      .on(table.expiresAt)
      .where(sql`status = 'ACTIVE'`),
    check('carts_status', sql`status in ('ACTIVE', 'FROZEN', 'CONVERTED', 'MERGED', 'ABANDONED')`),
    check(
      'carts_frozen',
      sql`(status in ('FROZEN', 'CONVERTED')) = (checkout_id is not null and attempt is not null and frozen is not null)`,
    ),
    check('carts_converted', sql`(status = 'CONVERTED') = (order_id is not null)`),
  ],
)

/** One variant in a cart, with its details as they were when it was last put in or changed. */
export const cartLines = schema.table(
  'cart_lines',
  {
    id: columns.id(),
    cartId: uuid()
      .notNull()
      .references(() => carts.id, { onDelete: 'cascade' }),
    variantId: uuid().notNull(),
    /** Units asked for; a cart shows fewer while there are fewer. */
    quantity: integer().notNull(),
    productId: uuid().notNull(),
    sku: text().notNull(),
    title: text().notNull(),
    unitPriceMinor: columns.minor().notNull(),
    weightGrams: integer().notNull(),
    taxCategory: text().notNull(),
    maxOrderQuantity: integer().notNull(),
  },
  (table) => [
    unique().on(table.cartId, table.variantId),
    check('cart_lines_quantity', sql`quantity > 0`),
    check('cart_lines_price', sql`unit_price_minor >= 0`),
  ],
)

/**
 * Attempts of checkouts at holding a cart. A RELEASED one that was never HELD is a tombstone: the command to hold, should
 * it arrive after its undo, finds it and changes nothing.
 */
export const holds = schema.table(
  'holds',
  {
    checkoutId: uuid().notNull(),
    attempt: integer().notNull(),
    cartId: uuid()
      .notNull()
      .references(() => carts.id),
    status: text({ enum: ['HELD', 'RELEASED'] }).notNull(),
    createdAt: columns.at().notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.checkoutId, table.attempt] }),
    check('holds_status', sql`status in ('HELD', 'RELEASED')`),
  ],
)

/** A tax on one kind of goods in one place. */
export const taxRates = schema.table(
  'tax_rates',
  {
    id: columns.id(),
    countryCode: text().notNull(),
    /** Null: the whole country. */
    region: text(),
    taxCategory: text().notNull(),
    /** A fraction: 0.19 is 19 %. */
    rate: numeric({ precision: 7, scale: 6 }).notNull(),
    isIncludedInPrice: boolean().notNull(),
  },
  (table) => [
    unique().on(table.countryCode, table.region, table.taxCategory).nullsNotDistinct(),
    check('tax_rates_rate', sql`rate >= 0 and rate < 1`),
  ],
)

export const inbox = inboxTable(schema)
export const idempotencyKeys = idempotencyTable(schema)

export type CartRow = typeof carts.$inferSelect
export type CartLineRow = typeof cartLines.$inferSelect
export type TaxRateRow = typeof taxRates.$inferSelect
