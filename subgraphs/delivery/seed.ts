import type { Address } from '#platform/address.ts'
import type { Context } from '#platform/context.ts'
import { demoId } from '#platform/ids.ts'
import { headingDegrees, placeAt } from './route.ts'
import { estimate, messages, type Position, type ShipmentStatus } from './shipment.ts'
import {
  couriers,
  positions,
  proofs,
  shipmentLines,
  shipments,
  shippingMethods,
  trackingEvents,
  zones,
} from './tables.ts'

const DAY_MS = 86_400_000
const MINUTE_MS = 60_000

const alicesHome: Address = {
  name: 'Alice Andersen',
  company: null,
  line1: 'Kastanienallee 12',
  line2: null,
  city: 'Berlin',
  region: null,
  postalCode: '10435',
  countryCode: 'DE',
  phone: '+493012345678',
  location: { latitude: 52.538, longitude: 13.409 },
}

const europe = 'AT BE BG CY CZ DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK'.split(' ')
const world = 'AU BR CA CH CN GB IL IN JP KR MX NO NZ SG TR UA US ZA'.split(' ')

/** Where and how the shop delivers, its courier, and Alice's two shipments. */
export async function seed(ctx: Context): Promise<boolean> {
  if ((await ctx.db.$count(zones)) > 0) return false
  await ctx.db.transaction(async (tx) => {
    const inside: Context = { ...ctx, db: tx }
    await seedMethods(inside)
    await seedShipments(inside)
  })
  return true
}

async function seedMethods({ db, now, config }: Context): Promise<void> {
  const times = { createdAt: now(), updatedAt: now() }
  const zone = (name: string, countries: string[]) => ({ id: demoId(`zone/${name}`), name, countries, ...times })
  await db.insert(zones).values([zone('Germany', ['DE']), zone('Europe', europe), zone('World', world)])
  const method = (
    id: string,
    zoneName: string,
    name: string,
    [basePrice, pricePerKg, freeAbove]: [number, number, number | null],
    [minimumDays, maximumDays]: [number, number],
  ) => ({
    id: demoId(`shipping-method/${id}`),
    zoneId: demoId(`zone/${zoneName}`),
    name,
    basePrice,
    pricePerKg,
    freeAbove,
    currency: config.CURRENCY,
    minimumDays,
    maximumDays,
    ...times,
  })
  await db
    .insert(shippingMethods)
    .values([
      method('standard', 'Germany', 'Standard', [490, 0, 7_500], [2, 4]),
      method('express', 'Germany', 'Express', [990, 0, null], [1, 1]),
      method('standard-europe', 'Europe', 'Standard', [990, 150, 15_000], [3, 7]),
      method('express-europe', 'Europe', 'Express', [1_990, 300, null], [1, 3]),
      method('standard-world', 'World', 'Standard', [1_990, 500, null], [7, 21]),
    ])
}

async function seedShipments({ db, now }: Context): Promise<void> {
  const courierId = demoId('courier/clara')
  const path = pathSoFar(now())
  const last = path.at(-1)!
  await db.insert(couriers).values({
    id: courierId,
    userId: demoId('user/courier'),
    displayName: 'Clara',
    vehicle: 'cargo bike',
    isOnDuty: true,
    position: last,
    createdAt: now(),
    updatedAt: now(),
  })

  const ago = (ms: number) => new Date(now().getTime() - ms)
  const shipment = (name: string, createdAt: Date, promisedDays: [number, number]) => ({
    id: demoId(`shipment/${name}`),
    orderId: demoId(`order/${name}`),
    originId: demoId('location/berlin'),
    ownerKind: 'user' as const,
    ownerId: demoId('user/alice'),
    courierId,
    destination: alicesHome,
    promisedFrom: new Date(createdAt.getTime() + promisedDays[0] * DAY_MS),
    promisedTo: new Date(createdAt.getTime() + promisedDays[1] * DAY_MS),
    createdAt,
  })
  const delivered = shipment('alice-delivered', ago(21 * DAY_MS), [2, 4])
  const deliveredAt = ago(18 * DAY_MS)
  const transit = shipment('alice-in-transit', ago(3 * 60 * MINUTE_MS), [1, 1])
  const first = 5
  const lastSequence = first + path.length
  await db.insert(shipments).values([
    {
      ...delivered,
      trackingNumber: 'MRCDEMADELVRD2',
      status: 'DELIVERED',
      lastSequence: 5,
      updatedAt: deliveredAt,
    },
    {
      ...transit,
      trackingNumber: 'MRCDEMANTRANS7',
      status: 'IN_TRANSIT',
      position: last,
      positionSequence: lastSequence - 1,
      eta: estimate(last, { ...transit, destination: alicesHome.location }, now()),
      etaSequence: lastSequence,
      lastSequence,
      instructions: 'Please ring twice.',
      updatedAt: now(),
    },
  ])
  await db
    .insert(shipmentLines)
    .values([
      line('alice-delivered', 1, 'TEE-LINEN-BLU-M', 'Linen T-Shirt – Blue / M', 1),
      line('alice-delivered', 2, 'MUG-STONE-GRY', 'Stoneware Mug – Grey', 2),
      line('alice-in-transit', 1, 'BAG-CANVAS-NAT', 'Canvas Bag – Natural', 1),
      line('alice-in-transit', 2, 'MUG-STONE-GRY', 'Stoneware Mug – Grey', 1),
    ])
  await db
    .insert(trackingEvents)
    .values([
      ...history(
        delivered.id,
        ['PENDING', 'ASSIGNED', 'PICKED_UP', 'IN_TRANSIT', 'DELIVERED'],
        delivered.createdAt,
        deliveredAt,
      ),
      ...history(
        transit.id,
        ['PENDING', 'ASSIGNED', 'PICKED_UP', 'IN_TRANSIT'],
        transit.createdAt,
        new Date(path[0]!.recordedAt),
      ),
    ])
  await db.insert(positions).values(
    path.map(({ recordedAt, receivedAt, ...position }, index) => ({
      ...position,
      shipmentId: transit.id,
      sequence: first + index,
      recordedAt: new Date(recordedAt),
      receivedAt: new Date(receivedAt),
    })),
  )
  await db.insert(proofs).values({
    shipmentId: delivered.id,
    signedBy: 'A. Andersen',
    photoUrls: [],
    point: alicesHome.location,
    at: deliveredAt,
  })
}

function line(name: string, number: number, sku: string, title: string, quantity: number) {
  return {
    shipmentId: demoId(`shipment/${name}`),
    orderLineId: demoId(`order-line/${name}-${number}`),
    variantId: demoId(`variant/${sku}`),
    title,
    quantity,
  }
}

function history(shipmentId: string, statuses: readonly ShipmentStatus[], from: Date, to: Date) {
  const step = (to.getTime() - from.getTime()) / (statuses.length - 1)
  return statuses.map((status, index) => ({
    shipmentId,
    sequence: index + 1,
    status,
    message: messages[status],
    at: new Date(from.getTime() + step * index),
  }))
}

// The first four minutes of the ride, a position every 20 s.
function pathSoFar(now: Date): Position[] {
  const count = 12
  return Array.from({ length: count }, (_, index) => {
    const place = placeAt(index * 160)
    const at = new Date(now.getTime() - (count - index) * 20_000).toISOString()
    return {
      ...place,
      headingDegrees: headingDegrees(place, placeAt(index * 160 + 10)),
      speedMps: 8,
      accuracyMeters: 5,
      recordedAt: at,
      receivedAt: at,
    }
  })
}
