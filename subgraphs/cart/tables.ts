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
import type { LeftOut } from './claim.ts'

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
    /** As entered, at most 10. */
    discountCodes: text().array().notNull().default([]),
    /** As it was when chosen; shown when delivery cannot be asked. */
    deliveryOption: jsonb().$type<DeliveryChoice>(),
    expiresAt: columns.at().notNull(),
    /** The checkout, and its attempt, that the cart is held still for or was bought with. */
    checkoutId: uuid(),
    attempt: integer(),
    /** What that checkout was promised: the cart shows these prices from then on. */
    frozen: jsonb().$type<Pricing>(),
    orderId: uuid(),
    /** What sign-ins did not take over into it; null when nothing, empty when all has been told. */
    leftOut: jsonb().$type<LeftOut>(),
    /** When it became an order, went into another cart or was given up. */
    closedAt: columns.at(),
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
    index().on(table.closedAt),
    check('carts_status', sql`status in ('ACTIVE', 'FROZEN', 'CONVERTED', 'MERGED', 'ABANDONED')`),
    check(
      'carts_frozen',
      sql`(status in ('FROZEN', 'CONVERTED')) = (checkout_id is not null and attempt is not null and frozen is not null)`,
    ),
    check('carts_closed', sql`(status in ('CONVERTED', 'MERGED', 'ABANDONED')) = (closed_at is not null)`),
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
    uniqueIndex('tax_rates_place_and_kind').on(
      table.countryCode,
      sql`coalesce(upper(${table.region}), '')`,
      table.taxCategory,
    ),
    check('tax_rates_rate', sql`rate >= 0 and rate < 1`),
  ],
)

/** An offer that takes something off. Of the terms, those of its kind are set and the others null. */
export const promotions = schema.table(
  'promotions',
  {
    ...columns.entity(),
    name: text().notNull(),
    kind: text({ enum: ['PERCENT_OFF', 'AMOUNT_OFF', 'FREE_SHIPPING', 'BUY_X_GET_Y'] }).notNull(),
    /** Null: it applies by itself. ASCII, so that every part turns it into upper case alike. */
    code: text(),
    /** 15 is 15 %. */
    percentOff: numeric({ precision: 7, scale: 4 }),
    amountOffMinor: columns.minor(),
    minimumSubtotalMinor: columns.minor(),
    /** Null: all goods. */
    categoryIds: uuid().array(),
    buyQuantity: integer(),
    getQuantity: integer(),
    startsAt: columns.at(),
    endsAt: columns.at(),
    isActive: boolean().notNull(),
    usageLimit: integer(),
    /** Uses that are under way or became orders; see `promotionUses`. May be above a limit that was lowered. */
    usageCount: integer().notNull().default(0),
    perCustomerLimit: integer(),
  },
  (table) => [
    uniqueIndex('promotions_code').on(sql`upper(${table.code})`),
    index().on(table.createdAt, table.id),
    check('promotions_kind', sql`kind in ('PERCENT_OFF', 'AMOUNT_OFF', 'FREE_SHIPPING', 'BUY_X_GET_Y')`),
    check(
      'promotions_terms',
      sql`(kind = 'PERCENT_OFF') = (percent_off is not null) and (kind = 'AMOUNT_OFF') = (amount_off_minor is not null)
        and (kind = 'BUY_X_GET_Y') = (buy_quantity is not null) and (buy_quantity is null) = (get_quantity is null)`,
    ),
    check('promotions_percent', sql`percent_off > 0 and percent_off <= 100`),
    check('promotions_amounts', sql`amount_off_minor > 0 and minimum_subtotal_minor >= 0`),
    check('promotions_quantities', sql`buy_quantity > 0 and get_quantity > 0`),
    check('promotions_usage', sql`usage_count >= 0`),
  ],
)

/** How often one customer used a promotion: the counter that its limit is guarded with. */
export const promotionCustomers = schema.table(
  'promotion_customers',
  {
    promotionId: uuid()
      .notNull()
      .references(() => promotions.id, { onDelete: 'cascade' }),
    /** `user:ID` of an account, `email:ADDRESS` of a guest. */
    customer: text().notNull(),
    used: integer().notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.promotionId, table.customer] }),
    check('promotion_customers_used', sql`used >= 0`),
  ],
)

/**
 * Promotions that an attempt of a checkout uses. A RELEASED one without any is a tombstone: the command to reserve,
 * should it arrive after its undo, finds it and changes nothing.
 */
export const promotionUses = schema.table(
  'promotion_uses',
  {
    checkoutId: uuid().notNull(),
    attempt: integer().notNull(),
    promotionIds: uuid().array().notNull(),
    /** As in `promotionCustomers`; null in a tombstone. */
    customer: text(),
    /** How many of the promotions were counted, for all and for the customer: all or none. */
    counted: integer().notNull(),
    /** RESERVED is under way; USED has an order. */
    status: text({ enum: ['RESERVED', 'USED', 'RELEASED'] }).notNull(),
    orderId: uuid(),
    createdAt: columns.at().notNull(),
  },
  (table) => [
    primaryKey({ name: 'promotion_uses_attempt', columns: [table.checkoutId, table.attempt] }),
    check('promotion_uses_status', sql`status in ('RESERVED', 'USED', 'RELEASED')`),
    check('promotion_uses_whole', sql`counted = cardinality(promotion_ids)`),
  ],
)

/** One row: see price-epoch.ts. */
export const priceEpoch = schema.table(
  'price_epoch',
  { isOnly: boolean().primaryKey().default(true), epoch: integer().notNull() },
  (table) => [check('price_epoch_is_only', sql`${table.isOnly}`)],
)

export const inbox = inboxTable(schema)
export const idempotencyKeys = idempotencyTable(schema)

export type CartRow = typeof carts.$inferSelect
export type CartLineRow = typeof cartLines.$inferSelect
export type PromotionRow = typeof promotions.$inferSelect
export type TaxRateRow = typeof taxRates.$inferSelect
