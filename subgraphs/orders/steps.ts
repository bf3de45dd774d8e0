import type { Context } from '#platform/context.ts'
import type { SQL } from 'drizzle-orm'
import { toDecimal } from '#platform/money.ts'
import type { UserError } from '#platform/user-errors.ts'
import { unseal } from '#platform/sealed.ts'
import { convertCart, freezeCart, releasePromotions, reservePromotions, unfreezeCart } from './calls/cart.ts'
import { commitStock, extendReservation, releaseStock, reserveStock } from './calls/inventory.ts'
import { authorizePayment, compensatePayment } from './calls/payments.ts'
import { takeMoney } from './captures.ts'
import { refusalOf, Refused, UNCONFIRMED, whyNotSold, type StepName, type UndoName } from './checkout.ts'
import { amountOf, type Allocation } from './order.ts'
import { payment as paid, placement, refusal, type LineAllocation } from './placement.ts'
import type { CheckoutRow } from './tables.ts'
import type { Transition } from './transition.ts'

/** What a step that was carried out leaves to be recorded, all in one statement. */
export interface Done {
  set?: Transition['set']
  /** What later steps need of its answer. */
  result?: unknown
  /** Why it was given up without stopping the checkout. */
  givenUp?: string
  effects?: Record<string, SQL>
}

/** The bank wants the buyer to confirm: the checkout waits until then, and the step is then taken again. */
export class Waits extends Error {
  override name = 'Waits'
  readonly until: Date

  constructor(until: Date) {
    super(`It waits for its buyer until ${until.toISOString()}`)
    this.until = until
  }
}

/** What earlier steps of the attempt left for this one. */
type ResultOf = (step: StepName) => unknown

type Step = (ctx: Context, checkout: CheckoutRow, resultOf: ResultOf) => Promise<Done>

// Whoever resumes an attempt sends the same keys again.
const keyOf = ({ id, attempt }: CheckoutRow, step: string) => `ck:${id}:${step}:${attempt}`

const attemptOf = (checkout: CheckoutRow, step: string) => ({
  checkoutId: checkout.id,
  attempt: checkout.attempt,
  idempotencyKey: keyOf(checkout, step),
})

// Whoever began the attempt: a guest may have signed in since, and whoever resumes it asks for the same.
const accountOf = ({ buyer }: CheckoutRow) => (buyer!.kind === 'user' ? buyer!.id : null)
const guestOf = ({ buyer }: CheckoutRow) => (buyer!.kind === 'guest' ? buyer!.id : null)

/** Seconds that stock is held for: longer than any attempt takes. */
const HOLD_SECONDS = 900
/** Seconds that a buyer has to confirm with the bank; the goods stay held for as long again as the rest may take. */
const ACTION_SECONDS = 900

// The participant itself does not know: not a refusal, but asked again with the same key.
const isUnknown = (errors: readonly UserError[]): boolean => errors.some(({ code }) => code === 'UPSTREAM_UNAVAILABLE')

function refuse(step: StepName, errors: readonly UserError[], checkout: CheckoutRow): never {
  if (isUnknown(errors)) throw new Error(`${step}: ${errors[0]!.message}`)
  throw new Refused(refusalOf(step, errors, checkout))
}

/**
 * What each step does. A throw of `Refused` ends the attempt; any other throw means that nobody knows whether it was
 * done.
 */
