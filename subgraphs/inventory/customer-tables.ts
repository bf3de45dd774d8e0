import { getTableColumns, sql } from 'drizzle-orm'
import { check, index, integer, primaryKey, text, unique, uniqueIndex, uuid } from 'drizzle-orm/pg-core'
import { columns } from '#platform/columns.ts'
import { goesAlong, products, schema, variants } from './tables.ts'

export const reviews = schema.table(
  'reviews',
  {
    ...columns.entity(),
    productId: uuid()
      .notNull()
      .references(() => products.id, goesAlong),
    authorId: uuid().notNull(),
    rating: integer().notNull(),
    title: text(),
    body: text(),
    status: text({ enum: ['PENDING', 'PUBLISHED', 'REJECTED'] }).notNull(),
  },
  (table) => [
    unique('reviews_once').on(table.productId, table.authorId),
    index().on(table.productId, table.createdAt, table.id),
    index().on(table.authorId, table.createdAt, table.id),
    index()
      .on(table.createdAt, table.id)
      .where(sql`status = 'PENDING'`),
    check('reviews_rating', sql`${table.rating} between 1 and 5`),
  ],
)

/** Who had which product delivered: their reviews are of a verified purchase. */
export const purchases = schema.table(
  'purchases',
  { userId: uuid().notNull(), productId: uuid().notNull() },
  (table) => [primaryKey({ columns: [table.userId, table.productId] })],
)

/** Whether a review, in the part `of` a statement, is of a verified purchase. Never kept: either may come first. */
export const isVerified = (of: 'reviews' | 'ranked') =>
  sql<boolean>`exists (
    select from inventory.purchases p
    where p.user_id = ${sql.raw(of)}.author_id and p.product_id = ${sql.raw(of)}.product_id)`

/** A review as it is shown. */
export const shown = { ...getTableColumns(reviews), isVerifiedPurchase: isVerified('reviews') }

/** Guests who had something delivered or became an account: the account, null until then. */
export const guests = schema.table('guests', { id: uuid().primaryKey(), userId: uuid() })

/** What guests had delivered: kept until they become an account, and then that account's. */
export const guestItems = schema.table(
  'guest_items',
  {
    orderLineId: uuid().primaryKey(),
    guestId: uuid().notNull(),
    orderId: uuid().notNull(),
    productId: uuid().notNull(),
    variantId: uuid().notNull(),
    acquiredAt: columns.at().notNull(),
  },
  (table) => [index().on(table.guestId)],
)

/** Who wants to be told, once, that a variant can be bought again. */
export const restockWishes = schema.table(
  'restock_wishes',
  {
    variantId: uuid()
      .notNull()
      .references(() => variants.id, goesAlong),
    userId: uuid().notNull(),
    createdAt: columns.at().notNull(),
  },
  (table) => [primaryKey({ columns: [table.variantId, table.userId] }), index().on(table.userId)],
)

export const wishlistItems = schema.table(
  'wishlist_items',
  {
    ...columns.entity(),
    userId: uuid().notNull(),
    productId: uuid()
      .notNull()
      .references(() => products.id, goesAlong),
    variantId: uuid().references(() => variants.id, { onDelete: 'set null' }),
  },
  (table) => [
    unique('wishlist_items_once').on(table.userId, table.productId),
    index().on(table.userId, table.createdAt, table.id),
  ],
)

/** What customers own: registered by staff, or delivered with an order. */
export const customerItems = schema.table(
  'customer_items',
  {
    ...columns.entity(),
    userId: uuid().notNull(),
    productId: uuid()
      .notNull()
      .references(() => products.id),
    variantId: uuid().references(() => variants.id),
    serialNumber: text(),
    acquiredAt: columns.at().notNull(),
    /** The order it came with, and the line of it; null when staff registered it. */
    orderId: uuid(),
    orderLineId: uuid().unique('customer_items_order_line'),
  },
  (table) => [
    index().on(table.userId, table.acquiredAt, table.id),
    index().on(table.productId, table.acquiredAt, table.id),
    // Registered once; of two without a serial number nobody could tell which is which.
    unique('customer_items_once')
      .on(table.userId, table.productId, table.variantId, table.serialNumber, table.orderLineId)
      .nullsNotDistinct(),
    uniqueIndex('customer_items_serial_number')
      .on(table.productId, table.serialNumber)
      .where(sql`serial_number is not null`),
  ],
)

/** The last good quote of each outside asset, for when none can be fetched. */
export const quotes = schema.table(
  'quotes',
  {
    symbol: text().notNull(),
    currency: columns.currency().notNull(),
    /** Decimal. */
    amount: text().notNull(),
    /** When it was quoted. */
    asOf: columns.at().notNull(),
    /** When it was fetched. */
    fetchedAt: columns.at().notNull(),
  },
  (table) => [primaryKey({ columns: [table.symbol, table.currency] })],
)

export type ReviewRow = typeof reviews.$inferSelect & { isVerifiedPurchase: boolean }
export type WishlistItemRow = typeof wishlistItems.$inferSelect
export type CustomerItemRow = typeof customerItems.$inferSelect
export type QuoteRow = typeof quotes.$inferSelect
