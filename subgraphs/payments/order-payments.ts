import type { Context } from '#platform/context.ts'
import { isId } from '#platform/ids.ts'
import { parseMoney, type Money } from '#platform/money.ts'
import { hasScope } from '#platform/viewer.ts'
import { paymentsOfCheckout, paymentsOfOrder, refundsOf } from './loaders.ts'
import { financialStatus, outstandingMinor, type FinancialStatus } from './payment.ts'
import { maySee } from './payments.ts'
import type { PaymentRow, PaymentTransactionRow } from './tables.ts'

/** An order as other subgraphs name it; `total` comes along with the fields that require it. */
export interface OrderReference {
  id: string
  total?: { amount: string; currencyCode: string }
}

// An order's payments are one buyer's: those the caller may not see hide the field, not an entry of it.
const unlessForeign = (ctx: Context, payments: readonly PaymentRow[]): readonly PaymentRow[] | null =>
  payments.every((payment) => maySee(ctx, payment)) ? payments : null

export async function paymentsForOrder(ctx: Context, { id }: OrderReference): Promise<readonly PaymentRow[] | null> {
  return isId(id) ? unlessForeign(ctx, await paymentsOfOrder(ctx).load(id)) : null
}

export async function paymentsForCheckout(ctx: Context, { id }: { id: string }): Promise<readonly PaymentRow[] | null> {
  return isId(id) ? unlessForeign(ctx, await paymentsOfCheckout(ctx).load(id)) : null
}

/** Money given back for an order, newest first. */
export async function refundsForOrder(ctx: Context, order: OrderReference): Promise<PaymentTransactionRow[] | null> {
  const payments = await paymentsForOrder(ctx, order)
  if (!payments) return null
  const refunds = await refundsOf(ctx).loadMany(payments.map(({ id }) => id))
  return refunds.flatMap((each) => (each instanceof Error ? [] : each)).sort((a, b) => b.at.getTime() - a.at.getTime())
}

/** How much of an order is paid, for everybody who may see the order itself. */
export async function financialStatusOf(ctx: Context, order: OrderReference): Promise<FinancialStatus | null> {
  const total = totalOf(order)
  if (!total || !isId(order.id)) return null
  const payments = await paymentsOfOrder(ctx).load(order.id)
  const isSeen = hasScope(ctx.viewer, 'orders:read') || unlessForeign(ctx, payments)
  return isSeen ? financialStatus(total.amountMinor, payments) : null
}

/** What is still to be paid of an order. */
export async function outstandingOf(ctx: Context, order: OrderReference): Promise<Money | null> {
  const total = totalOf(order)
  const payments = await paymentsForOrder(ctx, order)
  return total && payments ? { ...total, amountMinor: outstandingMinor(total.amountMinor, payments) } : null
}

const totalOf = ({ total }: OrderReference): Money | null => (total ? parseMoney(total) : null)
