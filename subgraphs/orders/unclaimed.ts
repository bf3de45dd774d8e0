import { eq } from 'drizzle-orm'
import type { Context } from '#platform/context.ts'
import { compensatePayment } from './calls/payments.ts'
import { checkouts, type CheckoutRow } from './tables.ts'

const ended: readonly CheckoutRow['status'][] = ['OPEN', 'FAILED', 'EXPIRED', 'CANCELLED']

/**
 * Gives back what is reserved for an attempt that came to no order: its checkout ended without one, or went on with
 * another attempt. Money of an order that stands, or of an attempt under way, stays where it is.
 * @throws when it could not be given back now.
 */
export async function releaseUnclaimed(
  ctx: Context,
  { checkoutId, attempt }: { checkoutId: string; attempt: number },
): Promise<void> {
  const [checkout] = await ctx.db.select().from(checkouts).where(eq(checkouts.id, checkoutId))
  if (!checkout) return ctx.log.error({ checkoutId, attempt }, 'money is reserved for a checkout that is not known')
  if (attempt >= checkout.attempt && !ended.includes(checkout.status)) return
  const [error] = await compensatePayment(ctx, {
    checkoutId,
    attempt,
    reason: 'unclaimed',
    idempotencyKey: `ck:${checkoutId}:unclaimed:${attempt}`,
  })
  if (error) throw new Error(`${error.code}: ${error.message}`)
}
