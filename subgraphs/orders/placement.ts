import { asc, eq, sql } from 'drizzle-orm'
import type { Context } from '#platform/context.ts'
import type { Db } from '#platform/database.ts'
import { announce } from '#platform/facts.ts'
import { uuidv7 } from '#platform/ids.ts'
import { ownerOf } from './access.ts'
import { OrderPlaced, OrderReadyToShip, OrderStatusChanged } from './events.ts'
import { allocateLines, linesFrom, orderFrom, type Allocation } from './order.ts'
import { orderEvents, orderLines, orders, type CheckoutRow } from './tables.ts'

type Clock = Pick<Context, 'now' | 'requestId'>

/** Creates the order of a checkout, in the transaction that moves the checkout past its pivot. */
export async function placeOrder(
  tx: Db,
  ctx: Clock,
  checkout: CheckoutRow,
  allocations: readonly Allocation[],
): Promise<void> {
  const { id: checkoutId, orderId, cart, ownerKind, ownerId } = checkout
  if (!cart || !orderId) throw new Error('An order is made of a frozen cart')
  const now = ctx.now()
  const [order] = await tx
    .insert(orders)
    .values({
      ...orderFrom(cart),
      id: orderId,
      checkoutId,
      ownerKind,
      ownerId,
      number: sql<string>`nextval('orders.order_numbers')::text`,
      status: 'CONFIRMED',
      placedAt: now,
      createdAt: now,
      updatedAt: now,
    })
    .returning()
  const lines = linesFrom(cart, allocations).map((line) => ({ ...line, id: uuidv7(), orderId }))
  await tx.insert(orderLines).values(lines)
  await tx.insert(orderEvents).values({ orderId, kind: 'PLACED', at: now })
  const { number, email, totalMinor, currency } = order!
  await announce(tx, ctx, OrderPlaced, {
    entityId: orderId,
    entityVersion: 1,
    owner: ownerOf(checkout),
    data: {
      number,
      email,
      total: { amountMinor: totalMinor, currency },
      lines: lines.map(({ id, variantId, productId, title, sku, quantity }) => ({
        orderLineId: id,
        variantId,
        productId,
        title,
        sku,
        quantity,
      })),
    },
  })
  // Nothing will be taken for what costs nothing: it may leave at once.
  if (totalMinor === 0) await releaseToShip(tx, ctx, orderId, allocations)
}

/** Notes that the money was taken, and lets the goods leave. */
export async function recordPaid(
  tx: Db,
  ctx: Clock,
  orderId: string,
  allocations: readonly Allocation[],
): Promise<void> {
  await tx.insert(orderEvents).values({ orderId, kind: 'PAID', at: ctx.now() })
  await releaseToShip(tx, ctx, orderId, allocations)
}

/** The money was refused for good: the goods stay sold, and staff decide. */
export async function recordUnpaid(tx: Db, ctx: Clock, orderId: string, reason: string): Promise<void> {
  const now = ctx.now()
  const [order] = await tx
    .update(orders)
    .set({ status: 'ON_HOLD', version: sql`${orders.version} + 1`, updatedAt: now })
    .where(sql`${orders.id} = ${orderId} and ${orders.status} = 'CONFIRMED'`)
    .returning()
  if (!order) return
  await tx.insert(orderEvents).values({ orderId, kind: 'PAYMENT_FAILED', at: now, message: reason })
  await announce(tx, ctx, OrderStatusChanged, {
    entityId: orderId,
    entityVersion: order.version,
    owner: ownerOf(order),
    data: { from: 'CONFIRMED', to: 'ON_HOLD', reason },
  })
}

async function releaseToShip(tx: Db, ctx: Clock, orderId: string, allocations: readonly Allocation[]): Promise<void> {
  const [order] = await tx
    .update(orders)
    .set({ version: sql`${orders.version} + 1`, updatedAt: ctx.now() })
    .where(eq(orders.id, orderId))
    .returning()
  const { number, shippingAddress, deliveryName, promisedFrom, promisedBy, version } = order!
  if (!shippingAddress || !deliveryName || !promisedFrom || !promisedBy) return
  const lines = await tx
    .select()
    .from(orderLines)
    .where(eq(orderLines.orderId, orderId))
    .orderBy(asc(orderLines.position))
  await announce(tx, ctx, OrderReadyToShip, {
    entityId: orderId,
    entityVersion: version,
    owner: ownerOf(order!),
    data: {
      number,
      address: shippingAddress,
      deliveryName,
      promisedFrom: promisedFrom.toISOString(),
      promisedTo: promisedBy.toISOString(),
      allocations: allocateLines(lines, allocations),
    },
  })
}
