import { sql, type SQL } from 'drizzle-orm'
import type { Context } from '#platform/context.ts'
import { announcement, outbox } from '#platform/facts.ts'
import { uuidv7 } from '#platform/ids.ts'
import { ownerOf } from './access.ts'
import { OrderPlaced, OrderReadyToShip, OrderStatusChanged } from './events.ts'
import { insertFrom } from './insert-from.ts'
import { allocateLines, linesFrom, orderFrom, type Allocation } from './order.ts'
import { orderEvents, orderLines, orders, type CheckoutRow } from './tables.ts'

type Clock = Pick<Context, 'now' | 'requestId'>

/** Units of an order's line that leave from one place. */
export type LineAllocation = ReturnType<typeof allocateLines>[number]

/** Parts of a statement whose part `moved` is the checkout; see transition.ts. */
type Parts = Record<string, SQL>

const event = (orderId: string, kind: string, at: Date, message: string | null = null) => ({
  id: uuidv7(),
  orderId,
  kind,
  at,
  actorId: null,
  message,
})

/** What creates the order of a checkout as it moves past its pivot, and which units of which line leave from where. */
export function placement(
  ctx: Clock,
  checkout: CheckoutRow,
  sold: readonly Allocation[],
): { effects: Parts; allocations: LineAllocation[] } {
  const { id: checkoutId, orderId, cart, ownerKind, ownerId } = checkout
  if (!cart || !orderId) throw new Error('An order is made of a frozen cart')
  const now = ctx.now()
  const bought = orderFrom(cart)
  // Nothing will be taken for what costs nothing: it may leave at once.
  const isFree = bought.totalMinor === 0
  const order = {
    ...bought,
    paidAt: isFree ? now : null,
    readyAt: isFree ? now : null,
    id: orderId,
    checkoutId,
    ownerKind,
    ownerId,
    number: '',
    status: 'CONFIRMED' as const,
    placedAt: now,
    createdAt: now,
    updatedAt: now,
  }
  const lines = linesFrom(cart, sold).map((line) => ({ ...line, id: uuidv7(), orderId }))
  const allocations = allocateLines(lines, sold)
  const placed = announcement(ctx, OrderPlaced, {
    entityId: orderId,
    entityVersion: 1,
    owner: ownerOf(checkout),
    data: {
      number: order.number,
      email: order.email,
      total: { amountMinor: order.totalMinor, currency: order.currency },
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
  const numbered = (row: SQL) => sql`${row} || jsonb_build_object('number', nextval('orders.order_numbers')::text,
    'owner_kind', moved.owner_kind, 'owner_id', moved.owner_id)`
  return {
    allocations,
    effects: {
      placed: sql`${insertFrom(orders, [order], sql`moved`, numbered)} returning *`,
      lined: insertFrom(orderLines, lines, sql`placed`),
      timed: insertFrom(orderEvents, [event(orderId, 'PLACED', now)], sql`placed`, byBuyer),
      told: insertFrom(outbox, [placed], sql`placed`, asOf(sql`placed`)),
      ...(isFree ? readyToShip(ctx, checkout, allocations, sql`placed`) : {}),
    },
  }
}

/** What notes that the money was taken, and lets the goods leave unless the order is held or called off by now. */
export function payment(ctx: Clock, checkout: CheckoutRow, allocations: readonly LineAllocation[]): Parts {
  const orderId = checkout.orderId!
  const now = ctx.now()
  const at = now.toISOString()
  return {
    paid: sql`update ${orders} set paid_at = ${at}, version = version + 1, updated_at = ${at},
        ready_at = case when status = 'CONFIRMED' then ${at}::timestamptz end
      where id = ${orderId} and exists (select from moved) returning *`,
    ready: sql`select * from paid where ready_at is not null`,
    timed: insertFrom(orderEvents, [event(orderId, 'PAID', now)], sql`paid`),
    ...readyToShip(ctx, checkout, allocations, sql`ready`),
  }
}

/** What notes that the money was refused for good: the goods stay sold, and staff decide, who may hold it already. */
export function refusal(ctx: Clock, checkout: CheckoutRow, reason: string): Parts {
  const orderId = checkout.orderId!
  const now = ctx.now()
  const changed = announcement(ctx, OrderStatusChanged, {
    entityId: orderId,
    entityVersion: 0,
    owner: ownerOf(checkout),
    data: { from: 'CONFIRMED', to: 'ON_HOLD', reason },
  })
  return {
    held: sql`update ${orders} set status = 'ON_HOLD', version = version + 1, updated_at = ${now.toISOString()}
      where id = ${orderId} and status in ('CONFIRMED', 'ON_HOLD') and exists (select from moved)
      returning new.*, old.status as was`,
    timed: insertFrom(orderEvents, [event(orderId, 'PAYMENT_FAILED', now, reason)], sql`held`),
    told: insertFrom(outbox, [changed], sql`(select * from held where was = 'CONFIRMED') as held`, asOf(sql`held`)),
  }
}

function readyToShip(ctx: Clock, checkout: CheckoutRow, allocations: readonly LineAllocation[], order: SQL): Parts {
  const { shippingAddress: address, deliveryOption } = checkout.cart!
  if (!address || !deliveryOption) return {}
  const ready = announcement(ctx, OrderReadyToShip, {
    entityId: checkout.orderId!,
    entityVersion: 0,
    owner: ownerOf(checkout),
    data: {
      number: '',
      address,
      deliveryName: deliveryOption.name,
      promisedFrom: deliveryOption.estimatedFrom,
      promisedTo: deliveryOption.estimatedTo,
      allocations: [...allocations],
    },
  })
  return { released: insertFrom(outbox, [ready], order, asOf(order)) }
}

// A guest is nobody whom the timeline could name.
const byBuyer = (row: SQL) =>
  sql`${row} || jsonb_build_object('actor_id', case placed.owner_kind when 'user' then placed.owner_id end)`

// The order's version, owner and number are known when the statement runs: a guest may just have signed in.
const asOf = (order: SQL) => (row: SQL) =>
  sql`jsonb_set(jsonb_set(${row}, '{event}', (${row} -> 'event') || jsonb_build_object(
    'entityVersion', ${order}.version,
    'owner', jsonb_build_object('kind', ${order}.owner_kind, 'id', ${order}.owner_id))),
  '{event,data,number}', to_jsonb(${order}.number), false)`
