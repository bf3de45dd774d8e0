import { toDecimal, type Money } from '#platform/money.ts'
import type { PromotionRow } from './tables.ts'

export const MAX_CODES = 10

/** A promotion that may apply to a cart: one without a code, or one whose code was entered. */
export interface Candidate extends PromotionRow {
  /** Orders that the cart's buyer used it in; 0 while nobody knows who buys. */
  usedByCustomer: number
}

/** A code as entered, and what became of it. The parent of the GraphQL type `DiscountCode`. */
export interface EnteredCode {
  code: string
  isApplicable: boolean
  reason: string | null
}

// Units that are free come first, so that a part of the price is never taken off what costs nothing; amounts come after
// parts, so that the buyer gets the whole amount.
const order = [
  'BUY_X_GET_Y',
  'PERCENT_OFF',
  'AMOUNT_OFF',
  'FREE_SHIPPING',
] as const satisfies readonly PromotionRow['kind'][]

/** The order that promotions take something off in: each from what those before it left. */
export const inOrder = <T extends Pick<PromotionRow, 'kind' | 'id'>>(promotions: readonly T[]): T[] =>
  promotions.toSorted((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind) || (a.id < b.id ? -1 : 1))

/** Whether a promotion takes something off goods filed in (or below) these categories; null: nobody knows where they are. */
export const isFor = ({ categoryIds }: Pick<PromotionRow, 'categoryIds'>, filedIn: readonly string[] | null): boolean =>
  categoryIds === null || (filedIn?.some((id) => categoryIds.includes(id)) ?? false)

export interface Occasion {
  now: Date
  subtotal: Money
  /** For each line the categories it is filed in, those above included. */
  filedIn: readonly (readonly string[] | null)[]
}

/** Why a promotion does not apply, in words for the buyer; null when it does. */
export function whyNot(promotion: Candidate | undefined, { now, subtotal, filedIn }: Occasion): string | null {
  if (!promotion?.isActive) return 'There is no such code.'
  const { startsAt, endsAt, minimumSubtotalMinor, usageLimit, usageCount, perCustomerLimit, usedByCustomer } = promotion
  if (endsAt && endsAt <= now) return 'The offer has ended.'
  if (startsAt && startsAt > now) return 'The offer has not begun yet.'
  if (usageLimit !== null && usageCount >= usageLimit) return 'The offer is used up.'
  if (perCustomerLimit !== null && usedByCustomer >= perCustomerLimit) return 'You have used this offer already.'
  if (minimumSubtotalMinor !== null && subtotal.amountMinor < minimumSubtotalMinor) {
    const minimum = { ...subtotal, amountMinor: minimumSubtotalMinor }
    return `It needs goods for ${toDecimal(minimum)} ${minimum.currency} or more.`
  }
  return promotion.categoryIds === null || filedIn.some((ids) => isFor(promotion, ids))
    ? null
    : 'It is for other goods than these.'
}

/** Milliseconds until the next of these begins or ends; Infinity when none does. */
export const untilNextTurnMs = (promotions: readonly Pick<PromotionRow, 'startsAt' | 'endsAt'>[], now: Date): number =>
  Math.min(
    ...promotions
      .flatMap(({ startsAt, endsAt }) => [startsAt, endsAt])
      .map((turn) => (turn && turn > now ? turn.getTime() - now.getTime() : Infinity)),
  )

/** What codes are compared by. */
export const codeKey = (code: string): string => code.toUpperCase()

/** Each code once, as it was first entered. */
export function distinctCodes(codes: readonly string[]): string[] {
  const first = new Map<string, string>()
  for (const code of codes) {
    const key = codeKey(code)
    if (!first.has(key)) first.set(key, code)
  }
  return [...first.values()]
}

/** The buyer that a promotion's limit per customer counts: an account, or a guest by e-mail address. */
export function customerKey({
  customerId,
  email,
}: {
  customerId?: string | null
  email?: string | null
}): string | null {
  if (customerId) return `user:${customerId.toLowerCase()}`
  return email ? `email:${email.toLowerCase()}` : null
}
