import { and, eq, exists, gte, ilike, inArray, lt, or, sql, type SQL } from 'drizzle-orm'
import type { Context } from '#platform/context.ts'
import { announce } from '#platform/facts.ts'
import { followState } from '#platform/follow.ts'
import { idempotent } from '#platform/idempotency.ts'
import { isId } from '#platform/ids.ts'
import { keyset, type PageArgs } from '#platform/pages.ts'
import { reject, rejectStale, rejectTransition } from '#platform/user-errors.ts'
import { client, hasScope, requireScope, requireSession, type Viewer } from '#platform/viewer.ts'
import { ownedBy, ownerOf, visibleTo } from './access.ts'
import { OrderStatusChanged } from './events.ts'
import { orderById, orderByNumber, orderCountOf } from './loaders.ts'
import { statusesByHand } from './order.ts'
import type { OrderFilter, OrderStatusUpdateInput } from './schema.generated.ts'
import { idempotencyKeys, orderEvents, orderLines, orders, type OrderRow } from './tables.ts'

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

/** Whether somebody may see what an account bought. */
export function maySeeOrdersOf(viewer: Viewer, userId: string): boolean {
  const asked = client(viewer)
  return hasScope(viewer, 'orders:read') || (asked.kind === 'user' && asked.id === userId)
}

/** All orders, newest first. Staff only. */
export async function allOrders(ctx: Context, { filter, ...page }: PageArgs & { filter?: OrderFilter | null }) {
  requireScope(ctx.viewer, 'orders:read')
  const { customerId } = filter ?? {}
  const customer = customerId == null ? undefined : ofAccount(customerId)
  return await pageOf(ctx, and(customer, matching(ctx, filter)), page)
}

/** An account's orders, newest first; null for whoever may not see them. */
export async function ordersOf(
  ctx: Context,
  userId: string,
  { filter, ...page }: PageArgs & { filter?: OrderFilter | null },
) {
  if (!maySeeOrdersOf(ctx.viewer, userId)) return null
  return await pageOf(ctx, and(ofAccount(userId), matching(ctx, filter)), page)
}

const ofAccount = (id: string): SQL | undefined => (isId(id) ? ownedBy({ kind: 'user', id }, orders) : sql`false`)

async function pageOf({ db }: Context, where: SQL | undefined, args: PageArgs) {
  const page = keyset(args, [
    { column: orders.placedAt, direction: 'desc' },
    { column: orders.id, direction: 'desc' },
  ])
  const rows = await db
    .select()
    .from(orders)
    .where(and(where, page.where))
    .orderBy(...page.orderBy)
    .limit(page.limit)
  return page.connection(rows, ({ placedAt, id }) => [placedAt, id], { totalCount: () => db.$count(orders, where) })
}

function matching({ db }: Pick<Context, 'db'>, filter: OrderFilter | null | undefined): SQL | undefined {
  const { statuses, query, placedFrom, placedTo } = filter ?? {}
  const pattern = query && `%${query.slice(0, 200).replace(/[\\%_]/g, '\\$&')}%`
  const hasLine = (like: string) =>
    exists(
      db
        .select({ id: orderLines.id })
        .from(orderLines)
        .where(and(eq(orderLines.orderId, orders.id), ilike(orderLines.title, like))),
    )
  return and(
    statuses ? inArray(orders.status, [...statuses]) : undefined,
    pattern ? or(ilike(orders.number, pattern), ilike(orders.email, pattern), hasLine(pattern)) : undefined,
    placedFrom ? gte(orders.placedAt, placedFrom) : undefined,
    placedTo ? lt(orders.placedAt, placedTo) : undefined,
  )
}

/** What happened to an order that the caller was shown, newest first. */
export async function timelineOf({ db }: Context, { id }: OrderRow, args: PageArgs) {
  const page = keyset(args, [
    { column: orderEvents.at, direction: 'desc' },
    { column: orderEvents.id, direction: 'desc' },
  ])
  const ofOrder = eq(orderEvents.orderId, id)
  const rows = await db
    .select()
    .from(orderEvents)
    .where(and(ofOrder, page.where))
    .orderBy(...page.orderBy)
    .limit(page.limit)
  return page.connection(rows, (event) => [event.at, event.id], { totalCount: () => db.$count(orderEvents, ofOrder) })
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

/** How many orders an account placed; null for whoever may not see them. */
export async function orderCountFor(ctx: Context, userId: string): Promise<number | null> {
  if (!isId(userId) || !maySeeOrdersOf(ctx.viewer, userId)) return null
  return (await orderCountOf(ctx).load(userId))?.orders ?? 0
}
