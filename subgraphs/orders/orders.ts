import { and, eq } from 'drizzle-orm'
import type { Context } from '#platform/context.ts'
import type { Db } from '#platform/database.ts'
import { forbidden, unauthenticated } from '#platform/errors.ts'
import { followState } from '#platform/follow.ts'
import { idempotent } from '#platform/idempotency.ts'
import { isId } from '#platform/ids.ts'
import { reject, Rejection, rejectStale, rejectTransition } from '#platform/user-errors.ts'
import { client, hasScope, owns, requireScope, requireSession, type Viewer } from '#platform/viewer.ts'
import { ownerOf, visibleTo } from './access.ts'
import { beginCollection, collectSteps, isUnpaid, letGo } from './collections.ts'
import { actorOf, finish, type Begun } from './errands.ts'
import { orderById, orderByNumber } from './loaders.ts'
import { setStatus } from './moving.ts'
import { statusesByHand } from './order.ts'
import type { OrderStatusUpdateInput } from './schema.generated.ts'
import { idempotencyKeys, orders, type OrderRow } from './tables.ts'

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

/**
 * Moves an order on by hand. One that was held because it could not be paid goes on once its money is taken after all.
 * @throws Rejection as the contract lists them
 */
export async function updateOrderStatus(ctx: Context, input: OrderStatusUpdateInput) {
  requireScope(ctx.viewer, 'orders:manage')
  const { orderId, status: to, expectedVersion, idempotencyKey: key } = input
  const keyed = { ...keyedBy(ctx.viewer, 'orderStatusUpdate', key), request: { orderId, to, expectedVersion } }
  const { reply, isReplay } = await idempotent<{ collection?: Begun }>(ctx, idempotencyKeys, keyed, async (tx) => {
    const order = await lockOrderToChange(tx, ctx.viewer, orderId)
    const allowed = statusesByHand[order.status] ?? []
    if (order.version !== expectedVersion) rejectStale(order.version)
    if (!allowed.includes(to)) rejectTransition({ from: order.status, to, allowed }, ['status'])
    if (order.status === 'ON_HOLD' && (await isUnpaid(tx, order))) {
      return { collection: await beginCollection(tx, ctx, order) }
    }
    const moved = await setStatus(tx, ctx, order, to, { actorId: actorOf(ctx.viewer) })
    if (to === 'CONFIRMED') await letGo(tx, ctx, moved)
    return {}
  })
  const errand = reply.collection && (await finish(ctx, collectSteps, reply.collection, isReplay))
  if (!isReplay) await ctx.live.publish(`order:${orderId}`, {})
  if (errand?.refusal) throw new Rejection(errand.refusal, { isReplay })
  if (errand && errand.status !== 'DONE') {
    reject('UPSTREAM_UNAVAILABLE', 'The bank cannot be reached. The order goes on as soon as it can.')
  }
  return { order: await freshOrder(ctx, orderId), isReplay }
}
