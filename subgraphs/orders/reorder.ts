import { and, asc, eq } from 'drizzle-orm'
import { rejectOutage } from '#platform/calls.ts'
import type { Context } from '#platform/context.ts'
import { isId } from '#platform/ids.ts'
import { inputPath, reject, Rejection } from '#platform/user-errors.ts'
import { requireSession } from '#platform/viewer.ts'
import { ownedBy } from './access.ts'
import { fillCart } from './calls/cart.ts'
import { withoutRefused } from './order.ts'
import type { OrderReorderInput } from './schema.generated.ts'
import { orderLines, orders } from './tables.ts'

/**
 * Puts what an order held into the buyer's cart, at today's prices; what is sold out, or in the cart as often as it can
 * be, is left out.
 * @throws Rejection NOT_FOUND; INSUFFICIENT_STOCK or LIMIT_EXCEEDED when nothing is left; STATE_TRANSITION
 */
export async function reorder(ctx: Context, { orderId }: OrderReorderInput) {
  const buyer = requireSession(ctx.viewer)
  const mine = and(eq(orders.id, orderId), ownedBy(buyer, orders))
  const rows = isId(orderId)
    ? await ctx.db
        .select({ variantId: orderLines.variantId, quantity: orderLines.quantity })
        .from(orderLines)
        .innerJoin(orders, eq(orders.id, orderLines.orderId))
        .where(mine)
        .orderBy(asc(orderLines.position))
    : []
  if (rows.length === 0) reject('NOT_FOUND', 'There is no such order.', ['orderId'])
  let lines: readonly { variantId: string; quantity: number }[] = rows
  let isSoldOut = false
  // Each round takes something off what is wanted, and of one line twice at most: once fewer, then none.
  while (lines.length > 0) {
    const { cart, userErrors } = await fillCart(ctx, { lines }).catch(rejectOutage)
    if (cart) return { cart: { __typename: 'Cart' as const, id: cart.id } }
    const left = withoutRefused(lines, userErrors)
    if (!left) throw new Rejection(userErrors.map((error) => ({ ...error, field: inputPath(['orderId']) })))
    isSoldOut ||= userErrors.some(({ code }) => code !== 'LIMIT_EXCEEDED')
    lines = left
  }
  if (isSoldOut) reject('INSUFFICIENT_STOCK', 'All of it is sold out.', ['orderId'])
  return reject('LIMIT_EXCEEDED', 'Your cart holds as much of it as can be bought at once.', ['orderId'])
}
