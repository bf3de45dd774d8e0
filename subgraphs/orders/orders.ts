import { and, eq } from 'drizzle-orm'
import type { Context } from '#platform/context.ts'
import type { Db } from '#platform/database.ts'
import { forbidden, unauthenticated } from '#platform/errors.ts'
import { announce } from '#platform/facts.ts'
import { followState } from '#platform/follow.ts'
import { idempotent } from '#platform/idempotency.ts'
import { isId } from '#platform/ids.ts'
import { reject, rejectStale, rejectTransition } from '#platform/user-errors.ts'
import { client, hasScope, owns, requireScope, requireSession, type Viewer } from '#platform/viewer.ts'
import { ownerOf, visibleTo } from './access.ts'
import { actorOf } from './errands.ts'
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
  return followState(ctx.live, `order:${id}`, () => freshOrder(ctx, id), ctx.signal)
}

/** An order the caller may see as it is now, past the loaders, which remember; null otherwise. */
export async function freshOrder({ db, viewer }: Pick<Context, 'db' | 'viewer'>, id: string): Promise<OrderRow | null> {
  const [row] = isId(id)
    ? await db
        .select()
        .from(orders)
        .where(and(eq(orders.id, id), visibleTo(viewer, orders)))
    : []
  return row ?? null
}

/** Whose key it is, and of which command. */
export function keyedBy(viewer: Viewer, command: string, key: string): { scope: string; key: string } {
  const caller = client(viewer)
  if (caller.kind === 'anonymous') unauthenticated()
  return { scope: `${command}:${caller.kind}:${caller.id}`, key }
}

/**
 * Locks an order until the transaction ends, for its buyer or staff with `orders:manage`, so that what is judged is what
 * is changed.
 * @throws Rejection NOT_FOUND; FORBIDDEN for staff who may only look at it
 */
export async function lockOrderToChange(tx: Db, viewer: Viewer, orderId: string): Promise<OrderRow> {
  const known = and(eq(orders.id, orderId), visibleTo(viewer, orders))
  const [order] = isId(orderId) ? await tx.select().from(orders).where(known).for('update') : []
  if (!order) reject('NOT_FOUND', 'There is no such order.', ['orderId'])
  if (!owns(viewer, ownerOf(order)) && !hasScope(viewer, 'orders:manage')) forbidden()
  return order
}

/** Moves an order on by hand. */
export async function updateOrderStatus(ctx: Context, input: OrderStatusUpdateInput) {
  requireScope(ctx.viewer, 'orders:manage')
  const { orderId, status: to, expectedVersion, idempotencyKey: key } = input
  const keyed = { ...keyedBy(ctx.viewer, 'orderStatusUpdate', key), request: { orderId, to, expectedVersion } }
  const { reply, isReplay } = await idempotent(ctx, idempotencyKeys, keyed, async (tx) => {
    const [order] = isId(orderId) ? await tx.select().from(orders).where(eq(orders.id, orderId)).for('update') : []
    if (!order) return reject('NOT_FOUND', 'There is no such order.', ['orderId'])
    const allowed = statusesByHand[order.status] ?? []
    if (order.version !== expectedVersion) rejectStale(order.version)
    if (!allowed.includes(to)) rejectTransition({ from: order.status, to, allowed }, ['status'])
    const now = ctx.now()
    const version = order.version + 1
    await tx.update(orders).set({ status: to, version, updatedAt: now }).where(eq(orders.id, orderId))
    await tx.insert(orderEvents).values({ orderId, kind: to, at: now, actorId: actorOf(ctx.viewer) })
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
