import { toDecimal, type Money } from '#platform/money.ts'
import type { UserError, UserErrorCode } from '#platform/user-errors.ts'
import type { FrozenCart } from './calls/cart.ts'
import type { CheckoutStatus, CheckoutStepName, CheckoutStepStatus } from './schema.generated.ts'

export type StepName = CheckoutStepName

/** The way from a cart to an order. */
export const stepNames = [
  'FREEZE_CART',
  'RESERVE_STOCK',
  'RESERVE_PROMOTIONS',
  'AUTHORIZE_PAYMENT',
  'COMMIT_STOCK',
  'CREATE_ORDER',
  'CAPTURE_PAYMENT',
  'CONVERT_CART',
] as const satisfies readonly StepName[]

/** The step that creates the order. Before it everything can be undone, after it nothing is. */
export const PIVOT = 'CREATE_ORDER' satisfies StepName

/**
 * Steps with something to take back, in the order of undoing. One release lets go of what RESERVE_STOCK held and what
 * COMMIT_STOCK sold alike.
 */
export const undoNames = [
  'AUTHORIZE_PAYMENT',
  'RESERVE_PROMOTIONS',
  'RESERVE_STOCK',
  'FREEZE_CART',
] as const satisfies readonly StepName[]

export type UndoName = (typeof undoNames)[number]

/** Where a checkout can go from each state. */
export const nextStatuses = {
  OPEN: ['PROCESSING', 'EXPIRED', 'CANCELLED'],
  PROCESSING: ['COMPLETED', 'COMPENSATING', 'AWAITING_PAYMENT_ACTION', 'NEEDS_ATTENTION'],
  AWAITING_PAYMENT_ACTION: ['PROCESSING', 'COMPENSATING'],
  COMPENSATING: ['OPEN', 'FAILED', 'CANCELLED', 'NEEDS_ATTENTION'],
  NEEDS_ATTENTION: ['PROCESSING', 'COMPENSATING'],
  COMPLETED: [],
  FAILED: [],
  EXPIRED: [],
  CANCELLED: [],
} as const satisfies Record<CheckoutStatus, readonly CheckoutStatus[]>

/** Whether it is being completed: nobody else may begin to. */
export const isTaken = (status: CheckoutStatus): boolean => isUnderWay(status) || status === 'AWAITING_PAYMENT_ACTION'

/** Whether a process carries it on by itself. */
export const isUnderWay = (status: CheckoutStatus): boolean => status === 'PROCESSING' || status === 'COMPENSATING'

/** A step of an attempt, as it is kept. */
export interface StepRecord {
  name: StepName
  status: 'RUNNING' | 'DONE' | 'FAILED' | 'UNDONE'
  /** Times it was begun. */
  tries: number
  startedAt: Date
  finishedAt: Date | null
  error: string | null
  /** What a later step needs of this one's answer. */
  result: unknown
}

/** A step begun, once more if it was before. */
export const begun = (name: StepName, earlier: StepRecord | undefined, now: Date): StepRecord => ({
  name,
  status: 'RUNNING',
  tries: (earlier?.tries ?? 0) + 1,
  startedAt: earlier?.startedAt ?? now,
  finishedAt: null,
  error: earlier?.error ?? null,
  result: null,
})

/** A step that came to its end. */
export const ended = (
  step: StepRecord,
  status: StepRecord['status'],
  now: Date,
  { error = null, result = null }: { error?: string | null; result?: unknown } = {},
): StepRecord => ({ ...step, status, finishedAt: now, error, result })

interface Bought {
  totalMinor: number
  cart: Pick<FrozenCart, 'discounts'> | null
}

/** Whether a step has nothing to do for this checkout: it is then passed as soon as it is reached. */
export const isIdle = (name: StepName, { totalMinor, cart }: Bought): boolean => {
  if (name === 'AUTHORIZE_PAYMENT' || name === 'CAPTURE_PAYMENT') return totalMinor === 0
  return name === 'RESERVE_PROMOTIONS' && cart?.discounts.length === 0
}

type Steps = ReadonlyMap<StepName, { status: CheckoutStepStatus }>

const isPassed = (status: CheckoutStepStatus | undefined): boolean => status === 'DONE' || status === 'FAILED'

/** The step to take now, or null when all are taken. Past the pivot a step given up does not stop the next. */
export const nextStep = (steps: Steps): StepName | null =>
  stepNames.find((name) => !isPassed(steps.get(name)?.status)) ?? null

/** What has to be undone: what was done, and what may have been done because its answer never came. */
export const stepsToUndo = (steps: Steps, bought: Bought): UndoName[] =>
  undoNames.filter(
    (name) => ['DONE', 'RUNNING'].includes(steps.get(name)?.status ?? 'PENDING') && !isIdle(name, bought),
  )

/** Why an attempt failed, with the entries of `userErrors` that its caller gets. */
export interface Failure {
  code: UserErrorCode
  message: string
  /** Whether the same checkout may be completed again. */
  isRetryable: boolean
  errors: readonly UserError[]
}

/** A step was refused. */
export class Refused extends Error {
  override name = 'Refused'
  readonly failure: Failure
  /** Whether something was done all the same that has to be undone, such as holding a cart whose total is not right. */
  readonly isEffective: boolean
  /** What the cart came to, when that was learned. */
  readonly totalMinor: number | undefined

  constructor(
    failure: Failure,
    { isEffective = false, totalMinor }: { isEffective?: boolean; totalMinor?: number } = {},
  ) {
    super(`${failure.code}: ${failure.message}`)
    this.failure = failure
    this.isEffective = isEffective
    this.totalMinor = totalMinor
  }
}

