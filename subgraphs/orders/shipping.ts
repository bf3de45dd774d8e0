import { and, eq, sql } from 'drizzle-orm'
import type { Context } from '#platform/context.ts'
import type { Db } from '#platform/database.ts'
import { announce, type Announced } from '#platform/facts.ts'
import { ownerOf } from './access.ts'
import { OrderDelivered, OrderStatusChanged } from './events.ts'
import { statusByLines } from './order.ts'
import { orderEvents, orderLines, orders, type OrderLineRow, type OrderRow } from './tables.ts'

interface ShipmentNews {
  orderId: string
  status: string
  lines: readonly { orderLineId: string; quantity: number }[]
}

/** The counter of a line that a shipment's state moves; other states move none. */
const counterOf: Record<string, 'shippedQuantity' | 'deliveredQuantity' | 'returnedQuantity' | undefined> = {
  PICKED_UP: 'shippedQuantity',
  DELIVERED: 'deliveredQuantity',
  RETURNED: 'returnedQuantity',
}

/** States of a shipment that a buyer wants to read about in the order's timeline. */
const told = new Set(['PICKED_UP', 'DELIVERED', 'ATTEMPT_FAILED', 'RETURNED'])

/** Follows a shipment: counts what left and what arrived, and moves the order on. Call it once per event. */
export async function recordShipment(
  tx: Db,
  ctx: Pick<Context, 'now' | 'requestId'>,
  { data: { orderId, status, lines: moved }, occurredAt }: Pick<Announced<ShipmentNews>, 'data' | 'occurredAt'>,
): Promise<void> {
  if (!told.has(status)) return
  // One shipment's news after the other: the order's state is judged by all lines together.
  const [order] = await tx.select().from(orders).where(eq(orders.id, orderId)).for('update')
  if (!order) return
  await tx.insert(orderEvents).values({ orderId, kind: `SHIPMENT_${status}`, at: new Date(occurredAt) })
  const counter = counterOf[status]
  if (counter) {
    for (const { orderLineId, quantity } of moved) {
      const column = orderLines[counter]
      await tx
        .update(orderLines)
        .set({ [counter]: sql`least(${column} + ${quantity}, ${orderLines.quantity})` })
        .where(and(eq(orderLines.id, orderLineId), eq(orderLines.orderId, orderId)))
    }
  }
  const lines = await tx.select().from(orderLines).where(eq(orderLines.orderId, orderId)).orderBy(orderLines.position)
  const to = statusByLines(order.status, lines)
  const [changed] = await tx
    .update(orders)
    .set({
      status: to,
      ...(status === 'DELIVERED' && { deliveredAt: new Date(occurredAt) }),
      version: sql`${orders.version} + 1`,
      updatedAt: ctx.now(),
    })
    .where(eq(orders.id, orderId))
    .returning()
  if (to !== order.status) await announceStatus(tx, ctx, order.status, changed!, lines)
}

/** Tells that an order went from one state to another, and when all of it arrived. */
export async function announceStatus(
  tx: Db,
  ctx: Pick<Context, 'now' | 'requestId'>,
  from: string,
  order: OrderRow,
  lines: readonly OrderLineRow[],
): Promise<void> {
  const about = { entityId: order.id, entityVersion: order.version, owner: ownerOf(order) }
  await announce(tx, ctx, OrderStatusChanged, { ...about, data: { from, to: order.status, reason: null } })
  if (order.status !== 'DELIVERED') return
  const bought = lines.map(({ id, variantId, productId, title, sku, quantity }) => ({
    orderLineId: id,
    variantId,
    productId,
    title,
    sku,
    quantity,
  }))
  await announce(tx, ctx, OrderDelivered, { ...about, data: { lines: bought } })
}
