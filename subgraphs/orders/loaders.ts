import { and, asc, count, desc, eq, inArray } from 'drizzle-orm'
import type { Context } from '#platform/context.ts'
import { loadMany, loadOne } from '#platform/loader.ts'
import { visibleTo } from './access.ts'
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
