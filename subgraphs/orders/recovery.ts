import { and, eq, inArray, lte, sql, type SQL } from 'drizzle-orm'
import type { Context } from '#platform/context.ts'
import { carryOn } from './completion.ts'
import { Attempt, takeLease, tell } from './lease.ts'
import { checkouts, type CheckoutRow } from './tables.ts'

/** Checkouts taken up at a time. */
const BATCH = 10

const isDue = ({ now }: Pick<Context, 'now'>): SQL =>
  and(inArray(checkouts.status, ['PROCESSING', 'COMPENSATING']), lte(checkouts.leaseUntil, now()))!

/** Takes up checkouts whose process went silent, and those that wait to be tried again. */
export const recoverCheckouts = (ctx: Context): Promise<void> => takeUp(ctx, isDue(ctx))

async function takeUp(ctx: Context, where: SQL | undefined): Promise<void> {
  const due = ctx.db
    .select({ id: checkouts.id })
    .from(checkouts)
    .where(where)
    .orderBy(checkouts.leaseUntil)
    .limit(BATCH)
    .for('update', { skipLocked: true })
  const taken = await ctx.db.update(checkouts).set(takeLease(ctx)).where(inArray(checkouts.id, due)).returning()
  await Promise.all(
    (await Attempt.resumed(ctx, taken)).map(async (attempt) => {
      const { id: checkoutId, status } = attempt.checkout
      ctx.log.info({ checkoutId, status }, 'a checkout is taken up again')
      await carryOn(ctx, attempt)
    }),
  )
}

/** What makes a checkout that waits for its buyer due at once; any other stays as it is. */
export const awakened = ({ now }: Pick<Context, 'now'>) => ({
  status: sql`case when ${checkouts.status} = 'AWAITING_PAYMENT_ACTION' then 'PROCESSING' else ${checkouts.status} end`,
  leaseUntil: sql`case when ${checkouts.status} = 'AWAITING_PAYMENT_ACTION' then ${now().toISOString()}::timestamptz
    else ${checkouts.leaseUntil} end`,
  version: sql`${checkouts.version} + 1`,
  updatedAt: now(),
})

/** Carries a checkout on here and now if it is due. */
export const takeUpNow = (ctx: Context, { id }: Pick<CheckoutRow, 'id'>): Promise<void> =>
  takeUp(ctx, and(eq(checkouts.id, id), isDue(ctx)))

/** There is news of a checkout's payment: it goes on if it waited for that, and does not begin to wait otherwise. */
export async function resumeCheckout(ctx: Context, id: string): Promise<void> {
  const [awake] = await ctx.db
    .update(checkouts)
    .set({ ...awakened(ctx), isPaymentResolved: true })
    .where(and(eq(checkouts.id, id), inArray(checkouts.status, ['PROCESSING', 'AWAITING_PAYMENT_ACTION'])))
    .returning()
  if (!awake) return
  await tell(ctx, awake)
  await takeUpNow(ctx, awake)
}

/**
 * Ends checkouts that nobody completed in time: nothing is held for them. Those whose buyer did not confirm the payment in
 * time go on, ask once more, and are undone if there is nothing new.
 */
export async function expireCheckouts(ctx: Context): Promise<void> {
  const now = ctx.now()
  const expired = await ctx.db
    .update(checkouts)
    .set({ status: 'EXPIRED', version: sql`${checkouts.version} + 1`, updatedAt: now })
    .where(and(eq(checkouts.status, 'OPEN'), lte(checkouts.expiresAt, now)))
    .returning()
  const late = await ctx.db
    .update(checkouts)
    .set(awakened(ctx))
    .where(and(eq(checkouts.status, 'AWAITING_PAYMENT_ACTION'), lte(checkouts.actionUntil, now)))
    .returning()
  for (const checkout of [...expired, ...late]) await tell(ctx, checkout)
}
