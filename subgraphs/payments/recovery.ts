import { and, countDistinct, eq, gt, inArray, lt, ne, not, or } from 'drizzle-orm'
import type { Context } from '#platform/context.ts'
import { eachDue } from './passes.ts'
import { NOT_RECEIVED } from './payment.ts'
import { isStuck, isUndone } from './stuck.ts'
import { payments, paymentTransactions } from './tables.ts'
import { undo } from './undoing.ts'
import { resolve } from './webhooks.ts'

// Longer than a provider takes to answer, so that a request under way is left alone.
const PATIENCE_MS = 30_000
// How long a request that the provider does not know may still be on its way: a process can be paused with it in hand.
const LATENESS_MS = 15 * 60_000

const { kind, status, errorCode, at } = paymentTransactions

// Those whose answer is missing for longer than one takes, buyers' confirmations left out.
const isOwed = ({ now }: Pick<Context, 'now'>) =>
  and(
    inArray(status, ['PENDING', 'UNKNOWN']),
    lt(at, new Date(now().getTime() - PATIENCE_MS)),
    ne(payments.authorization, 'REQUIRES_ACTION'),
  )

/**
 * Finds out what became of movements whose answer is missing, and undoes authorisations that came after their attempt was
 * undone. What cannot be settled now is tried again at a later run. Safe in several processes at once.
 */
export async function resolveMovements(ctx: Context): Promise<void> {
  const mayArrive = and(eq(errorCode, NOT_RECEIVED), gt(at, new Date(ctx.now().getTime() - LATENESS_MS)))
  const isLeft = and(
    eq(kind, 'AUTHORIZE'),
    inArray(payments.status, ['AUTHORIZED', 'REQUIRES_ACTION']),
    // What is being released is asked after like any movement.
    eq(payments.releasingMinor, 0),
    isUndone,
    not(isStuck),
  )
  const [resolved, undone] = await Promise.allSettled([
    eachDue(ctx, or(isOwed(ctx), mayArrive), (movement) => resolve(ctx, movement)),
    eachDue(ctx, isLeft, ({ payment }) => undo(ctx, payment.id)),
  ])
  for (const pass of [resolved, undone]) if (pass.status === 'rejected') throw pass.reason
}

/**
 * Asks whether buyers have confirmed what they were asked to, in case the provider's webhook is lost. Rarely: each asks
 * the provider.
 */
export const askAfterBuyers = (ctx: Context): Promise<void> =>
  eachDue(ctx, and(eq(payments.status, 'REQUIRES_ACTION'), eq(status, 'PENDING')), (movement) => resolve(ctx, movement))

/** Payments of which the provider still owes an answer. */
export async function countUnknown(ctx: Pick<Context, 'db' | 'now'>): Promise<number> {
  const [row] = await ctx.db
    .select({ count: countDistinct(payments.id) })
    .from(paymentTransactions)
    .innerJoin(payments, eq(payments.id, paymentTransactions.paymentId))
    .where(isOwed(ctx))
  return row!.count
}
