import { and, asc, eq, gt, inArray, isNotNull, lt, or } from 'drizzle-orm'
import type { Context } from '#platform/context.ts'
import { Rejection } from '#platform/user-errors.ts'
import { NOT_RECEIVED } from './payment.ts'
import { attempts, payments, paymentTransactions } from './tables.ts'
import { settle, undo } from './undoing.ts'

// Longer than a provider takes to answer, so that a request under way is left alone.
const PATIENCE_MS = 30_000
// How long a request that the provider does not know may still be on its way: a process can be paused with it in hand.
const LATENESS_MS = 15 * 60_000
const BATCH = 100

/**
 * Finds out what became of movements whose answer is missing, and undoes authorisations that came after their attempt was
 * undone. What cannot be settled now is tried again at the next run. Safe in several processes at once.
 */
export async function resolveMovements(ctx: Context): Promise<void> {
  const { db } = ctx
  const now = ctx.now().getTime()
  const { status, errorCode, at } = paymentTransactions
  const open = await db
    .select()
    .from(paymentTransactions)
    .where(
      or(
        and(inArray(status, ['PENDING', 'UNKNOWN']), lt(at, new Date(now - PATIENCE_MS))),
        and(eq(errorCode, NOT_RECEIVED), gt(at, new Date(now - LATENESS_MS))),
      ),
    )
    .orderBy(asc(at))
    .limit(BATCH)
  for (const transaction of open) {
    await orLater(ctx, transaction.paymentId, () => settle(ctx, transaction, { isResolution: true }))
  }
  const left = await db
    .select({ id: payments.id })
    .from(payments)
    .innerJoin(attempts, and(eq(attempts.checkoutId, payments.checkoutId), eq(attempts.attempt, payments.attempt)))
    .where(and(eq(payments.status, 'AUTHORIZED'), isNotNull(attempts.undoneAt)))
    .limit(BATCH)
  for (const { id } of left) await orLater(ctx, id, () => undo(ctx, id))
}

// An outage of the provider must not keep the other movements waiting.
async function orLater({ log }: Context, paymentId: string, run: () => Promise<unknown>): Promise<void> {
  await run().catch((error: unknown) => {
    if (!(error instanceof Rejection)) throw error
    log.warn({ paymentId }, 'a movement is still without an answer; it is tried again')
  })
}
