import { and, asc, count, desc, eq, getTableColumns, inArray, isNotNull, ne, sql } from 'drizzle-orm'
import type { Context } from '#platform/context.ts'
import { isId } from '#platform/ids.ts'
import { loadMany, loadOne } from '#platform/loader.ts'
import { visibleTo } from './access.ts'
import { returnLines, returns } from './aftersale-tables.ts'
import { checkouts, checkoutSteps, orderLines, orders } from './tables.ts'

/** An order by id; null when unknown or not the caller's to see. */
export const orderById = loadOne(
  (ctx: Context, ids: readonly string[]) =>
    ctx.db
      .select()
      .from(orders)
      .where(and(inArray(orders.id, [...ids]), visibleTo(ctx.viewer, orders))),
  ({ id }) => id,
)

export const orderByNumber = loadOne(
  (ctx: Context, numbers: readonly string[]) =>
    ctx.db
      .select()
      .from(orders)
      .where(and(inArray(orders.number, [...numbers]), visibleTo(ctx.viewer, orders))),
  ({ number }) => number,
)

/** Lines of an order that the caller was shown. */
export const linesOfOrder = loadMany(
  (ctx: Context, orderIds: readonly string[]) =>
    ctx.db
      .select()
      .from(orderLines)
      .where(inArray(orderLines.orderId, [...orderIds]))
      .orderBy(asc(orderLines.position)),
  ({ orderId }) => orderId,
)

/** A line by id; null when unknown or of an order that the caller may not see. */
export const lineById = loadOne(
  async (ctx: Context, ids: readonly string[]) => {
    const rows = await ctx.db
      .select({ line: orderLines })
      .from(orderLines)
      .innerJoin(orders, eq(orders.id, orderLines.orderId))
      .where(and(inArray(orderLines.id, [...ids]), visibleTo(ctx.viewer, orders)))
    return rows.map(({ line }) => line)
  },
  ({ id }) => id,
)

/** Orders of each account. */
export const orderCountOf = loadOne(
  (ctx: Context, userIds: readonly string[]) =>
    ctx.db
      .select({ ownerId: orders.ownerId, orders: count() })
      .from(orders)
      .where(and(eq(orders.ownerKind, 'user'), inArray(orders.ownerId, [...userIds])))
      .groupBy(orders.ownerId),
  ({ ownerId }) => ownerId,
)

/** What each account paid for its orders less refunds, those that were called off left out. */
export const spentBy = loadOne(
  (ctx: Context, userIds: readonly string[]) =>
    ctx.db
      .select({
        ownerId: orders.ownerId,
        spentMinor: sql<string>`sum(${orders.totalMinor} - ${orders.refundedMinor})`.mapWith(Number),
      })
      .from(orders)
      .where(
        and(
          eq(orders.ownerKind, 'user'),
          inArray(orders.ownerId, [...userIds]),
          ne(orders.status, 'CANCELLED'),
          isNotNull(orders.paidAt),
          eq(orders.currency, ctx.config.CURRENCY),
        ),
      )
      .groupBy(orders.ownerId),
  ({ ownerId }) => ownerId,
)

/** A checkout by id; null when unknown or not the caller's to see. */
export const checkoutById = loadOne(
  (ctx: Context, ids: readonly string[]) =>
    ctx.db
      .select()
      .from(checkouts)
      .where(and(inArray(checkouts.id, [...ids]), visibleTo(ctx.viewer, checkouts))),
  ({ id }) => id,
)

/** The latest checkout of a cart. */
export const checkoutOfCart = loadOne(
  (ctx: Context, cartIds: readonly string[]) =>
    ctx.db
      .selectDistinctOn([checkouts.cartId])
      .from(checkouts)
      .where(and(inArray(checkouts.cartId, [...cartIds]), visibleTo(ctx.viewer, checkouts)))
      .orderBy(checkouts.cartId, desc(checkouts.createdAt)),
  ({ cartId }) => cartId,
)

/** Steps of all attempts, oldest first. */
export const stepsOfCheckout = loadMany(
  (ctx: Context, checkoutIds: readonly string[]) =>
    ctx.db
      .select()
      .from(checkoutSteps)
      .where(inArray(checkoutSteps.checkoutId, [...checkoutIds]))
      .orderBy(asc(checkoutSteps.attempt)),
  ({ checkoutId }) => checkoutId,
)

/** A return by id; null when unknown or not the caller's to see. */
export const returnById = loadOne(
  async (ctx: Context, ids: readonly string[]) =>
    await ctx.db
      .select(getTableColumns(returns))
      .from(returns)
      .innerJoin(orders, eq(orders.id, returns.orderId))
      .where(and(inArray(returns.id, ids.filter(isId)), visibleTo(ctx.viewer, orders))),
  ({ id }) => id,
)

/** Returns of an order that the caller was shown, newest first. */
export const returnsOfOrder = loadMany(
  (ctx: Context, orderIds: readonly string[]) =>
    ctx.db
      .select()
      .from(returns)
      .where(inArray(returns.orderId, [...orderIds]))
      .orderBy(desc(returns.createdAt), desc(returns.id)),
  ({ orderId }) => orderId,
)

/** Lines of a return that the caller was shown, in the order's own order. */
export const linesOfReturn = loadMany(
  async (ctx: Context, returnIds: readonly string[]) =>
    await ctx.db
      .select(getTableColumns(returnLines))
      .from(returnLines)
      .innerJoin(orderLines, eq(orderLines.id, returnLines.orderLineId))
      .where(inArray(returnLines.returnId, [...returnIds]))
      .orderBy(asc(orderLines.position)),
  ({ returnId }) => returnId,
)

/** Units of an order line that its returns ask for, those that came to nothing left out. */
export const claimedUnits = sql<number>`coalesce((select sum(rl.quantity) from orders.return_lines rl
  join orders.returns r on r.id = rl.return_id
  where rl.order_line_id = ${orderLines.id} and r.status not in ('DECLINED', 'CANCELLED')), 0)::int`

/** Orders, of those asked for, with units left that can be sent back. */
export const returnableOf = loadOne(
  async (ctx: Context, orderIds: readonly string[]) =>
    await ctx.db
      .selectDistinct({ orderId: orderLines.orderId })
      .from(orderLines)
      .where(and(inArray(orderLines.orderId, [...orderIds]), sql`${orderLines.deliveredQuantity} > ${claimedUnits}`)),
  ({ orderId }) => orderId,
)
