import { sql } from 'drizzle-orm'
import type { Address } from '#platform/address.ts'
import type { Context } from '#platform/context.ts'
import { demoId } from '#platform/ids.ts'
import { includedTax } from '#platform/money.ts'
import { orderEvents, orderLines, orders, type OrderRow } from './tables.ts'

const MINUTE_MS = 60_000
const DAY_MINUTES = 24 * 60
const VAT = '0.19'

const aliceAtHome: Address = {
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

interface DemoOrder {
  name: string
  number: string
  status: OrderRow['status']
  delivery: { name: string; priceMinor: number }
  /** Minutes ago. */
  placed: number
  promised: [from: number, to: number]
  lines: [product: string, sku: string, title: string, quantity: number, unitPriceMinor: number][]
  events: [minutesAgo: number, kind: string][]
}

const delivered: DemoOrder = {
  name: 'alice-delivered',
  number: '10001',
  status: 'DELIVERED',
  delivery: { name: 'Standard', priceMinor: 490 },
  placed: 21 * DAY_MINUTES,
  promised: [19 * DAY_MINUTES, 17 * DAY_MINUTES],
  lines: [
    ['linen-tee', 'TEE-LINEN-BLU-M', 'Linen T-Shirt, Blue / M', 1, 2490],
    ['stoneware-mug', 'MUG-STONE-GRY', 'Stoneware Mug, Grey', 2, 1450],
  ],
  events: [
    [21 * DAY_MINUTES, 'PLACED'],
    [21 * DAY_MINUTES - 1, 'PAID'],
    [20 * DAY_MINUTES, 'SHIPMENT_PICKED_UP'],
    [18 * DAY_MINUTES, 'SHIPMENT_DELIVERED'],
  ],
}

const inTransit: DemoOrder = {
  name: 'alice-in-transit',
  number: '10002',
  status: 'SHIPPED',
  delivery: { name: 'Express', priceMinor: 990 },
  placed: 8 * 60,
  promised: [60, -8 * 60],
  lines: [
    ['canvas-bag', 'BAG-CANVAS-NAT', 'Canvas Bag, Natural', 1, 3900],
    ['stoneware-mug', 'MUG-STONE-GRY', 'Stoneware Mug, Grey', 1, 1450],
  ],
  events: [
    [8 * 60, 'PLACED'],
    [8 * 60 - 1, 'PAID'],
    [30, 'SHIPMENT_PICKED_UP'],
  ],
}

/** Alice's past order and the one on its way to her. */
export async function seed({ db, now }: Context): Promise<boolean> {
  const at = (minutesAgo: number) => new Date(now().getTime() - minutesAgo * MINUTE_MS)
  const demo = [delivered, inTransit]
  const owner = { ownerKind: 'user' as const, ownerId: demoId('user/alice') }

  const orderRows = demo.map(({ name, number, status, delivery, placed, promised: [from, to], lines, events }) => {
    const subtotalMinor = lines.reduce((total, [, , , quantity, price]) => total + quantity * price, 0)
    const totalMinor = subtotalMinor + delivery.priceMinor
    const taxMinor = includedTax(totalMinor, VAT)
    const tax = { amountMinor: taxMinor, currency: 'EUR' }
    return {
      ...owner,
      id: demoId(`order/${name}`),
      number,
      status,
      email: 'alice@example.com',
      currency: 'EUR',
      subtotalMinor,
      discountMinor: 0,
      shippingMinor: delivery.priceMinor,
      taxMinor,
      totalMinor,
      taxLines: [{ title: 'VAT 19 %', rate: VAT, amount: tax, isIncludedInPrice: true }],
      shippingAddress: aliceAtHome,
      billingAddress: aliceAtHome,
      deliveryName: delivery.name,
      promisedFrom: at(from),
      promisedBy: at(to),
      placedAt: at(placed),
      paidAt: at(placed - 1),
      readyAt: at(placed - 1),
      deliveredAt: status === 'DELIVERED' ? at(events.at(-1)![0]) : null,
      createdAt: at(placed),
      updatedAt: at(events.at(-1)![0]),
      version: events.length,
    }
  })
  const lineRows = demo.flatMap(({ name, status, lines }) =>
    lines.map(([product, sku, title, quantity, unitPriceMinor], position) => ({
      id: demoId(`order-line/${name}-${position + 1}`),
      orderId: demoId(`order/${name}`),
      position,
      variantId: demoId(`variant/${sku}`),
      productId: demoId(`product/${product}`),
      title,
      sku,
      quantity,
      shippedQuantity: quantity,
      deliveredQuantity: status === 'DELIVERED' ? quantity : 0,
      currency: 'EUR',
      unitPriceMinor,
      discountMinor: 0,
      taxMinor: includedTax(quantity * unitPriceMinor, VAT),
      totalMinor: quantity * unitPriceMinor,
    })),
  )
  const eventRows = demo.flatMap(({ name, events }) =>
    events.map(([minutesAgo, kind]) => ({
      id: demoId(`order-event/${name}-${kind}`),
      orderId: demoId(`order/${name}`),
      kind,
      at: at(minutesAgo),
      actorId: kind === 'PLACED' ? owner.ownerId : null,
    })),
  )
  return await db.transaction(async (tx) => {
    const added = await tx.insert(orders).values(orderRows).onConflictDoNothing().returning({ id: orders.id })
    if (added.length === 0) return false
    await tx.insert(orderLines).values(lineRows)
    await tx.insert(orderEvents).values(eventRows)
    await tx.execute(
      sql`select setval('orders.order_numbers', greatest(10003, nextval('orders.order_numbers')), false)`,
    )
    return true
  })
}
