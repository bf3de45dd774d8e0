import { sql } from 'drizzle-orm'
import {
  boolean,
  check,
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
import { columns, idempotencyTable, inboxTable } from '#platform/columns.ts'
import type { Eta, Point, Position } from './shipment.ts'

export const schema = pgSchema('delivery')

export const zones = schema.table('zones', {
  ...columns.entity(),
  name: text().notNull().unique(),
  countries: text().array().notNull(),
})

export const shippingMethods = schema.table(
  'shipping_methods',
  {
    ...columns.entity(),
    name: text().notNull(),
    zoneId: uuid()
      .notNull()
      .references(() => zones.id),
    basePrice: columns.minor().notNull(),
    /** For each begun kilogram. */
    pricePerKg: columns.minor().notNull(),
    /** Subtotal from which it is free; null means never. */
    freeAbove: columns.minor(),
    currency: columns.currency().notNull(),
    minimumDays: integer().notNull(),
    maximumDays: integer().notNull(),
    isActive: boolean().notNull().default(true),
  },
  (table) => [
    unique().on(table.zoneId, table.name),
    check('shipping_methods_days', sql`0 <= minimum_days and minimum_days <= maximum_days`),
  ],
)

export const couriers = schema.table('couriers', {
  ...columns.entity(),
  userId: uuid().notNull().unique(),
  displayName: text().notNull(),
  vehicle: text(),
  isOnDuty: boolean().notNull().default(false),
  /** Where they were last; kept while off duty, shown only on duty. */
  position: jsonb().$type<Position>(),
})

export const shipments = schema.table(
  'shipments',
  {
    ...columns.entity(),
    ...columns.owner(),
    trackingNumber: text().notNull().unique(),
    orderId: uuid().notNull(),
    originId: uuid().notNull(),
    status: text({
      enum: [
        'PENDING',
        'ASSIGNED',
        'PICKED_UP',
        'IN_TRANSIT',
        'ARRIVING',
        'DELIVERED',
        'ATTEMPT_FAILED',
        'RETURNED',
        'CANCELLED',
      ],
    }).notNull(),
    courierId: uuid().references(() => couriers.id),
    /** Since when a courier takes it, which it may only be told of once the stock was booked out. */
    leavingAt: columns.at(),
    destination: jsonb().$type<Address>().notNull(),
    instructions: text(),
    promisedFrom: columns.at().notNull(),
    promisedTo: columns.at().notNull(),
    /** Sequence of the newest event; the next is taken by the UPDATE that makes it. */
    lastSequence: integer().notNull().default(0),
    position: jsonb().$type<Position>(),
    positionSequence: integer().notNull().default(0),
    eta: jsonb().$type<Eta>(),
    etaSequence: integer().notNull().default(0),
  },
  (table) => [
    unique('shipments_once').on(table.orderId, table.originId),
    index()
      .on(table.courierId)
      .where(sql`status in ('ASSIGNED', 'PICKED_UP', 'IN_TRANSIT', 'ARRIVING', 'ATTEMPT_FAILED')`),
    index().on(table.createdAt, table.id),
    index().on(table.ownerKind, table.ownerId),
  ],
)

/** Of each order that was ready to ship or was called off: the row that both lock, and whether anything may be prepared. */
export const orderFences = schema.table('order_fences', {
  orderId: uuid().primaryKey(),
  /** Nothing is prepared for it any more. */
  calledOffAt: columns.at(),
})

const ofShipment = () =>
  uuid()
    .notNull()
    .references(() => shipments.id)

export const shipmentLines = schema.table(
  'shipment_lines',
  {
    shipmentId: ofShipment(),
    orderLineId: uuid().notNull(),
    variantId: uuid().notNull(),
    title: text().notNull(),
    quantity: integer().notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.shipmentId, table.orderLineId] }),
    check('shipment_lines_quantity', sql`quantity > 0`),
  ],
)

/** Changes of status: never skipped when replayed. */
export const trackingEvents = schema.table(
  'tracking_events',
  {
    shipmentId: ofShipment(),
    sequence: integer().notNull(),
    status: text({ enum: shipments.status.enumValues }).notNull(),
    message: text().notNull(),
    at: columns.at().notNull(),
  },
  (table) => [primaryKey({ columns: [table.shipmentId, table.sequence] })],
)

/** Where a shipment has been. */
export const positions = schema.table(
  'positions',
  {
    shipmentId: ofShipment(),
    sequence: integer().notNull(),
    latitude: doublePrecision().notNull(),
    longitude: doublePrecision().notNull(),
    headingDegrees: doublePrecision(),
    speedMps: doublePrecision(),
    accuracyMeters: doublePrecision(),
    recordedAt: columns.at().notNull(),
    receivedAt: columns.at().notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.shipmentId, table.sequence] }),
    index().on(table.shipmentId, table.recordedAt),
  ],
)

export const attempts = schema.table('attempts', {
  id: columns.id(),
  shipmentId: ofShipment(),
  at: columns.at().notNull(),
  outcome: text().notNull(),
  reason: text(),
})

export const proofs = schema.table('proofs', {
  shipmentId: ofShipment().primaryKey(),
  signedBy: text(),
  photoUrls: text().array().notNull(),
  point: jsonb().$type<Point>(),
  at: columns.at().notNull(),
})

/** Links with which others follow a shipment; only a hash of the token is kept. */
export const trackingLinks = schema.table(
  'tracking_links',
  {
    id: columns.id(),
    shipmentId: ofShipment(),
    tokenHash: text().notNull(),
    expiresAt: columns.at().notNull(),
  },
  (table) => [uniqueIndex().on(table.tokenHash), index().on(table.shipmentId)],
)

export const inbox = inboxTable(schema)
export const idempotencyKeys = idempotencyTable(schema)

export type ShipmentRow = typeof shipments.$inferSelect
export type ShipmentLineRow = typeof shipmentLines.$inferSelect
export type CourierRow = typeof couriers.$inferSelect
export type TrackingEventRow = typeof trackingEvents.$inferSelect
export type MethodRow = typeof shippingMethods.$inferSelect
export type ZoneRow = typeof zones.$inferSelect
