import { and, gt, sql } from 'drizzle-orm'
import type { Context } from '#platform/context.ts'
import { payments } from './tables.ts'

/** SQL of payments whose attempt was undone. */
export const isUndone = sql`exists (
  select from payments.attempts a
  where a.checkout_id = ${payments.checkoutId} and a.attempt = ${payments.attempt} and a.undone_at is not null
)`

/**
 * SQL of payments whose attempt was undone and whose money the provider refused to give back. It is tried again when that is
 * asked for anew, and by staff: not by itself, for the same would come of it.
 */
export const isStuck = and(
  gt(payments.authorizedMinor, sql`${payments.releasedMinor} + ${payments.refundedMinor}`),
  isUndone,
  sql`exists (
    select from payments.payment_transactions t
    where t.payment_id = ${payments.id} and t.asked_by = 'payments' and t.status in ('DECLINED', 'FAILED')
  )`,
)!

export const countStuck = ({ db }: Pick<Context, 'db'>): Promise<number> => db.$count(payments, isStuck)
