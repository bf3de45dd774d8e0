import { sql } from 'drizzle-orm'
import {
  boolean,
  check,
  customType,
  doublePrecision,
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
import { columns, idempotencyTable } from '#platform/columns.ts'
import type { Attribute, MediaImage, ProductOption } from './schema.generated.ts'

export const schema = pgSchema('inventory')

// What belongs to a product or variant goes with it when it is removed. What was sold is named by a reservation, and
// that reference keeps it.
export const goesAlong = { onDelete: 'cascade' } as const

const tsvector = customType<{ data: string }>({ dataType: () => 'tsvector' })

export const categories = schema.table(
  'categories',
  {
    ...columns.entity(),
    slug: text().notNull().unique(),
    name: text().notNull(),
    parentId: uuid(),
    /** Ids from the top of the tree down to this one: the ancestors, and by the index everything below. */
    path: uuid().array().notNull(),
  },
  (table) => [index().on(table.parentId, table.name), index().using('gin', table.path)],
)

/** Prices to order by: products without variants come last, whichever way. Written out, for an index knows no parameter. */
export const NO_MIN_PRICE = Number.MAX_SAFE_INTEGER
export const NO_MAX_PRICE = -1
export const cheapest = sql.raw(`coalesce(price_min_minor, ${NO_MIN_PRICE}::bigint)`)
export const dearest = sql.raw(`coalesce(price_max_minor, (${NO_MAX_PRICE})::bigint)`)

export const products = schema.table(
  'products',
  {
    ...columns.entity(),
    slug: text().notNull().unique(),
    name: text().notNull(),
    description: text(),
    brand: text(),
    tags: text().array().notNull(),
    status: text({ enum: ['DRAFT', 'ACTIVE', 'ARCHIVED'] }).notNull(),
    categoryId: uuid().references(() => categories.id),
    media: jsonb().$type<readonly MediaImage[]>().notNull(),
    options: jsonb().$type<readonly ProductOption[]>().notNull(),
    attributes: jsonb().$type<readonly Attribute[]>().notNull(),
    /** Of its variants, written with them, because lists are ordered by it; null without any. */
    priceMinMinor: columns.minor(),
    priceMaxMinor: columns.minor(),
    /** Of its published reviews, written with them. */
    ratingSum: integer().notNull().default(0),
    ratingCount: integer().notNull().default(0),
    /** 0 without reviews. */
    ratingAverage: doublePrecision()
      .notNull()
      .generatedAlwaysAs(sql`case when rating_count = 0 then 0 else rating_sum::float8 / rating_count end`),
    /** Units sold in the last 30 days, counted from the ledger by a job. */
    soldRecently: integer().notNull().default(0),
  },
  (table) => [
    // What sells best beside a product, and of its brand.
    index().on(table.categoryId, table.status, table.soldRecently, table.id),
    index().on(table.brand, table.status, table.soldRecently, table.id),
    // One for each order of product-order.ts.
    index().on(table.status, table.createdAt, table.id),
    index().on(table.status, table.soldRecently, table.id),
    index().on(table.status, table.ratingAverage, table.id),
    index('products_price_asc').on(table.status, cheapest, table.id),
    index('products_price_desc').on(table.status, dearest, table.id),
    index().using('gin', table.tags),
    check(
      'products_rating',
      sql`${table.ratingCount} >= 0 and ${table.ratingSum} between ${table.ratingCount} and 5 * ${table.ratingCount}`,
    ),
  ],
)

/** What products are found by, and what searches are narrowed by, apart from the products so that both are small. */
export const documents = schema.table(
  'documents',
  {
    productId: uuid()
      .primaryKey()
      .references(() => products.id, goesAlong),
    /** Of the product, like brand and tags: written with it. */
    status: text({ enum: ['DRAFT', 'ACTIVE', 'ARCHIVED'] }).notNull(),
    brand: text(),
    tags: text().array().notNull(),
    /** The words of its name, brand, tags, categories and options, as `fold` makes them (search-words.ts). */
    words: text().notNull(),
    document: tsvector().notNull(),
  },
  (table) => [index().using('gin', table.document), index().on(table.brand)],
)

/** Every word of products for sale once, for those who misspell it. */
export const words = schema.table('words', { word: text().primaryKey() }, (table) => [
  index('words_beginning').on(table.word.op('text_pattern_ops')),
  // The nearest few in their order come from this index; a GIN one would need to be told how near.
  index('words_nearness').using('gist', table.word.op('gist_trgm_ops')),
])

export const variants = schema.table(
  'variants',
  {
    ...columns.entity(),
    productId: uuid()
      .notNull()
      .references(() => products.id, goesAlong),
    sku: text().notNull().unique(),
    title: text().notNull(),
    /** Place among the product's variants. */
    position: integer().notNull(),
    selectedOptions: jsonb().$type<readonly Attribute[]>().notNull(),
    priceMinor: columns.minor().notNull(),
    compareAtMinor: columns.minor(),
    taxCategory: text().notNull(),
    weightGrams: integer().notNull(),
    maxOrderQuantity: integer().notNull(),
    lowStockThreshold: integer().notNull(),
  },
  (table) => [
    index().on(table.productId, table.position, table.id),
    check(
      'variants_price',
      sql`${table.priceMinor} >= 0 and ${table.weightGrams} >= 0 and ${table.maxOrderQuantity} > 0`,
    ),
  ],
)

export const locations = schema.table('locations', {
  ...columns.entity(),
  name: text().notNull().unique(),
  address: jsonb().$type<Address>().notNull(),
  /** Orders are filled from the lowest number first. */
  priority: integer().notNull(),
  isActive: boolean().notNull(),
})

export const stockLevels = schema.table(
  'stock_levels',
  {
    variantId: uuid()
      .notNull()
      .references(() => variants.id, goesAlong),
    locationId: uuid()
      .notNull()
      .references(() => locations.id),
    onHand: integer().notNull().default(0),
    reserved: integer().notNull().default(0),
    committed: integer().notNull().default(0),
  },
  (table) => [
    primaryKey({ columns: [table.variantId, table.locationId] }),
    // The last guard: whatever a program gets wrong, nothing is sold twice.
    check('stock_levels_on_hand', sql`${table.onHand} >= 0`),
    check('stock_levels_reserved', sql`${table.reserved} >= 0`),
    check('stock_levels_committed', sql`${table.committed} >= 0`),
    check('stock_levels_available', sql`${table.onHand} - ${table.committed} - ${table.reserved} >= 0`),
  ],
)

/** The ledger: every change of a stock level, for good. */
export const movements = schema.table(
  'movements',
  {
    id: columns.id(),
    variantId: uuid()
      .notNull()
      .references(() => variants.id, goesAlong),
    locationId: uuid()
      .notNull()
      .references(() => locations.id),
    kind: text({
      enum: ['RESTOCK', 'ADJUST', 'RESERVE', 'RELEASE', 'EXPIRE', 'COMMIT', 'UNCOMMIT', 'SHIP', 'RETURN', 'TRANSFER'],
    }).notNull(),
    /** Units; negative when they left. What each kind does to the counters is said in stock.ts. */
    quantity: integer().notNull(),
    reason: text(),
    /** The checkout, order or shipment behind it. */
    reference: uuid(),
    actorId: uuid(),
    at: columns.at().notNull(),
  },
  (table) => [
    index().on(table.at, table.id),
    index().on(table.variantId, table.at, table.id),
    check('movements_quantity', sql`${table.quantity} <> 0`),
  ],
)

export const reservations = schema.table(
  'reservations',
  {
    ...columns.entity(),
    checkoutId: uuid().notNull(),
    attempt: integer().notNull(),
    status: text({ enum: ['HELD', 'COMMITTED', 'RELEASED', 'EXPIRED'] }).notNull(),
    orderId: uuid(),
    expiresAt: columns.at().notNull(),
  },
  (table) => [
    // One hold per attempt. A RELEASED row without lines is a tombstone: it keeps a late reserve of that attempt out.
    unique('reservations_attempt').on(table.checkoutId, table.attempt),
    index()
      .on(table.orderId)
      .where(sql`order_id is not null`),
    index()
      .on(table.expiresAt)
      .where(sql`status = 'HELD'`),
    check('reservations_order', sql`${table.status} <> 'COMMITTED' or ${table.orderId} is not null`),
  ],
)

export const reservationLines = schema.table(
  'reservation_lines',
  {
    reservationId: uuid()
      .notNull()
      .references(() => reservations.id),
    variantId: uuid()
      .notNull()
      .references(() => variants.id),
    locationId: uuid()
      .notNull()
      .references(() => locations.id),
    quantity: integer().notNull(),
    shipped: integer().notNull().default(0),
    /** Of those shipped, whether they can be sold again or not. */
    returned: integer().notNull().default(0),
  },
  (table) => [
    primaryKey({ columns: [table.reservationId, table.variantId, table.locationId] }),
    check(
      'reservation_lines_quantity',
      sql`${table.quantity} > 0 and ${table.shipped} between 0 and ${table.quantity} and ${table.returned} between 0 and ${table.shipped}`,
    ),
  ],
)

/** Variants that run out somewhere: one open alert for each level at most, however often it is crossed at once. */
export const lowStockAlerts = schema.table(
  'low_stock_alerts',
  {
    id: columns.id(),
    variantId: uuid()
      .notNull()
      .references(() => variants.id, goesAlong),
    locationId: uuid()
      .notNull()
      .references(() => locations.id),
    /** Units there were when it was raised. */
    available: integer().notNull(),
    threshold: integer().notNull(),
    raisedAt: columns.at().notNull(),
    /** Null while it is open. */
    resolvedAt: columns.at(),
  },
  (table) => [
    uniqueIndex('low_stock_alerts_open')
      .on(table.variantId, table.locationId)
      .where(sql`resolved_at is null`),
    index().on(table.raisedAt, table.id),
  ],
)

export const idempotencyKeys = idempotencyTable(schema)

export type CategoryRow = typeof categories.$inferSelect
export type ProductRow = typeof products.$inferSelect
export type VariantRow = typeof variants.$inferSelect
export type LocationRow = typeof locations.$inferSelect
export type StockLevelRow = typeof stockLevels.$inferSelect
export type MovementRow = typeof movements.$inferSelect
export type ReservationRow = typeof reservations.$inferSelect
export type ReservationLineRow = typeof reservationLines.$inferSelect
export type LowStockAlertRow = typeof lowStockAlerts.$inferSelect
