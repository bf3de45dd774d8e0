import type { PaymentRow, PaymentTransactionRow } from './tables.ts'

type Sums = Pick<PaymentRow, 'authorizedMinor' | 'capturedMinor' | 'releasedMinor' | 'refundedMinor'>

/** What can still be given back, in minor units. Refunds in flight are taken for done. */
export const refundableMinor = (
  payment: Pick<PaymentRow, 'capturedMinor' | 'refundedMinor' | 'refundingMinor'>,
): number => payment.capturedMinor - payment.refundedMinor - payment.refundingMinor

/** What is still reserved and can be taken or released, in minor units. */
export const reservedMinor = (payment: Sums & Pick<PaymentRow, 'capturingMinor' | 'releasingMinor'>): number =>
  payment.authorizedMinor -
  payment.capturedMinor -
  payment.capturingMinor -
  payment.releasedMinor -
  payment.releasingMinor

export type FinancialStatus =
  | 'UNPAID'
  | 'AUTHORIZED'
  | 'PARTIALLY_PAID'
  | 'PAID'
  | 'PARTIALLY_REFUNDED'
  | 'REFUNDED'
  | 'VOIDED'

/** How much of an order of `totalMinor` its payments have paid. */
export function financialStatus(totalMinor: number, payments: readonly Sums[]): FinancialStatus {
  const authorized = total(payments, 'authorizedMinor')
  const captured = total(payments, 'capturedMinor')
  const released = total(payments, 'releasedMinor')
  const refunded = total(payments, 'refundedMinor')
  if (refunded > 0) return refunded < captured ? 'PARTIALLY_REFUNDED' : 'REFUNDED'
  if (captured >= totalMinor) return 'PAID'
  if (captured > 0) return 'PARTIALLY_PAID'
  if (authorized > released) return 'AUTHORIZED'
  return released > 0 ? 'VOIDED' : 'UNPAID'
}

/** What is still to be paid of `totalMinor`. Money given back is not owed again. */
export const outstandingMinor = (totalMinor: number, payments: readonly Sums[]): number =>
  Math.max(0, totalMinor - total(payments, 'capturedMinor'))

const total = (payments: readonly Sums[], sum: keyof Sums): number =>
  payments.reduce((minor, payment) => minor + payment[sum], 0)

/** The provider was asked and did not know the request: it may still be on its way, and may be sent again. */
export const NOT_RECEIVED = 'not_received'

/** An authorisation that waited for the buyer was ended before the buyer had confirmed. */
export const CANCELLED = 'cancelled'

/** The provider cannot charge exactly this amount in its currency. */
export const AMOUNT_NOT_EXACT = 'amount_not_exact'

/** The card can be charged once, and less than all of what is reserved was asked for. */
export const CHARGED_ONCE = 'charged_once'

/** Codes of an amount that a provider never charges, whatever the card. */
export const amountsOutOfBounds: readonly string[] = ['amount_too_small', 'amount_too_large']

/** Whether the provider may yet do what was asked. */
export const isUnsettled = ({ status, errorCode }: Pick<PaymentTransactionRow, 'status' | 'errorCode'>): boolean =>
  status === 'PENDING' || status === 'UNKNOWN' || errorCode === NOT_RECEIVED

/** Whether it came to its end without being carried out. */
export const isRefused = (movement: Pick<PaymentTransactionRow, 'status' | 'errorCode'>): boolean =>
  movement.status !== 'SUCCEEDED' && !isUnsettled(movement)

// Reasons that pass by themselves; for any other the buyer needs another card.
const passing: readonly string[] = ['insufficient_funds', 'processing_error', 'issuer_unavailable']

/** Whether a card declined for this reason may work later. */
export const isRetryable = (declineCode: string): boolean => passing.includes(declineCode)

/** Where a refund stands, from what came of its movement. */
export function refundStatusOf(status: PaymentTransactionRow['status']): 'PENDING' | 'SUCCEEDED' | 'FAILED' {
  if (status === 'PENDING' || status === 'UNKNOWN') return 'PENDING'
  return status === 'SUCCEEDED' ? 'SUCCEEDED' : 'FAILED'
}

/** What the buyer's action is sealed about: it opens for no other payment. */
export const actionSealedAs = (paymentId: string): string => `payment-action ${paymentId}`

/** An authorisation with what was done with it, as one of two books has it. */
export interface Booked extends Sums {
  /** Key it was asked for with. */
  key: string
  reference: string
}

const sumsOf = ({ authorizedMinor, capturedMinor, releasedMinor, refundedMinor }: Sums): readonly number[] => [
  authorizedMinor,
  capturedMinor,
  releasedMinor,
  refundedMinor,
]

/** Two books of one period beside each other, by the key of each authorisation. */
export function compared(ours: readonly Booked[], theirs: readonly Booked[]) {
  const known = new Map(ours.map((each) => [each.key, each]))
  const there = new Set(theirs.map(({ key }) => key))
  const both = theirs.flatMap((their) => {
    const our = known.get(their.key)
    return our
      ? [{ reference: their.reference, pairs: sumsOf(our).map((minor, at) => [minor, sumsOf(their)[at]!]) }]
      : []
  })
  const pairs = both.flatMap((each) => each.pairs)
  return {
    /** Sums that are the same, of those that are not nothing. */
    matched: pairs.filter(([our, their]) => our === their && our !== 0).length,
    missingHere: theirs.filter(({ key }) => !known.has(key)).map(({ reference }) => reference),
    missingAtProvider: ours.filter(({ key }) => !there.has(key)).map(({ reference }) => reference),
    amountMismatches: both
      .filter((each) => each.pairs.some(([our, their]) => our !== their))
      .map(({ reference }) => reference),
  }
}
