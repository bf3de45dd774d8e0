import { and, asc, eq, gt, inArray, isNotNull, lt, ne, or, type SQL } from 'drizzle-orm'
import type { Context } from '#platform/context.ts'
import { Rejection } from '#platform/user-errors.ts'
import { NOT_RECEIVED } from './payment.ts'
import { attempts, payments, paymentTransactions } from './tables.ts'
import { undo } from './undoing.ts'
import { resolve } from './webhooks.ts'

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
  const now = ctx.now().getTime()
  const { status, errorCode, at } = paymentTransactions
  const isDue = or(
    and(inArray(status, ['PENDING', 'UNKNOWN']), lt(at, new Date(now - PATIENCE_MS))),
    and(eq(errorCode, NOT_RECEIVED), gt(at, new Date(now - LATENESS_MS))),
  )
  await resolveAll(ctx, and(isDue, ne(payments.authorization, 'REQUIRES_ACTION')))
  const left = await ctx.db
    .select({ id: payments.id })
    .from(payments)
    .innerJoin(attempts, and(eq(attempts.checkoutId, payments.checkoutId), eq(attempts.attempt, payments.attempt)))
    .where(and(inArray(payments.status, ['AUTHORIZED', 'REQUIRES_ACTION']), isNotNull(attempts.undoneAt)))
    .limit(BATCH)
  for (const { id } of left) await orLater(ctx, id, () => undo(ctx, id))
}

/**
 * Asks whether buyers have confirmed what they were asked to, in case the provider's webhook is lost. Rarely: each asks
 * the provider.
 */
export const askAfterBuyers = (ctx: Context): Promise<void> =>
  resolveAll(ctx, and(eq(payments.status, 'REQUIRES_ACTION'), eq(paymentTransactions.status, 'PENDING')))

/** Payments whose answer the provider still owes. */
export const countUnknown = ({ db }: Context): Promise<number> => db.$count(payments, eq(payments.status, 'UNKNOWN'))

async function resolveAll(ctx: Context, which: SQL | undefined): Promise<void> {
  const open = await ctx.db
    .select({ transaction: paymentTransactions, payment: payments })
    .from(paymentTransactions)
    .innerJoin(payments, eq(payments.id, paymentTransactions.paymentId))
    .where(which)
    .orderBy(asc(paymentTransactions.at))
    .limit(BATCH)
  for (const movement of open) await orLater(ctx, movement.payment.id, () => resolve(ctx, movement))
}

// An outage of the provider must not keep the other movements waiting.
async function orLater({ log }: Context, paymentId: string, run: () => Promise<unknown>): Promise<void> {
  await run().catch((error: unknown) => {
    if (!(error instanceof Rejection)) throw error
    log.warn({ paymentId }, 'a movement is still without an answer; it is tried again')
  })
}