export const steps: Record<StepName, Step> = {
  async FREEZE_CART(ctx, checkout) {
    const { cart, userErrors } = await freezeCart(ctx, {
      cartId: checkout.cartId,
      ...attemptOf(checkout, 'FREEZE_CART'),
    })
    if (!cart) return refuse('FREEZE_CART', userErrors, checkout)
    const total = amountOf(cart.total)
    const problem = whyNotSold(cart, total, { ...checkout, isGuest: guestOf(checkout) !== null })
    if (problem) throw new Refused(problem, { isEffective: true, totalMinor: total.amountMinor })
    return { set: { cart, totalMinor: total.amountMinor } }
  },

  async RESERVE_STOCK(ctx, checkout) {
    const lines = checkout.cart!.lines.map(({ variant, quantity }) => ({ variantId: variant!.id, quantity }))
    const attempt = attemptOf(checkout, 'RESERVE_STOCK')
    const { stockReservation, userErrors } = await reserveStock(ctx, { lines, ttlSeconds: HOLD_SECONDS, ...attempt })
    return stockReservation ? {} : refuse('RESERVE_STOCK', userErrors, checkout)
  },

  async RESERVE_PROMOTIONS(ctx, checkout) {
    const { ok, userErrors } = await reservePromotions(ctx, {
      ...attemptOf(checkout, 'RESERVE_PROMOTIONS'),
      promotionIds: [...new Set(checkout.cart!.discounts.map(({ promotion }) => promotion.id))],
      ...(accountOf(checkout) ? { customerId: accountOf(checkout) } : { email: checkout.cart!.buyerEmail }),
    })
    return ok ? {} : refuse('RESERVE_PROMOTIONS', userErrors, checkout)
  },

  async AUTHORIZE_PAYMENT(ctx, checkout) {
    const { totalMinor: amountMinor, currency, paymentMethodId, paymentToken } = checkout
    const { payment, userErrors } = await authorizePayment(ctx, {
      ...attemptOf(checkout, 'AUTHORIZE_PAYMENT'),
      orderId: checkout.orderId!,
      customerId: accountOf(checkout),
      guestId: guestOf(checkout),
      amount: { amount: toDecimal({ amountMinor, currency }), currencyCode: currency },
      paymentMethodId,
      paymentToken: paymentToken && unseal(paymentToken, `payment-token ${checkout.id}`, ctx.config.ENCRYPTION_SECRET),
    })
    if (!payment) return refuse('AUTHORIZE_PAYMENT', userErrors, checkout)
    if (payment.status === 'AUTHORIZED' || payment.status === 'CAPTURED') return {}
    if (payment.status !== 'REQUIRES_ACTION') throw new Error(`AUTHORIZE_PAYMENT: the payment is ${payment.status}`)
    const now = ctx.now()
    const { actionUntil } = checkout
    if (actionUntil && actionUntil <= now) throw new Refused(UNCONFIRMED, { isEffective: true })
    if (!actionUntil) await extendHold(ctx, checkout)
    throw new Waits(actionUntil ?? new Date(now.getTime() + ACTION_SECONDS * 1000))
  },

  async COMMIT_STOCK(ctx, checkout) {
    const { attempt: _, ...input } = attemptOf(checkout, 'COMMIT_STOCK')
    const { stockReservation, userErrors } = await commitStock(ctx, { ...input, orderId: checkout.orderId! })
    if (!stockReservation) return refuse('COMMIT_STOCK', userErrors, checkout)
    const result: Allocation[] = stockReservation.lines.map(({ variant, location, quantity }) => ({
      variantId: variant.id,
      productId: variant.product.id,
      locationId: location.id,
      quantity,
    }))
    return { result }
  },

  async CREATE_ORDER(ctx, checkout, resultOf) {
    const { effects, allocations } = placement(ctx, checkout, resultOf('COMMIT_STOCK') as Allocation[])
    return { set: { placedAt: ctx.now() }, effects, result: allocations }
  },

  async CAPTURE_PAYMENT(ctx, checkout, resultOf) {
    const [refused] = await takeMoney(ctx, checkout.orderId!, 1)
    if (!refused) return { effects: paid(ctx, checkout, resultOf('CREATE_ORDER') as LineAllocation[]) }
    return { givenUp: refused.message, effects: refusal(ctx, checkout, refused.message) }
  },

  async CONVERT_CART(ctx, checkout) {
    const { attempt: _, ...input } = attemptOf(checkout, 'CONVERT_CART')
    const [error] = await convertCart(ctx, { ...input, cartId: checkout.cartId, orderId: checkout.orderId! })
    return { set: { status: 'COMPLETED', paymentToken: null }, ...(error && { givenUp: error.message }) }
  },
}

// Once: a hold that is gone all the same is taken again when the goods are sold, or refused then.
async function extendHold(ctx: Context, checkout: CheckoutRow): Promise<void> {
  const { attempt: _, ...input } = attemptOf(checkout, 'EXTEND_HOLD')
  const errors = await extendReservation(ctx, { ...input, ttlSeconds: ACTION_SECONDS + HOLD_SECONDS })
  if (isUnknown(errors)) throw new Error(`EXTEND_HOLD: ${errors[0]!.message}`)
}

/**
 * What takes a step back. Each fences its attempt: what comes late from a paused process then changes nothing.
 * @throws when it could not be taken back now.
 */
export const undo: Record<UndoName, (ctx: Context, checkout: CheckoutRow) => Promise<void>> = {
  async AUTHORIZE_PAYMENT(ctx, checkout) {
    const input = { ...attemptOf(checkout, 'undo:AUTHORIZE_PAYMENT'), reason: reasonOf(checkout) }
    expect(await compensatePayment(ctx, input), ['NOT_FOUND'])
  },
  async RESERVE_PROMOTIONS(ctx, checkout) {
    expect(await releasePromotions(ctx, attemptOf(checkout, 'undo:RESERVE_PROMOTIONS')), ['NOT_FOUND'])
  },
  async RESERVE_STOCK(ctx, checkout) {
    const input = { ...attemptOf(checkout, 'undo:RESERVE_STOCK'), reason: reasonOf(checkout) }
    expect(await releaseStock(ctx, input), ['NOT_FOUND'])
  },
  async FREEZE_CART(ctx, checkout) {
    const input = { ...attemptOf(checkout, 'undo:FREEZE_CART'), cartId: checkout.cartId }
    // It is not held by this attempt: there is nothing to let go of.
    expect(await unfreezeCart(ctx, input), ['NOT_FOUND', 'STATE_TRANSITION'])
  },
}

const reasonOf = ({ failure: why }: CheckoutRow): string => why?.code ?? 'UNKNOWN'

function expect(errors: readonly UserError[], nothingToUndo: readonly string[]): void {
  const error = errors.find(({ code }) => !nothingToUndo.includes(code))
  if (error) throw new Error(`${error.code}: ${error.message}`)
}
