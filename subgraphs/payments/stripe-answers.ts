import { Stripe } from 'stripe'
import type { Money } from '#platform/money.ts'
import { AMOUNT_NOT_EXACT, CANCELLED, type Booked } from './payment.ts'
import { ProviderUnreachable, type Answer, type Refusal } from './provider.ts'

// Where Stripe counts otherwise than ISO 4217: in hundredths though there are none, or whole though there are.
const scales: Readonly<Record<string, { units: number; minor: number }>> = {
  ISK: { units: 100, minor: 1 },
  UGX: { units: 100, minor: 1 },
  MGA: { units: 1, minor: 100 },
}
// These are counted in thousandths, of which the last digit must be 0.
const countedInTens: readonly string[] = ['BHD', 'JOD', 'KWD', 'OMR', 'TND']

const scaleOf = (currency: string) => scales[currency.toUpperCase()] ?? { units: 1, minor: 1 }

/** An amount as Stripe counts it. @throws NotChargeable when it has none for it: nobody is charged another amount. */
export function unitsOf({ amountMinor, currency }: Money): { amount: number; currency: string } {
  const scale = scaleOf(currency)
  const amount = (amountMinor * scale.units) / scale.minor
  const isOdd = countedInTens.includes(currency) && amount % 10 !== 0
  if (isOdd || !Number.isInteger(amount)) throw new NotChargeable()
  return { amount, currency: currency.toLowerCase() }
}

class NotChargeable extends Error {
  override name = 'NotChargeable'
  override message = 'This amount cannot be charged exactly'
}

/** Key in an intent's metadata that says that a capture was carried out. */
export const captureMark = (key: string): string => `c_${key}`

/** Epoch seconds at which a request's key was made: it is a UUIDv7, which begins with the time. */
export const madeAt = (key: string): number => Math.floor(parseInt(key.replaceAll('-', '').slice(0, 12), 16) / 1000)

/** What an intent says of the authorisation. @throws ProviderUnreachable while Stripe is not done. */
export function answerToIntent(intent: Stripe.PaymentIntent): Answer {
  const { id: reference, status } = intent
  if (status === 'requires_capture' || status === 'succeeded') return { status: 'SUCCEEDED', reference }
  if (status === 'requires_action') return { status: 'REQUIRES_ACTION', reference, action: actionOf(intent) }
  if (isFailed(intent)) return { status: 'DECLINED', code: declineOf(intent.last_payment_error) }
  if (status === 'canceled') return { status: 'FAILED', code: CANCELLED }
  throw new ProviderUnreachable()
}

/** Whether the bank has said no, before the intent was cancelled or not. */
const isFailed = ({ status, last_payment_error }: Stripe.PaymentIntent): boolean =>
  status === 'requires_payment_method' || (status === 'canceled' && last_payment_error !== null)

function actionOf({ next_action, client_secret }: Stripe.PaymentIntent) {
  const url = next_action?.redirect_to_url?.url
  return url
    ? ({ kind: 'REDIRECT', url, clientSecret: null } as const)
    : ({ kind: 'SDK', url: null, clientSecret: client_secret! } as const)
}

/** What became of a refund. @throws ProviderUnreachable while the bank has not taken it. */
export function answerToRefund({ id: reference, status, failure_reason }: Stripe.Refund): Answer {
  if (status === 'succeeded') return { status: 'SUCCEEDED', reference }
  if (status === 'failed' || status === 'canceled') return { status: 'FAILED', code: failure_reason ?? status }
  throw new ProviderUnreachable()
}

/**
 * An intent as one of the shop's authorisations; null when it is none: made by somebody else, or never authorised. Its
 * charge must have come along.
 */
export function bookedOf(intent: Stripe.PaymentIntent): Booked | null {
  const { id: reference, amount, amount_capturable, amount_received: received, latest_charge: charge } = intent
  const { key } = intent.metadata
  if (!key || !charge || typeof charge === 'string' || charge.status === 'failed') return null
  const scale = scaleOf(intent.currency)
  const minor = (units: number) => (units * scale.minor) / scale.units
  return {
    key,
    reference,
    authorizedMinor: minor(amount),
    capturedMinor: minor(received),
    releasedMinor: minor(amount - received - amount_capturable),
    refundedMinor: received > 0 ? minor(charge.amount_refunded) : 0,
  }
}

interface Decline {
  code?: string | undefined
  decline_code?: string | undefined
}

const declineOf = (error: Decline | null): string => error?.decline_code ?? error?.code ?? 'card_declined'

/**
 * What an error says of a request: that it was refused. Anything else leaves open what became of it.
 * @throws ProviderUnreachable, and what is a mistake of ours or of the configuration.
 */
export function refusalOf(error: unknown): Refusal {
  if (error instanceof NotChargeable) return { status: 'FAILED', code: AMOUNT_NOT_EXACT }
  if (error instanceof Stripe.errors.StripeCardError) return { status: 'DECLINED', code: declineOf(error) }
  if (error instanceof Stripe.errors.StripeIdempotencyError) return { status: 'FAILED', code: 'idempotency_key_reused' }
  // 409: a request with the same key is under way. What is locked says so as a rate limit.
  if (error instanceof Stripe.errors.StripeInvalidRequestError && error.statusCode !== 409) {
    const isCard = error.param === 'payment_method' || error.code === 'resource_missing'
    return { status: 'FAILED', code: isCard ? 'token_invalid' : (error.code ?? 'invalid_request') }
  }
  if (
    error instanceof Stripe.errors.StripeConnectionError ||
    error instanceof Stripe.errors.StripeAPIError ||
    error instanceof Stripe.errors.StripeRateLimitError ||
    (error instanceof Stripe.errors.StripeError && error.statusCode === 409)
  ) {
    throw new ProviderUnreachable()
  }
  throw error
}
