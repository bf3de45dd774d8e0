import type { Money } from '#platform/money.ts'
import type { ClaimProblem } from './claim.ts'
import { discountsOn, type Discount, type Offered } from './discount.ts'
import type { EnteredCode } from './promotion.ts'
import { STANDARD, rateFor, taxes, type Place, type TaxLine, type TaxRate } from './tax.ts'
import type { CartLineRow, CartRow } from './tables.ts'

export const MAX_LINES = 100

// With MAX_LINES such lines, a delivery, and added taxes of almost as much again, a total is below 2^53 minor units.
const MAX_LINE_MINOR = 40_000_000_000_000
// The most that GraphQL's Int can tell.
const MAX_WEIGHT_GRAMS = 2_147_483_647

/** Where each state may go. What is not ACTIVE cannot be changed by its buyer. */
export const next = {
  ACTIVE: ['FROZEN', 'MERGED', 'ABANDONED'],
  FROZEN: ['ACTIVE', 'CONVERTED'],
  CONVERTED: [],
  MERGED: [],
  ABANDONED: [],
} as const satisfies Record<CartRow['status'], readonly CartRow['status'][]>

/** What the catalogue says of a variant; a line keeps a copy of it. */
export type Details = Omit<CartLineRow, 'id' | 'cartId' | 'quantity'>

/** A variant that can be bought now. */
export interface Offer extends Details {
  /** Units that can be bought now. */
  available: number
  /** Categories it is filed in, those above included; null when that was not asked. */
  categoryIds: readonly string[] | null
}

/** What the catalogue answers: by variant, those not for sale left out; null when it cannot be asked. */
export type Offers = ReadonlyMap<string, Offer> | null

/** The parent of the GraphQL type `ChosenDeliveryOption`. Times are RFC 3339. */
export interface DeliveryChoice {
  id: string
  name: string
  price: Money
  estimatedFrom: string
  estimatedTo: string
}

/** The parent of the GraphQL type `CartLine`. */
export interface PricedLine {
  id: string
  variantId: string
  title: string
  sku: string
  quantity: number
  unitPrice: Money
  discountTotal: Money
  taxTotal: Money
  total: Money
}

/** The parents of the members of the GraphQL union `CartProblem`. */
export type Problem =
  | ClaimProblem
  | { __typename: 'LineOutOfStock' | 'LineUnavailable'; line: PricedLine }
  | { __typename: 'LineQuantityReduced'; line: PricedLine; available: number }
  | { __typename: 'LinePriceChanged'; line: PricedLine; previous: Money; current: Money }
  | { __typename: 'DeliveryOptionStale'; previousOptionId: string }

/** What a basket comes to without delivery and taxes. */
export interface Summary {
  lineCount: number
  totalQuantity: number
  totalWeightGrams: number
  subtotal: Money
}

/** A line as it can be bought now, and what became of it since it was put in. */
export interface Item extends Details {
  id: string
  quantity: number
  isUnavailable: boolean
  isOutOfStock: boolean
  isReduced: boolean
  /** Whether one more order could leave fewer units than the line has. */
  isScarce: boolean
  previousPriceMinor: number | null
  categoryIds: readonly string[] | null
}

export interface Basket extends Summary {
  items: readonly Item[]
}

export interface Pricing extends Summary {
  lines: readonly PricedLine[]
  problems: readonly Problem[]
  deliveryOption: DeliveryChoice | null
  discountCodes: readonly EnteredCode[]
  discounts: readonly Discount[]
  taxLines: readonly TaxLine[]
  discountTotal: Money
  shippingTotal: Money
  taxTotal: Money
  total: Money
}

export interface FreshPricing extends Pricing {
  /** False when inventory or delivery could not be asked: then it is as last known. */
  isUpToDate: boolean
}

/**
 * Units that a line may hold at its price: `maxOrderQuantity`, or fewer where they would cost so much that the cart could
 * not be told what it comes to.
 */
export const mostUnits = ({ maxOrderQuantity, unitPriceMinor }: Details): number =>
  Math.min(maxOrderQuantity, Math.floor(MAX_LINE_MINOR / unitPriceMinor))

/**
 * A line at today's price and with no more units than there are. Nothing is written: the line keeps what was asked for
 * until its buyer changes it, so units that come back are in the cart again. Sold out, it keeps its units and is a
 * problem; so it does when no longer sold. Without the catalogue it is as last seen.
 */
function itemOf(line: CartLineRow, offers: Offers): Item {
  const offer = offers?.get(line.variantId)
  const details = detailsOf(offer ?? line)
  const available = offer?.available ?? Infinity
  const isOutOfStock = available <= 0
  const most = isOutOfStock ? mostUnits(details) : Math.min(available, mostUnits(details))
  return {
    ...details,
    id: line.id,
    quantity: Math.min(line.quantity, most),
    isUnavailable: offers !== null && !offer,
    isOutOfStock,
    isReduced: !isOutOfStock && most < line.quantity,
    isScarce: available < line.quantity + details.maxOrderQuantity,
    previousPriceMinor: details.unitPriceMinor === line.unitPriceMinor ? null : line.unitPriceMinor,
    categoryIds: offer?.categoryIds ?? null,
  }
}

