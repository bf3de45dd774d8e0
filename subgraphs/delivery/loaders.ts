import { and, arrayOverlaps, asc, eq, inArray } from 'drizzle-orm'
import type { Context } from '#platform/context.ts'
import { loadMany, loadOne } from '#platform/loader.ts'
import { active } from './shipment.ts'
import {
  attempts,
  couriers,
  proofs,
  shipmentLines,
  shipments,
  shippingMethods,
  trackingEvents,
  zones,
  type MethodRow,
} from './tables.ts'

// Whether the caller may see what these give is judged by whoever asks them.

export const shipmentById = loadOne(
  ({ db }: Context, ids: readonly string[]) =>
    db
      .select()
      .from(shipments)
      .where(inArray(shipments.id, [...ids])),
  ({ id }) => id,
)

export const shipmentsOfOrder = loadMany(
  ({ db }: Context, orderIds: readonly string[]) =>
    db
      .select()
      .from(shipments)
      .where(inArray(shipments.orderId, [...orderIds]))
      .orderBy(asc(shipments.id)),
  ({ orderId }) => orderId,
)

export const shipmentsOfCourier = loadMany(
  ({ db }: Context, courierIds: readonly string[]) =>
    db
      .select()
      .from(shipments)
      .where(and(inArray(shipments.courierId, [...courierIds]), inArray(shipments.status, [...active])))
      .orderBy(asc(shipments.id)),
  ({ courierId }) => courierId!,
)

export const linesOf = loadMany(
  ({ db }: Context, shipmentIds: readonly string[]) =>
    db
      .select()
      .from(shipmentLines)
      .where(inArray(shipmentLines.shipmentId, [...shipmentIds]))
      .orderBy(asc(shipmentLines.orderLineId)),
  ({ shipmentId }) => shipmentId,
)

export const eventsOf = loadMany(
  ({ db }: Context, shipmentIds: readonly string[]) =>
    db
      .select()
      .from(trackingEvents)
      .where(inArray(trackingEvents.shipmentId, [...shipmentIds]))
      .orderBy(asc(trackingEvents.sequence)),
  ({ shipmentId }) => shipmentId,
)

export const attemptsOf = loadMany(
  ({ db }: Context, shipmentIds: readonly string[]) =>
    db
      .select()
      .from(attempts)
      .where(inArray(attempts.shipmentId, [...shipmentIds]))
      .orderBy(asc(attempts.at)),
  ({ shipmentId }) => shipmentId,
)

export const proofOf = loadOne(
  ({ db }: Context, shipmentIds: readonly string[]) =>
    db
      .select()
      .from(proofs)
      .where(inArray(proofs.shipmentId, [...shipmentIds])),
  ({ shipmentId }) => shipmentId,
)

export const courierById = loadOne(
  ({ db }: Context, ids: readonly string[]) =>
    db
      .select()
      .from(couriers)
      .where(inArray(couriers.id, [...ids])),
  ({ id }) => id,
)

export const courierByUser = loadOne(
  ({ db }: Context, userIds: readonly string[]) =>
    db
      .select()
      .from(couriers)
      .where(inArray(couriers.userId, [...userIds])),
  ({ userId }) => userId,
)

export const zoneById = loadOne(
  ({ db }: Context, ids: readonly string[]) =>
    db
      .select()
      .from(zones)
      .where(inArray(zones.id, [...ids])),
  ({ id }) => id,
)

/** A method as it is offered in a country. */
type Offered = Omit<MethodRow, 'createdAt' | 'updatedAt'> & { country: string }

// Every cart asks for them, and they change a few times a year.
const METHODS_KEPT_MS = 60_000
const keyOf = (country: string) => `delivery:methods:${country}`

/** The methods offered in a country; a change of theirs is seen within a minute. */
export const methodsIn = loadMany(
  async (ctx: Context, countries: readonly string[]): Promise<Offered[]> => {
    const kept = await Promise.all(
      countries.map((country) => ctx.cache.get(keyOf(country)) as Promise<Offered[] | undefined>),
    )
    const unknown = countries.filter((_, index) => !kept[index])
    const read = unknown.length > 0 ? await readMethods(ctx, unknown) : []
    const byCountry = Map.groupBy(read, ({ country }) => country)
    await Promise.all(
      unknown.map((country) => ctx.cache.set(keyOf(country), byCountry.get(country) ?? [], METHODS_KEPT_MS)),
    )
    return [...kept.flatMap((methods) => methods ?? []), ...read]
  },
  ({ country }) => country,
)

async function readMethods({ db }: Context, countries: readonly string[]): Promise<Offered[]> {
  const rows = await db
    .select({ method: shippingMethods, countries: zones.countries })
    .from(shippingMethods)
    .innerJoin(zones, eq(zones.id, shippingMethods.zoneId))
    .where(and(eq(shippingMethods.isActive, true), arrayOverlaps(zones.countries, [...countries])))
  return rows.flatMap((row) =>
    row.countries.filter((country) => countries.includes(country)).map((country) => ({ ...row.method, country })),
  )
}
