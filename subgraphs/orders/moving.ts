import { and, eq, isNull, inArray, lt, notExists, or, sql } from 'drizzle-orm'
import type { Context } from '#platform/context.ts'
import type { Db } from '#platform/database.ts'
import { announce } from '#platform/facts.ts'
import { ownerOf } from './access.ts'
import { returns } from './aftersale-tables.ts'
import { OrderStatusChanged } from './events.ts'
import { returnableSince } from './return.ts'
import { orderEvents, orders, type OrderRow } from './tables.ts'

type Clock = Pick<Context, 'now' | 'requestId'>

/** Moves a locked order to another state, with its entry in the timeline and its fact. */
export async function setStatus(
  tx: Db,
  ctx: Clock,
  { id: orderId, status: from }: OrderRow,
  to: OrderRow['status'],
  { actorId = null }: { actorId?: string | null } = {},
): Promise<OrderRow> {
  const now = ctx.now()
  const [order] = await tx
    .update(orders)
    .set({ status: to, version: sql`${orders.version} + 1`, updatedAt: now })
    .where(eq(orders.id, orderId))
    .returning()
  await tx.insert(orderEvents).values({ orderId, kind: to, at: now, actorId })
  await announce(tx, ctx, OrderStatusChanged, {
    entityId: orderId,
    entityVersion: order!.version,
    owner: ownerOf(order!),
    data: { from, to, reason: null },
  })
  return order!
}

/** Orders closed at a time. */
const BATCH = 50

/** Closes orders that nothing can be sent back of any more, unless a return of them is still awaited. */
export async function closeOrders(ctx: Context): Promise<void> {
  const before = returnableSince(ctx.now())
  const closed = await ctx.db.transaction(async (tx) => {
    const awaited = tx
      .select({ id: returns.id })
      .from(returns)
      .where(and(eq(returns.orderId, orders.id), inArray(returns.status, ['REQUESTED', 'APPROVED'])))
    const due = await tx
      .select()
      .from(orders)
      .where(
        and(
          inArray(orders.status, ['DELIVERED', 'PARTIALLY_RETURNED']),
          or(lt(orders.deliveredAt, before), and(isNull(orders.deliveredAt), lt(orders.placedAt, before))),
          notExists(awaited),
        ),
      )
      .limit(BATCH)
      .for('update', { skipLocked: true })
    for (const order of due) await setStatus(tx, ctx, order, 'COMPLETED')
    return due
  })
  for (const { id } of closed) await ctx.live.publish(`order:${id}`, {})
}
