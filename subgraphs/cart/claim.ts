import { isDeepStrictEqual } from 'node:util'
import { MAX_LINES } from './cart.ts'
import { MAX_CODES, distinctCodes } from './promotion.ts'
import type { BuyerDetail, LineLeftOutReason } from './schema.generated.ts'
import type { CartLineRow, CartRow } from './tables.ts'

export type MergeStrategy = 'SUM_QUANTITIES' | 'PREFER_GUEST' | 'PREFER_ACCOUNT' | 'REPLACE_WITH_GUEST'

/** A line that a sign-in did not take over as it was. The parent of the GraphQL type `LineLeftOut`. */
export interface LeftOutLine extends Pick<CartLineRow, 'variantId' | 'title' | 'sku' | 'quantity'> {
  reason: LineLeftOutReason
}

/** What sign-ins did not take over. Each part is told until its buyer changes that part of the cart. */
export interface LeftOut {
  lines?: readonly LeftOutLine[]
  codes?: readonly string[]
  details?: readonly BuyerDetail[]
}

/** The parents of the members of the GraphQL union `CartProblem` that tell of a sign-in. */
export type ClaimProblem =
  | ({ __typename: 'LineLeftOut' } & LeftOutLine)
  | { __typename: 'DiscountCodeLeftOut'; code: string }
  | { __typename: 'BuyerDetailLeftOut'; detail: BuyerDetail }

/** A cart of the two that become one. */
export interface Filled {
  cart: CartRow
  lines: readonly CartLineRow[]
}

/** What an account's cart is after a guest's was added to it. */
export function merged(account: Filled, guest: Filled, strategy: MergeStrategy) {
  const { lines, leftOut } = mergedLines(account.lines, guest.lines, strategy)
  const codes = mergedCodes(account.cart.discountCodes, guest.cart.discountCodes)
  const { said, unsaid } = mergedDetails(account.cart, guest.cart)
  const before = account.cart.leftOut
  // What an earlier sign-in left out, this one may have brought; of a variant that several left out, the last counts.
  const isThere = (out: LeftOutLine) =>
    lines.some(({ variantId, quantity }) => variantId === out.variantId && quantity === out.quantity)
  const still = before?.lines?.filter((line) => !isThere(line)) ?? []
  const told = {
    lines: [...new Map([...still, ...leftOut].map((line) => [line.variantId, line])).values()],
    codes: distinctCodes([...(before?.codes ?? []), ...codes.leftOut]),
    details: [...new Set([...(before?.details ?? []), ...unsaid])],
  } satisfies LeftOut
  const isAnything = Object.values(told).some(({ length }) => length > 0)
  return { lines, values: { ...said, discountCodes: codes.codes, leftOut: isAnything ? told : null } }
}

/**
 * The lines of both carts, the account's first. Sums are kept whole: the cart shows no more than `maxOrderQuantity` and
 * what is in stock, and its problems say so. Lines beyond the limit of a cart, the guest's last ones, are left out.
 */
export function mergedLines(
  account: readonly CartLineRow[],
  guest: readonly CartLineRow[],
  strategy: MergeStrategy,
): { lines: CartLineRow[]; leftOut: LeftOutLine[] } {
  const all = new Map<string, CartLineRow>()
  for (const line of strategy === 'REPLACE_WITH_GUEST' ? [] : account) all.set(line.variantId, line)
  for (const line of guest) {
    const own = all.get(line.variantId)
    if (!own) all.set(line.variantId, line)
    else if (strategy === 'PREFER_GUEST') all.set(line.variantId, { ...own, quantity: line.quantity })
    else if (strategy === 'SUM_QUANTITIES') all.set(line.variantId, { ...own, quantity: own.quantity + line.quantity })
  }
  const lines = [...all.values()].slice(0, MAX_LINES)
  const taken = new Map(lines.map(({ variantId, quantity }) => [variantId, quantity]))
  const leftOut = [...account, ...guest].flatMap(({ variantId, title, sku, quantity }): LeftOutLine[] => {
    const isFull = all.has(variantId) && !taken.has(variantId)
    const isOther = strategy !== 'SUM_QUANTITIES' && taken.get(variantId) !== quantity
    return isFull || isOther
      ? [{ variantId, title, sku, quantity, reason: isFull ? 'CART_FULL' : 'OTHER_CART_CHOSEN' }]
      : []
  })
  return { lines, leftOut }
}

function mergedCodes(account: readonly string[], guest: readonly string[]) {
  const all = distinctCodes([...account, ...guest])
  return { codes: all.slice(0, MAX_CODES), leftOut: all.slice(MAX_CODES) }
}

type Said = Pick<CartRow, 'buyerEmail' | 'note' | 'shippingAddress' | 'billingAddress' | 'deliveryOption'>

const details: readonly [BuyerDetail, (cart: Said) => unknown][] = [
  ['EMAIL', ({ buyerEmail }) => buyerEmail],
  ['NOTE', ({ note }) => note],
  ['SHIPPING_ADDRESS', ({ shippingAddress }) => shippingAddress],
  ['BILLING_ADDRESS', ({ billingAddress }) => billingAddress],
  ['DELIVERY_OPTION', ({ deliveryOption }) => deliveryOption?.id ?? null],
]

// The account's own words count; what it did not say is taken over, a delivery only with the address it was chosen for.
function mergedDetails(account: Said, guest: Said) {
  const said = {
    buyerEmail: account.buyerEmail ?? guest.buyerEmail,
    note: account.note ?? guest.note,
    shippingAddress: account.shippingAddress ?? guest.shippingAddress,
    billingAddress: account.billingAddress ?? guest.billingAddress,
    deliveryOption: account.shippingAddress ? account.deliveryOption : guest.deliveryOption,
  }
  const unsaid = details.flatMap(([detail, of]) =>
    of(guest) === null || isDeepStrictEqual(of(said), of(guest)) ? [] : [detail],
  )
  return { said, unsaid }
}

/** What is told of sign-ins. */
export const claimProblems = ({ lines = [], codes = [], details: unsaid = [] }: LeftOut): ClaimProblem[] => [
  ...lines.map((line) => ({ __typename: 'LineLeftOut' as const, ...line })),
  ...codes.map((code) => ({ __typename: 'DiscountCodeLeftOut' as const, code })),
  ...unsaid.map((detail) => ({ __typename: 'BuyerDetailLeftOut' as const, detail })),
]
