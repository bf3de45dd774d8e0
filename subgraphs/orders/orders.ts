import { and, eq } from 'drizzle-orm'
import type { Context } from '#platform/context.ts'
import { announce } from '#platform/facts.ts'
import { followState } from '#platform/follow.ts'
import { idempotent } from '#platform/idempotency.ts'
import { isId } from '#platform/ids.ts'
import { reject, rejectStale, rejectTransition } from '#platform/user-errors.ts'
import { client, hasScope, requireScope, requireSession } from '#platform/viewer.ts'
import { ownerOf, visibleTo } from './access.ts'
import { OrderStatusChanged } from './events.ts'
import { orderById, orderByNumber } from './loaders.ts'
import { statusesByHand } from './order.ts'
import type { OrderStatusUpdateInput } from './schema.generated.ts'
import { idempotencyKeys, orderEvents, orders, type OrderRow } from './tables.ts'

/** An order by id or number; null when unknown or not the caller's to see. */
export async function readOrder(
  ctx: Context,
  by: { id?: string | null; number?: string | null },
): Promise<OrderRow | null> {
  if (by.id != null) return isId(by.id) ? await orderById(ctx).load(by.id) : null
  return by.number != null ? await orderByNumber(ctx).load(by.number) : null
}

/** The order as it is now, then after each change. */
export function watchOrder(ctx: Context, id: string) {
  if (!hasScope(ctx.viewer, 'orders:read')) requireSession(ctx.viewer)
  const read = async () => {
    const mine = and(eq(orders.id, id), visibleTo(ctx.viewer, orders))
    const [row] = isId(id) ? await ctx.db.select().from(orders).where(mine) : []
    return row ?? null
  }
  return followState(ctx.live, `order:${id}`, read, ctx.signal)
}

/** Moves an order on by hand. */
export async function updateOrderStatus(ctx: Context, input: OrderStatusUpdateInput) {
  requireScope(ctx.viewer, 'orders:manage')
  const { orderId, status: to, expectedVersion, idempotencyKey: key } = input
  const caller = client(ctx.viewer) as { kind: string; id: string }
  const scope = `orderStatusUpdate:${caller.kind}:${caller.id}`
  const request = { orderId, to, expectedVersion }
  const { reply, isReplay } = await idempotent(ctx, idempotencyKeys, { scope, key, request }, async (tx) => {
    // Locked, so that what is judged is what is changed.
    const [order] = isId(orderId) ? await tx.select().from(orders).where(eq(orders.id, orderId)).for('update') : []
    if (!order) return reject('NOT_FOUND', 'There is no such order.', ['orderId'])
    const allowed = statusesByHand[order.status] ?? []
    if (order.version !== expectedVersion) rejectStale(order.version)
    if (!allowed.includes(to)) rejectTransition({ from: order.status, to, allowed }, ['status'])
    const now = ctx.now()
    const version = order.version + 1
    await tx.update(orders).set({ status: to, version, updatedAt: now }).where(eq(orders.id, orderId))
    const actorId = caller.kind === 'user' ? caller.id : null
    await tx.insert(orderEvents).values({ orderId, kind: to, at: now, actorId })
    const data = { from: order.status, to, reason: null }
    await announce(tx, ctx, OrderStatusChanged, {
      entityId: orderId,
      entityVersion: version,
      owner: ownerOf(order),
      data,
    })
    return { orderId, version }
  })
  if (!isReplay) await ctx.live.publish(`order:${reply.orderId}`, { sequence: reply.version })
  const [order] = await ctx.db.select().from(orders).where(eq(orders.id, reply.orderId))
  return { order: order ?? null, isReplay }
}
