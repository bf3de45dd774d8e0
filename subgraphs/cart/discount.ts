import { portion, split, type Money } from '#platform/money.ts'
import { codeKey, inOrder, isFor, whyNot, type Candidate, type EnteredCode } from './promotion.ts'

/** What of a line counts for discounts. */
export interface Discountable {
  id: string
  quantity: number
  unitPriceMinor: number
  /** Categories it is filed in, those above included; null when nobody knows. */
  categoryIds: readonly string[] | null
}

/** The parent of the GraphQL type `DiscountApplication`. */
export interface Discount {
  promotion: Candidate
  amount: Money
  lineId: string | null
}

/** Promotions that may apply now, and the codes entered. */
export interface Offered {
  promotions: readonly Candidate[]
  codes: readonly string[]
  now: Date
}

export interface Discounts {
  /** What is taken off each line, shares of cart-wide discounts included. Never more than it costs. */
  offMinor: number[]
  /** What is taken off the delivery. */
  shippingOffMinor: number
  discounts: Discount[]
  discountCodes: EnteredCode[]
}

/** What is left to take something off, line by line. */
interface Left {
  minor: number[]
  /** Units that are not free yet. */
  units: number[]
  shippingMinor: number
}

/** What promotions take off lines and delivery, each from what those before it left. */
export function discountsOn(
  items: readonly Discountable[],
  { subtotal, shippingMinor }: { subtotal: Money; shippingMinor: number },
  { promotions, codes, now }: Offered,
): Discounts {
  const occasion = { now, subtotal, filedIn: items.map(({ categoryIds }) => categoryIds) }
  const left: Left = {
    minor: items.map(({ quantity, unitPriceMinor }) => quantity * unitPriceMinor),
    units: items.map(({ quantity }) => quantity),
    shippingMinor,
  }
  const applicable = inOrder(promotions).filter((promotion) => whyNot(promotion, occasion) === null)
  const discounts = applicable.flatMap((promotion) => applied(promotion, items, left, subtotal.currency))
  return {
    offMinor: items.map(({ quantity, unitPriceMinor }, index) => quantity * unitPriceMinor - left.minor[index]!),
    shippingOffMinor: shippingMinor - left.shippingMinor,
    discounts,
    discountCodes: codes.map((code) => {
      const promotion = promotions.find((each) => each.code !== null && codeKey(each.code) === codeKey(code))
      const isApplicable = discounts.some((discount) => discount.promotion === promotion)
      return { code, isApplicable, reason: isApplicable ? null : (whyNot(promotion, occasion) ?? nothing(promotion!)) }
    }),
  }
}

const nothing = ({ kind }: Candidate): string =>
  kind === 'FREE_SHIPPING' ? 'There is no delivery to pay for yet.' : 'It takes nothing off these goods.'

/** Takes off `left` what a promotion is worth, and says what that was. */
function applied(promotion: Candidate, items: readonly Discountable[], left: Left, currency: string): Discount[] {
  const money = (amountMinor: number): Money => ({ amountMinor, currency })
  if (promotion.kind === 'FREE_SHIPPING') {
    const amount = money(left.shippingMinor)
    left.shippingMinor = 0
    return amount.amountMinor > 0 ? [{ promotion, amount, lineId: null }] : []
  }
  const eligible = items.flatMap(({ categoryIds }, index) => (isFor(promotion, categoryIds) ? [index] : []))
  const shares = eligible.length === 0 ? [] : sharesOf(promotion, items, eligible, left)
  const taken = eligible.flatMap((index, position) =>
    shares[position]! > 0 ? [{ index, minor: shares[position]! }] : [],
  )
  for (const { index, minor } of taken) left.minor[index]! -= minor
  if (promotion.kind === 'BUY_X_GET_Y' || promotion.categoryIds !== null) {
    return taken.map(({ index, minor }) => ({ promotion, amount: money(minor), lineId: items[index]!.id }))
  }
  const totalMinor = taken.reduce((total, { minor }) => total + minor, 0)
  return totalMinor > 0 ? [{ promotion, amount: money(totalMinor), lineId: null }] : []
}

/** What falls to each eligible line: of an amount for all of them by largest remainder, so that not a cent is lost. */
function sharesOf(
  { kind, percentOff, amountOffMinor, buyQuantity, getQuantity }: Candidate,
  items: readonly Discountable[],
  eligible: readonly number[],
  left: Left,
): number[] {
  const weights = eligible.map((index) => left.minor[index]!)
  const whole = weights.reduce((total, minor) => total + minor, 0)
  if (kind === 'PERCENT_OFF') return split(portion(whole, fractionOf(percentOff!)), weights)
  if (kind === 'AMOUNT_OFF') return split(Math.min(amountOffMinor!, whole), weights)
  const units = eligible.reduce((total, index) => total + left.units[index]!, 0)
  let free = Math.floor(units / (buyQuantity! + getQuantity!)) * getQuantity!
  const shares = eligible.map(() => 0)
  const cheapestFirst = eligible
    .map((index, position) => ({ index, position, unitPriceMinor: items[index]!.unitPriceMinor }))
    .toSorted((a, b) => a.unitPriceMinor - b.unitPriceMinor)
  for (const { index, position, unitPriceMinor } of cheapestFirst) {
    const taken = Math.min(free, left.units[index]!)
    free -= taken
    left.units[index]! -= taken
    shares[position] = taken * unitPriceMinor
  }
  return shares
}

/** `15.2500` % → `0.152500`, exactly: shifted as text. */
function fractionOf(percent: string): string {
  const [whole = '0', decimals = ''] = percent.split('.')
  const digits = whole.padStart(3, '0')
  return `${digits.slice(0, -2)}.${digits.slice(-2)}${decimals}`
}
