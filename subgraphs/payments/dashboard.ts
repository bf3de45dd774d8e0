import { sql } from 'drizzle-orm'
import type { Context } from '#platform/context.ts'
import type { Period } from '#platform/period.ts'
import { requireScope } from '#platform/viewer.ts'

/** Payments in a period. @throws FORBIDDEN without `admin:read` */
export async function paymentStats({ viewer, db, config }: Context, { from, to }: Period) {
  requireScope(viewer, 'admin:read')
  const { CURRENCY: currency } = config
  const [row] = await db.execute<
    Record<'captured' | 'refunded' | 'authorized' | 'declined' | 'unresolved', string>
  >(sql`
    select coalesce(sum(amount_minor) filter (where kind = 'CAPTURE' and status = 'SUCCEEDED'), 0) as captured,
      coalesce(sum(amount_minor) filter (where kind = 'REFUND' and status = 'SUCCEEDED'), 0) as refunded,
      count(*) filter (where kind = 'AUTHORIZE' and status = 'SUCCEEDED') as authorized,
      count(*) filter (where kind = 'AUTHORIZE' and status = 'DECLINED') as declined,
      (select count(*) from payments.payments where status = 'UNKNOWN') as unresolved
    from payments.payment_transactions
    where at >= ${from.toISOString()} and at < ${to.toISOString()} and currency = ${currency}`)
  const { captured, refunded, authorized, declined, unresolved } = row!
  const answered = Number(authorized) + Number(declined)
  return {
    captured: { amountMinor: Number(captured), currency },
    refunded: { amountMinor: Number(refunded), currency },
    declineRate: answered === 0 ? 0 : Number(declined) / answered,
    unresolved: Number(unresolved),
  }
}
