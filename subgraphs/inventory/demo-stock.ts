import { and, eq, sql } from 'drizzle-orm'
import type { Db } from '#platform/database.ts'
import { demoId } from '#platform/ids.ts'
import { locations, movements, reservationLines, reservations, stockLevels, type MovementRow } from './tables.ts'

const HOUR_MS = 3_600_000
const RESTOCKED_HOURS_AGO = 40 * 24
const berlin = demoId('location/berlin')
const hamburg = demoId('location/hamburg')

/** The two warehouses. */
export function demoLocations(at: Date): (typeof locations.$inferInsert)[] {
  const unset = { name: null, line2: null, region: null, phone: null, countryCode: 'DE' }
  const times = { createdAt: at, updatedAt: at }
  return [
    {
      id: berlin,
      name: 'Berlin',
      priority: 1,
      isActive: true,
      ...times,
      address: {
        ...unset,
        company: 'Mercato Lager Berlin',
        line1: 'Tempelhofer Damm 45',
        city: 'Berlin',
        postalCode: '12101',
        location: { latitude: 52.4847, longitude: 13.3844 },
      },
    },
    {
      id: hamburg,
      name: 'Hamburg',
      priority: 2,
      isActive: true,
      ...times,
      address: {
        ...unset,
        company: 'Mercato Lager Hamburg',
        line1: 'Neuer Wall 10',
        city: 'Hamburg',
        postalCode: '20354',
        location: { latitude: 53.5511, longitude: 9.9937 },
      },
    },
  ]
}

export interface DemoOrder {
  name: string
  hoursAgo: number
  lines: readonly (readonly [sku: string, quantity: number])[]
}

/** Alice's orders, both of which have left the warehouse. */
export const demoOrders: readonly DemoOrder[] = [
  {
    name: 'alice-delivered',
    hoursAgo: 21 * 24,
    lines: [
      ['TEE-LINEN-BLU-M', 1],
      ['MUG-STONE-GRY', 2],
    ],
  },
  {
    name: 'alice-in-transit',
    hoursAgo: 8,
    lines: [
      ['BAG-CANVAS-NAT', 1],
      ['MUG-STONE-GRY', 1],
    ],
  },
]

const soldSkus = new Set(demoOrders.flatMap(({ lines }) => lines.map(([sku]) => sku)))

/** What a variant was stocked with at each location: plenty of most, few of some, none of a few. */
export function stockOf(variantId: string, sku: string, at: Date) {
  const dice = Number.parseInt(variantId.slice(0, 6), 16)
  const plenty = 20 + (dice % 60)
  const [here, there] = soldSkus.has(sku)
    ? [120, 80]
    : dice % 23 === 0
      ? [0, 0]
      : dice % 9 === 0
        ? [1 + (dice % 3), 1]
        : [plenty, Math.floor(plenty / 2)]
  const stocked = new Date(at.getTime() - RESTOCKED_HOURS_AGO * HOUR_MS)
  const kind: MovementRow['kind'] = 'RESTOCK'
  return [
    { variantId, locationId: berlin, quantity: here, kind, reason: 'First delivery', at: stocked },
    { variantId, locationId: hamburg, quantity: there, kind, reason: 'First delivery', at: stocked },
  ]
}

/** What an order did to the stock in Berlin: held, sold, shipped. */
export async function seedOrder(tx: Db, now: Date, { name, hoursAgo, lines }: DemoOrder): Promise<void> {
  const at = new Date(now.getTime() - hoursAgo * HOUR_MS)
  const checkoutId = demoId(`checkout/${name}`)
  const orderId = demoId(`order/${name}`)
  const reservationId = demoId(`reservation/${name}`)
  await tx.insert(reservations).values({
    id: reservationId,
    checkoutId,
    attempt: 1,
    status: 'COMMITTED',
    orderId,
    expiresAt: at,
    createdAt: at,
    updatedAt: at,
  })
  for (const [sku, quantity] of lines) {
    const place = { variantId: demoId(`variant/${sku}`), locationId: berlin }
    await tx.insert(reservationLines).values({ ...place, reservationId, quantity, shipped: quantity })
    await tx.insert(movements).values([
      { ...place, kind: 'RESERVE', quantity, reference: checkoutId, at },
      { ...place, kind: 'COMMIT', quantity, reference: orderId, at },
      { ...place, kind: 'SHIP', quantity: -quantity, reference: demoId(`shipment/${name}`), at },
    ])
    await tx
      .update(stockLevels)
      .set({ onHand: sql`on_hand - ${quantity}` })
      .where(and(eq(stockLevels.variantId, place.variantId), eq(stockLevels.locationId, berlin)))
  }
}
