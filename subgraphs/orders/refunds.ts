import { eq, sql } from 'drizzle-orm'
import type { Context } from '#platform/context.ts'
import type { Db } from '#platform/database.ts'
import type { Announced } from '#platform/facts.ts'
import { toDecimal, type Money } from '#platform/money.ts'
import { orderEvents, orders } from './tables.ts'

/** Notes that money of an order was given back, by whatever way. Call it once per event. */
export async function recordRefund(
  tx: Db,
  ctx: Pick<Context, 'now'>,
  { data: { orderId, amount }, occurredAt }: Announced<{ orderId: string | null; amount: Money }>,
): Promise<void> {
  if (!orderId) return
  const [order] = await tx
    .update(orders)
    .set({
      refundedMinor: sql`${orders.refundedMinor} + ${amount.amountMinor}`,
      version: sql`${orders.version} + 1`,
      updatedAt: ctx.now(),
    })
    .where(eq(orders.id, orderId))
    .returning({ id: orders.id })
  // What was paid back of a checkout that came to nothing has no order.
  if (!order) return
  const message = `${toDecimal(amount)} ${amount.currency}`
  await tx.insert(orderEvents).values({ orderId, kind: 'REFUNDED', at: new Date(occurredAt), message })
}
