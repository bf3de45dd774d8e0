import { and, asc, eq, isNotNull, isNull, sql } from 'drizzle-orm'
import { z } from 'zod'
import type { Db } from '#platform/database.ts'
import { parseInput, reject } from '#platform/user-errors.ts'
import type { Service } from '#platform/viewer.ts'
import { id, idempotencyKey } from './inputs.ts'
import { carryOut, ifReached, move, record, unsettled, type Doing } from './movements.ts'
import { isUnsettled, NOT_RECEIVED, refundableMinor, reservedMinor } from './payment.ts'
import { providerOf } from './provider.ts'
import type { PaymentCompensateInput } from './schema.generated.ts'
import { attempts, payments, paymentTransactions, type PaymentRow, type PaymentTransactionRow } from './tables.ts'

const inputSchema = z.object({
  checkoutId: id,
  attempt: z.number().int().min(1, 'Attempts count from 1.'),
  reason: z.string().max(500),
  idempotencyKey,
})

type Attempt = Pick<z.output<typeof inputSchema>, 'checkoutId' | 'attempt'>

/**
 * Undoes what an attempt of a checkout did with money: releases what is reserved, gives back what was taken, and leaves a
 * mark that refuses an authorisation of that attempt that comes late. The payment is null when there was none.
 * @throws Rejection UPSTREAM_UNAVAILABLE when the provider cannot be reached or refuses; it is safe to call again.
 */
export async function compensatePayment(
  ctx: Doing,
  _asker: Service,
  given: PaymentCompensateInput,
): Promise<{ payment: PaymentRow | null; isReplay: boolean }> {
  const input = parseInput(inputSchema, given)
  const isReplay = await markUndone(ctx, input)
  const [payment] = await ctx.db.select().from(payments).where(ofAttempt(input))
  return { payment: payment ? await undo(ctx, payment.id) : null, isReplay }
}

const ofAttempt = ({ checkoutId, attempt }: Attempt) =>
  and(eq(payments.checkoutId, checkoutId), eq(payments.attempt, attempt))

// Returns whether the attempt had been undone with this key before.
async function markUndone(ctx: Doing, input: z.output<typeof inputSchema>): Promise<boolean> {
  const { checkoutId, attempt, reason, idempotencyKey: undoKey } = input
  const [earlier] = await ctx.db.select().from(attempts).where(eq(attempts.undoKey, undoKey))
  if (earlier && (earlier.checkoutId !== checkoutId || earlier.attempt !== attempt)) {
    reject('IDEMPOTENCY_KEY_REUSED', 'This key was used before with different input.', ['idempotencyKey'])
  }
  await ctx.db
    .insert(attempts)
    .values({ checkoutId, attempt, undoneAt: ctx.now(), undoKey, undoReason: reason })
    .onConflictDoUpdate({
      target: [attempts.checkoutId, attempts.attempt],
      set: { undoneAt: sql`excluded.undone_at`, undoKey, undoReason: reason },
      setWhere: isNull(attempts.undoneAt),
    })
  return earlier !== undefined
}

/** Whether nothing may be reserved for an attempt any more. */
export async function isUndone(db: Db, { checkoutId, attempt }: Attempt): Promise<boolean> {
  const rows = await db
    .select({ attempt: attempts.attempt })
    .from(attempts)
    .where(and(eq(attempts.checkoutId, checkoutId), eq(attempts.attempt, attempt), isNotNull(attempts.undoneAt)))
  return rows.length > 0
}

/**
 * Gives a payment's money back, whatever became of it: first what is unsettled is asked after, then what was taken is
 * refunded and what is reserved released. Returns the payment as it is then.
 * @throws Rejection UPSTREAM_UNAVAILABLE
 */
export async function undo(ctx: Doing, paymentId: string): Promise<PaymentRow> {
  const open = await ctx.db
    .select()
    .from(paymentTransactions)
    .where(and(eq(paymentTransactions.paymentId, paymentId), unsettled))
    .orderBy(asc(paymentTransactions.at), asc(paymentTransactions.id))
  for (const transaction of open) await settle(ctx, transaction)
  const payment = await paymentNow(ctx, paymentId)
  const about = { payment, askedBy: 'payments', request: { undo: paymentId }, reason: 'undone' }
  const taken = refundableMinor(payment)
  const reserved = reservedMinor(payment)
  // The key names the state that is undone: the same try again is the same movement.
  const key = (sum: number) => `undo:${paymentId}:${sum}`
  if (taken > 0) {
    const refund = {
      ...about,
      kind: 'REFUND',
      amountMinor: taken,
      idempotencyKey: `${key(payment.refundedMinor)}:refund`,
    } as const
    requireDone((await move(ctx, refund, refuse)).transaction)
  }
  if (reserved > 0) {
    const release = {
      ...about,
      kind: 'VOID',
      amountMinor: reserved,
      idempotencyKey: `${key(payment.releasedMinor)}:void`,
    } as const
    requireDone((await move(ctx, release, refuse)).transaction)
  }
  return taken + reserved > 0 ? await paymentNow(ctx, paymentId) : payment
}

const refuse = (): never => reject('UPSTREAM_UNAVAILABLE', 'The bank cannot be reached. Try again with the same key.')

const requireDone = ({ status }: PaymentTransactionRow): void => {
  if (status !== 'SUCCEEDED') refuse()
}

async function paymentNow({ db }: Doing, paymentId: string): Promise<PaymentRow> {
  const [payment] = await db.select().from(payments).where(eq(payments.id, paymentId))
  return payment!
}

/**
 * Brings a movement without an answer to its end. An authorisation is looked up, and is FAILED when the provider does not
 * know it; should it turn up after all, it is undone then. Any other movement is asked for again with its own key.
 * @throws Rejection UPSTREAM_UNAVAILABLE when the provider cannot be reached.
 */
export async function settle(
  ctx: Doing,
  transaction: PaymentTransactionRow,
  options: { isResolution?: boolean } = {},
): Promise<PaymentTransactionRow> {
  if (transaction.kind !== 'AUTHORIZE') {
    const settled = await carryOut(ctx, transaction)
    if (isUnsettled(settled)) refuse()
    return settled
  }
  const found = await ifReached(
    providerOf(ctx)
      .lookup(transaction.id)
      .then((answer) => ({ answer })),
  )
  if (!found) return refuse()
  if (found.answer) return await record(ctx, transaction, found.answer, options)
  if (transaction.errorCode === NOT_RECEIVED) return transaction
  return await record(ctx, transaction, { status: 'FAILED', code: NOT_RECEIVED }, options)
}
