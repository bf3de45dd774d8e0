import { and, eq, inArray, isNotNull, lte, sql } from 'drizzle-orm'
import type { Context } from '#platform/context.ts'
import { carryOn } from './completion.ts'
import { Attempt, takeLease, tell } from './lease.ts'
import { checkouts } from './tables.ts'

/** Checkouts taken up at a time. */
const BATCH = 10

/** Takes up checkouts whose process went silent, and those that wait to be tried again. */
export async function recoverCheckouts(ctx: Context): Promise<void> {
  const due = ctx.db
    .select({ id: checkouts.id })
    .from(checkouts)
    .where(and(inArray(checkouts.status, ['PROCESSING', 'COMPENSATING']), lte(checkouts.leaseUntil, ctx.now())))
    .orderBy(checkouts.leaseUntil)
    .limit(BATCH)
    .for('update', { skipLocked: true })
  const taken = await ctx.db
    .update(checkouts)
    .set(takeLease(ctx))
    .where(and(inArray(checkouts.id, due), isNotNull(checkouts.leaseUntil)))
    .returning()
  await Promise.all(
    (await Attempt.resumed(ctx, taken)).map(async (attempt) => {
      const { id: checkoutId, status } = attempt.checkout
      ctx.log.info({ checkoutId, status }, 'a checkout is taken up again')
      await carryOn(ctx, attempt)
    }),
  )
}

/** Ends checkouts that nobody completed in time. Nothing is held for them. */
export async function expireCheckouts(ctx: Context): Promise<void> {
  const expired = await ctx.db
    .update(checkouts)
    .set({ status: 'EXPIRED', version: sql`${checkouts.version} + 1`, updatedAt: ctx.now() })
    .where(and(eq(checkouts.status, 'OPEN'), lte(checkouts.expiresAt, ctx.now())))
    .returning()
  for (const checkout of expired) await tell(ctx, checkout)
}