/** The details alone, of an offer or of a line. */
export const detailsOf = ({
  variantId,
  productId,
  sku,
  title,
  unitPriceMinor,
  weightGrams,
  taxCategory,
  maxOrderQuantity,
}: Details): Details => ({
  variantId,
  productId,
  sku,
  title,
  unitPriceMinor,
  weightGrams,
  taxCategory,
  maxOrderQuantity,
})

const total = <T>(items: readonly T[], amount: (item: T) => number): number =>
  items.reduce((sum, item) => sum + amount(item), 0)

/** What is in a cart now, in the order it was added. */
export function basketOf(lines: readonly CartLineRow[], offers: Offers, currency: string): Basket {
  const items = lines.map((line) => itemOf(line, offers))
  return {
    items,
    lineCount: items.length,
    totalQuantity: total(items, ({ quantity }) => quantity),
    totalWeightGrams: Math.min(
      total(items, ({ quantity, weightGrams }) => quantity * weightGrams),
      MAX_WEIGHT_GRAMS,
    ),
    subtotal: { amountMinor: total(items, ({ quantity, unitPriceMinor }) => quantity * unitPriceMinor), currency },
  }
}

/** `chosen` is the option picked; `current` the same as offered now, null when it is not offered any more. */
export interface Delivery {
  chosen: DeliveryChoice | null
  current: DeliveryChoice | null
}

const NOTHING_OFFERED: Offered = { promotions: [], codes: [], now: new Date(0) }

/** What a basket comes to, delivered to `place`. The delivery is taxed with the standard rate. */
export function priceOf(
  { items, ...summary }: Basket,
  { chosen, current }: Delivery,
  { rates, place }: { rates: readonly TaxRate[]; place: Place },
  offered: Offered = NOTHING_OFFERED,
): Pricing {
  const { subtotal } = summary
  const money = (amountMinor: number): Money => ({ ...subtotal, amountMinor })
  const deliveryMinor = current?.price.amountMinor ?? 0
  const taken = discountsOn(items, { subtotal, shippingMinor: deliveryMinor }, offered)
  const { offMinor, shippingOffMinor, discounts, discountCodes } = taken
  const shippingMinor = deliveryMinor - shippingOffMinor
  const amounts = items.map(({ quantity, unitPriceMinor }, index) => quantity * unitPriceMinor - offMinor[index]!)
  const { taxLines, sharesMinor } = taxes(
    [
      ...items.map(({ taxCategory }, index) => ({
        amountMinor: amounts[index]!,
        rate: rateFor(rates, place, taxCategory),
      })),
      { amountMinor: shippingMinor, rate: rateFor(rates, place, STANDARD) },
    ],
    subtotal.currency,
  )
  const lines = items.map(({ id, variantId, title, sku, quantity, unitPriceMinor }, index): PricedLine => ({
    id,
    variantId,
    title,
    sku,
    quantity,
    unitPrice: money(unitPriceMinor),
    discountTotal: money(offMinor[index]!),
    taxTotal: money(sharesMinor[index]!),
    total: money(amounts[index]!),
  }))
  const problems = items.flatMap((item, index) => problemsOf(item, lines[index]!))
  if (chosen && !current) problems.push({ __typename: 'DeliveryOptionStale', previousOptionId: chosen.id })
  const addedMinor = total(taxLines, (tax) => (tax.isIncludedInPrice ? 0 : tax.amount.amountMinor))
  return {
    ...summary,
    lines,
    problems,
    deliveryOption: current,
    discountCodes,
    discounts,
    taxLines,
    discountTotal: money(total(offMinor, (minor) => minor)),
    shippingTotal: money(shippingMinor),
    taxTotal: money(total(taxLines, ({ amount }) => amount.amountMinor)),
    total: money(total(amounts, (minor) => minor) + shippingMinor + addedMinor),
  }
}

function problemsOf(item: Item, line: PricedLine): Problem[] {
  const problems: Problem[] = []
  if (item.isUnavailable) problems.push({ __typename: 'LineUnavailable', line })
  if (item.isOutOfStock) problems.push({ __typename: 'LineOutOfStock', line })
  if (item.isReduced) problems.push({ __typename: 'LineQuantityReduced', line, available: line.quantity })
  if (item.previousPriceMinor !== null) {
    const previous = { ...line.unitPrice, amountMinor: item.previousPriceMinor }
    problems.push({ __typename: 'LinePriceChanged', line, previous, current: line.unitPrice })
  }
  return problems
}

/**
 * Whether a checkout must be refused for it. Stock is not among them: the reservation decides on it and tells the buyer
 * how many units there are; a changed price shows in the total, which the buyer agreed to or not.
 */
export const blocksCheckout = ({ __typename }: Problem): boolean =>
  __typename === 'LineUnavailable' || __typename === 'DeliveryOptionStale'