/** What a checkout's own rules say no with. */
export const failure = (
  code: UserErrorCode,
  message: string,
  { field = null, isRetryable = true, ...details }: Partial<UserError> & { isRetryable?: boolean } = {},
): Failure => ({ code, message, isRetryable, errors: [{ ...details, code, message, field }] })

export const CANCELLED = failure('STATE_TRANSITION', 'The checkout was called off. Nothing was charged.', {
  __typename: 'StateTransitionError',
  fromState: 'CANCELLED',
  toState: 'COMPLETED',
  allowed: [],
  isRetryable: false,
})

export const UNAVAILABLE = failure(
  'UPSTREAM_UNAVAILABLE',
  'The store cannot complete it right now. Nothing was charged.',
)

export const UNCONFIRMED = failure(
  'PAYMENT_DECLINED',
  'The payment was not confirmed with the bank in time. Nothing was charged.',
)

type Card = { paymentMethodId: string | null }

/** The field of our own input that a participant's error is about; it knows only its own. */
function fieldOf(step: StepName, { code }: UserError, { paymentMethodId }: Card): string[] | null {
  if (step !== 'AUTHORIZE_PAYMENT') return null
  const isAboutCard = ['NOT_FOUND', 'TOKEN_INVALID', 'TOKEN_EXPIRED', 'PAYMENT_DECLINED'].includes(code)
  return isAboutCard ? ['input', paymentMethodId ? 'paymentMethodId' : 'paymentToken'] : null
}

// The participants' error types that clients of ours know; of others the code says enough.
const detailed = new Set(['InsufficientStockError', 'PaymentDeclinedError'])

// A cart that is gone, or in one of these states, never becomes an order.
const closedCart = new Set<unknown>(['CONVERTED', 'MERGED', 'ABANDONED'])

const isFinal = (step: StepName, { code, fromState }: UserError): boolean =>
  step === 'FREEZE_CART' && (code === 'NOT_FOUND' || closedCart.has(fromState))

/** A participant's refusal as the buyer hears of it. Unless the cart is closed it can be mended and tried again. */
export function refusalOf(step: StepName, errors: readonly UserError[], card: Card): Failure {
  const [first] = errors
  if (!first) throw new Error(`${step} was neither carried out nor refused`)
  return {
    code: first.code,
    message: first.message,
    isRetryable: !errors.some((error) => isFinal(step, error)),
    errors: errors.map(({ __typename = '', ...error }) => ({
      ...error,
      __typename: detailed.has(__typename) ? __typename : 'InputError',
      field: fieldOf(step, error, card),
    })),
  }
}

interface Wanted {
  isGuest: boolean
  expectedTotalMinor: number | null
}

type Sellable = Pick<FrozenCart, 'lines' | 'buyerEmail' | 'shippingAddress' | 'deliveryOption'>

/** Why a cart cannot be bought as it is, all reasons at once; null when it can. */
export function whyNotSold(cart: Sellable, total: Money, { isGuest, expectedTotalMinor }: Wanted): Failure | null {
  const reasons: [isSo: boolean, code: UserErrorCode, message: string][] = [
    [cart.lines.length === 0, 'NOT_APPLICABLE', 'The cart is empty.'],
    [isGuest && !cart.buyerEmail, 'REQUIRED', 'Without an account, give an e-mail address: `cartBuyerUpdate`.'],
    [!cart.shippingAddress, 'REQUIRED', 'Tell where to deliver: `cartBuyerUpdate`.'],
    [!cart.deliveryOption, 'REQUIRED', 'Choose a delivery option: `cartDeliveryOptionSelect`.'],
    [
      total.amountMinor !== expectedTotalMinor,
      'PRICE_CHANGED',
      `The total is ${toDecimal(total)} ${total.currency} now.`,
    ],
  ]
  const errors = reasons.flatMap(([isSo, code, message]) => (isSo ? [{ code, message, field: null }] : []))
  const [first] = errors
  if (!first) return null
  const isPrice = first.code === 'PRICE_CHANGED'
  return { ...first, isRetryable: true, errors: isPrice ? [{ ...first, field: ['input', 'expectedTotal'] }] : errors }
}

/** Tries after which staff have to look: about ten minutes. */
export const MAX_SETBACKS = 12

/** Milliseconds to wait after so many tries in a row that came to nothing. */
export const setbackDelayMs = (setbacks: number): number => Math.min(500 * 2 ** setbacks, 120_000)

interface StepState {
  attempt: number
  name: StepName
  status: CheckoutStepStatus
  tries: number
  startedAt: Date
  finishedAt: Date | null
  error: string | null
}

/** All steps in order as this attempt has left them. `rows` are of all attempts: their tries are counted together. */
export const progressOf = (attempt: number, rows: readonly StepState[]) =>
  stepNames.map((name) => {
    const all = rows.filter((row) => row.name === name)
    const { status, startedAt, finishedAt, error } = all.find((row) => row.attempt === attempt) ?? {
      status: 'PENDING' as const,
      startedAt: null,
      finishedAt: null,
      error: null,
    }
    const attempts = all.reduce((total, { tries }) => total + tries, 0)
    return { name, status, attempts, startedAt, finishedAt, error }
  })

/** A failure is told once it is over and while it waits for another try; a checkout called off did not fail. */
export const shownFailure = ({
  status,
  failure: why,
}: {
  status: CheckoutStatus
  failure: Failure | null
}): Failure | null => (status === 'CANCELLED' ? null : why)
