import { and, asc, eq, sql } from 'drizzle-orm'
import { z } from 'zod'
import { parseInput, reject } from '#platform/user-errors.ts'
import type { Service } from '#platform/viewer.ts'
import { id } from './inputs.ts'
import { unsettled, type Doing, type Kind } from './ledger.ts'
import { move, moveIfLeft, unlessTaken, type Movement } from './movements.ts'
import { isUnsettled, refundableMinor, reservedMinor } from './payment.ts'
import type { PaymentCompensateInput } from './schema.generated.ts'
import { abandon, refuseForNow, settle } from './settling.ts'
import { payments, paymentTransactions, type PaymentRow, type PaymentTransactionRow } from './tables.ts'

const inputSchema = z.object({
  checkoutId: id,
  attempt: z.number().int().min(1, 'Attempts count from 1.'),
  reason: z.string().max(500),
  idempotencyKey: z.string(),
})

type Undoing = z.output<typeof inputSchema>

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
  const released = await moveIfLeft(ctx, releaseOf(input))
  // One that was refused before is tried anew by whoever asks anew.
  const isTriedAnew = 'transaction' in released && released.isReplay && !isUnsettled(released.transaction)
  if ('transaction' in released && !isTriedAnew) requireDone(released.transaction)
  const { payment } = released
  // An ordinary one is undone by that; what is left is found out about first.
  return { payment: payment && (payment.status === 'VOIDED' ? payment : await undo(ctx, payment.id)), isReplay }
}

// One statement. Returns whether the attempt had been undone with this key before.
async function markUndone(ctx: Doing, { checkoutId, attempt, reason, idempotencyKey: key }: Undoing): Promise<boolean> {
  const [earlier] = await ctx.db.execute<{ same: boolean | null }>(sql`
    with earlier as (select checkout_id, attempt from payments.attempts where undo_key = ${key}),
    marked as (
      insert into payments.attempts (checkout_id, attempt, undone_at, undo_key, undo_reason)
      select ${checkoutId}::uuid, ${attempt}::int, ${ctx.now().toISOString()}::timestamptz, ${key}, ${reason}
      where not exists (select from earlier)
      on conflict (checkout_id, attempt) do update
      set undone_at = excluded.undone_at, undo_key = excluded.undo_key, undo_reason = excluded.undo_reason
      where attempts.undone_at is null
    )
    select checkout_id = ${checkoutId} and attempt = ${attempt} as same from earlier`)
  if (earlier && !earlier.same) {
    reject('IDEMPOTENCY_KEY_REUSED', 'This key was used before with different input.', ['idempotencyKey'])
  }
  return earlier !== undefined
}

const undoing = { askedBy: 'payments', reason: 'undone' } as const

const releaseOf = ({ checkoutId, attempt }: Undoing): Movement => ({
  ...undoing,
  kind: 'VOID',
  of: sql`p.checkout_id = ${checkoutId} and p.attempt = ${attempt}`,
  amountMinor: null,
  left: unlessTaken,
  request: { checkoutId, attempt },
  idempotencyKey: `undo:${checkoutId}:${attempt}`,
})

/**
 * Gives a payment's money back, whatever became of it: first what is unsettled is asked after, then what was taken is
 * refunded and what is reserved released. Returns the payment as it is then.
 * @throws Rejection UPSTREAM_UNAVAILABLE
 */
export async function undo(ctx: Doing, paymentId: string): Promise<PaymentRow> {
  for (const transaction of await unsettledOf(ctx, paymentId)) {
    const { payment, transaction: settled } = await settle(ctx, transaction, await paymentNow(ctx, paymentId))
    if (payment.status === 'REQUIRES_ACTION') await abandon(ctx, settled, payment)
  }
  // The key names the try: many who are at it at once make one movement, whoever comes after its end makes another. Counted
  // first: a try that ends meanwhile leaves nothing, or is the one that the key names.
  const tries = await triesOf(ctx, paymentId)
  const payment = await paymentNow(ctx, paymentId)
  const taken = refundableMinor(payment)
  const reserved = reservedMinor(payment)
  if (taken + reserved + payment.capturingMinor === 0) return payment
  const giveBack = async (kind: 'REFUND' | 'VOID', amountMinor: number) => {
    const idempotencyKey = `undo:${paymentId}:${kind.toLowerCase()}:${tries.filter((each) => each === kind).length}`
    const of = sql`p.id = ${paymentId}`
    const movement = { ...undoing, kind, of, amountMinor, request: { undo: paymentId }, idempotencyKey }
    requireDone((await move(ctx, movement, refuseForNow)).transaction)
  }
  if (taken > 0) await giveBack('REFUND', taken)
  if (reserved > 0) await giveBack('VOID', reserved)
  // More may have been taken meanwhile, or be about to be.
  return await undo(ctx, paymentId)
}

const unsettledOf = ({ db }: Doing, paymentId: string): Promise<PaymentTransactionRow[]> =>
  db
    .select()
    .from(paymentTransactions)
    .where(and(eq(paymentTransactions.paymentId, paymentId), unsettled))
    .orderBy(asc(paymentTransactions.at), asc(paymentTransactions.id))

/** The kinds of a payment's movements that have come to an end. */
async function triesOf({ db }: Doing, paymentId: string): Promise<Kind[]> {
  const rows = await db
    .select({ kind: paymentTransactions.kind })
    .from(paymentTransactions)
    .where(and(eq(paymentTransactions.paymentId, paymentId), sql`${unsettled} is not true`))
  return rows.map(({ kind }) => kind)
}

const requireDone = ({ status }: PaymentTransactionRow): void => {
  if (status !== 'SUCCEEDED') refuseForNow()
}

async function paymentNow({ db }: Doing, paymentId: string): Promise<PaymentRow> {
  const [payment] = await db.select().from(payments).where(eq(payments.id, paymentId))
  return payment!
}
