import { and, eq, inArray, isNull, sql } from 'drizzle-orm'
import type { Context } from '#platform/context.ts'
import { isId } from '#platform/ids.ts'
import { reject } from '#platform/user-errors.ts'
import type { Owner } from '#platform/viewer.ts'
import { nextStatuses } from './checkout.ts'
import { patience, requireOwn, settled } from './checkouts.ts'
import { tell } from './lease.ts'
import { awakened, takeUpNow } from './recovery.ts'
import type { CheckoutCancelInput } from './schema.generated.ts'
import { checkouts } from './tables.ts'

/**
 * Calls a checkout off: at once while it waits, otherwise between two steps. Waits for that like `completeCheckout`.
 * @throws Rejection STATE_TRANSITION once the order exists.
 */
export async function cancelCheckout(ctx: Context, owner: Owner, { checkoutId }: CheckoutCancelInput) {
  if (!isId(checkoutId)) reject('NOT_FOUND', 'There is no such checkout.', ['checkoutId'])
  const known = await requireOwn(ctx, owner, checkoutId)
  const waking = awakened(ctx)
  const [asked] = await ctx.db
    .update(checkouts)
    .set({
      ...waking,
      status: sql`case when ${checkouts.status} = 'OPEN' then 'CANCELLED' else ${waking.status} end`,
      cancelRequested: true,
    })
    .where(
      and(
        eq(checkouts.id, checkoutId),
        inArray(checkouts.status, ['OPEN', 'PROCESSING', 'COMPENSATING', 'AWAITING_PAYMENT_ACTION']),
        isNull(checkouts.placedAt),
      ),
    )
    .returning()
  if (asked) {
    await tell(ctx, asked)
    await takeUpNow(ctx, asked)
  }
  const until = patience(ctx)
  const checkout = await settled(ctx, checkoutId, known.attempt, asked ? until : 0)
  if (!asked && checkout.status !== 'CANCELLED') {
    reject('STATE_TRANSITION', `It can no longer be called off: ${checkout.status}.`, ['checkoutId'], {
      __typename: 'StateTransitionError',
      fromState: checkout.status,
      toState: 'CANCELLED',
      allowed: nextStatuses[checkout.status],
    })
  }
  return { checkout }
}
