import { reject } from '#platform/user-errors.ts'
import { record, type Doing, type Recorded } from './ledger.ts'
import { carryOut, ifReached, questionOf } from './movements.ts'
import { CANCELLED, isUnsettled, NOT_RECEIVED } from './payment.ts'
import { providerNamed } from './provider.ts'
import type { PaymentRow, PaymentTransactionRow } from './tables.ts'

export const refuseForNow = (): never =>
  reject('UPSTREAM_UNAVAILABLE', 'The bank cannot be reached. Try again with the same key.')

/**
 * Brings a movement without an answer to its end. An authorisation is looked up, and is FAILED when the provider does not
 * know it; should it turn up after all, it is undone then. One that the buyer has still to confirm stays as it is. Any
 * other movement is asked for again with its own key.
 * @throws Rejection UPSTREAM_UNAVAILABLE when the provider cannot be reached.
 */
export async function settle(
  ctx: Doing,
  transaction: PaymentTransactionRow,
  payment: PaymentRow,
  options: { isResolution?: boolean } = {},
): Promise<Recorded> {
  const asItIs = { transaction, payment, isUndone: false }
  if (transaction.kind !== 'AUTHORIZE') {
    const settled = await carryOut(ctx, transaction, payment)
    return isUnsettled(settled.transaction) ? refuseForNow() : settled
  }
  const answer = await answerTo(ctx, transaction, payment)
  if (answer?.status === 'REQUIRES_ACTION' && payment.status === 'REQUIRES_ACTION') return asItIs
  if (answer) return await record(ctx, transaction, answer, options)
  if (transaction.errorCode === NOT_RECEIVED) return asItIs
  return await record(ctx, transaction, { status: 'FAILED', code: NOT_RECEIVED }, options)
}

/**
 * Ends an authorisation that waits for the buyer. The provider decides whether the buyer was quicker.
 * @throws Rejection UPSTREAM_UNAVAILABLE
 */
export async function abandon(ctx: Doing, transaction: PaymentTransactionRow, payment: PaymentRow): Promise<void> {
  const { id, amountMinor, currency } = transaction
  const amount = { amountMinor, currency }
  const request = { key: `${id}:cancel`, reference: payment.providerReference!, amount, isAbandoned: true }
  const ended = (await ifReached(providerNamed(ctx, payment.provider).void(request))) ?? refuseForNow()
  const answer =
    ended.status === 'SUCCEEDED'
      ? ({ status: 'FAILED', code: CANCELLED } as const)
      : await answerTo(ctx, transaction, payment)
  if (!answer || answer.status === 'REQUIRES_ACTION') return refuseForNow()
  await record(ctx, transaction, answer)
}

async function answerTo(ctx: Doing, transaction: PaymentTransactionRow, payment: PaymentRow) {
  const found = await ifReached(
    providerNamed(ctx, payment.provider)
      .lookup(questionOf(transaction, payment))
      .then((answer) => ({ answer })),
  )
  return (found ?? refuseForNow()).answer
}
