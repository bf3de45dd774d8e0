import { parseMoney, sum, type Money } from '#platform/money.ts'
import type { FrozenCart } from './calls/cart.ts'
import type { OrderAction, OrderCancelReason, OrderStatus } from './schema.generated.ts'

export type CancelReason = OrderCancelReason

/** Where an order can go from each state. */
export const nextStatuses = {
  CONFIRMED: ['ON_HOLD', 'PARTIALLY_SHIPPED', 'SHIPPED', 'DELIVERED', 'PARTIALLY_RETURNED', 'RETURNED', 'CANCELLED'],
  // Goods that have left have left, whatever was thought about the order.
  ON_HOLD: ['CONFIRMED', 'PARTIALLY_SHIPPED', 'SHIPPED', 'DELIVERED', 'PARTIALLY_RETURNED', 'RETURNED', 'CANCELLED'],
  // What cannot be handed over comes back without ever having arrived.
  PARTIALLY_SHIPPED: ['SHIPPED', 'DELIVERED', 'PARTIALLY_RETURNED', 'RETURNED'],
  SHIPPED: ['DELIVERED', 'PARTIALLY_RETURNED', 'RETURNED'],
  DELIVERED: ['COMPLETED', 'PARTIALLY_RETURNED', 'RETURNED'],
  PARTIALLY_RETURNED: ['COMPLETED', 'RETURNED'],
  // A return that was asked for in time may come in later.
  COMPLETED: ['PARTIALLY_RETURNED', 'RETURNED'],
  CANCELLED: [],
  RETURNED: [],
} as const satisfies Record<OrderStatus, readonly OrderStatus[]>

export const canBecome = (from: OrderStatus, to: OrderStatus): boolean =>
  (nextStatuses[from] as readonly OrderStatus[]).includes(to)

/** Where staff may move it by hand; everything else follows from shipments, returns and cancelling. */
export const statusesByHand: Partial<Record<OrderStatus, readonly OrderStatus[]>> = {
  CONFIRMED: ['ON_HOLD'],
  ON_HOLD: ['CONFIRMED'],
  DELIVERED: ['COMPLETED'],
}

/** Reasons to cancel that only staff can have. */
export const cancelReasonsOfStaff: readonly CancelReason[] = ['FRAUD', 'INVENTORY', 'PAYMENT', 'STAFF']

/** Who looks at an order. */
export interface Rights {
  isBuyer: boolean
  hasScope(scope: string): boolean
}

/** What somebody with these rights can do with an order now. Only money that was taken can be given back. */
export function allowedActions(
  { status, totalMinor, paidAt }: { status: OrderStatus; totalMinor: number; paidAt: Date | null },
  { isBuyer, hasScope }: Rights,
  isReturnable: boolean,
): OrderAction[] {
  const isPaid = totalMinor > 0 && paidAt !== null && status !== 'CANCELLED'
  const mayChange = isBuyer || hasScope('orders:manage')
  const allowed: [isSo: boolean, action: OrderAction][] = [
    [mayChange && canBecome(status, 'CANCELLED'), 'CANCEL'],
    [mayChange && isReturnable, 'RETURN'],
    [isBuyer, 'REORDER'],
    [isPaid && hasScope('payments:manage'), 'REFUND'],
  ]
  return allowed.flatMap(([isSo, action]) => (isSo ? [action] : []))
}

interface Moved {
  quantity: number
  cancelledQuantity: number
  shippedQuantity: number
  deliveredQuantity: number
  returnedQuantity: number
}

/** The state that what became of its lines puts an order in; the state it has when that says nothing new. */
export function statusByLines(status: OrderStatus, lines: readonly Moved[]): OrderStatus {
  const bought = lines.filter(({ quantity, cancelledQuantity }) => quantity > cancelledQuantity)
  if (bought.length === 0) return status
  // News of the arrival may overtake news of the departure.
  const left = ({ shippedQuantity, deliveredQuantity, returnedQuantity }: Moved) =>
    Math.max(shippedQuantity, deliveredQuantity, returnedQuantity)
  const isComplete = (count: (line: Moved) => number) =>
    bought.every((line) => count(line) >= line.quantity - line.cancelledQuantity)
  let reached: OrderStatus = status
  if (isComplete(({ returnedQuantity }) => returnedQuantity)) reached = 'RETURNED'
  else if (isComplete(({ deliveredQuantity, returnedQuantity }) => deliveredQuantity + returnedQuantity)) {
    reached = bought.some(({ returnedQuantity }) => returnedQuantity > 0) ? 'PARTIALLY_RETURNED' : 'DELIVERED'
  } else if (isComplete(left)) reached = 'SHIPPED'
  else if (bought.some((line) => left(line) > 0)) reached = 'PARTIALLY_SHIPPED'
  return canBecome(status, reached) ? reached : status
}

/** Units of one variant sold from one place. */
export interface Allocation {
  variantId: string
  productId: string
  locationId: string
  quantity: number
}

/** An amount that a part of our own tells. @throws when it is not one. */
export function amountOf(money: { amount: string; currencyCode: string }): Money {
  const amount = parseMoney(money)
  if (!amount) throw new RangeError(`Not an amount: ${money.amount} ${money.currencyCode}`)
  return amount
}

const minor = (money: { amount: string; currencyCode: string }): number => amountOf(money).amountMinor

/** The mean of amounts that come to `sumMinor`, rounded half up; 0 of none. */
export const meanOf = (sumMinor: number, amounts: number): number =>
  amounts === 0 ? 0 : Number((2n * BigInt(sumMinor) + BigInt(amounts)) / (2n * BigInt(amounts)))

/** What an order keeps of the cart it was: nothing that changes in the shop later changes it. */
export const orderFrom = (cart: FrozenCart) => ({
  email: cart.buyerEmail,
  currency: cart.currencyCode,
  subtotalMinor: minor(cart.subtotal),
  discountMinor: minor(cart.discountTotal),
  shippingMinor: minor(cart.shippingTotal),
  taxMinor: minor(cart.taxTotal),
  totalMinor: minor(cart.total),
  taxLines: cart.taxLines.map((line) => ({ ...line, amount: amountOf(line.amount) })),
  shippingAddress: cart.shippingAddress,
  billingAddress: cart.billingAddress ?? cart.shippingAddress,
  deliveryName: cart.deliveryOption?.name ?? null,
  promisedFrom: cart.deliveryOption ? new Date(cart.deliveryOption.estimatedFrom) : null,
  promisedBy: cart.deliveryOption ? new Date(cart.deliveryOption.estimatedTo) : null,
  note: cart.note,
  discounts: discountsOf(cart),
})

// What one promotion takes off several lines is one discount.
function discountsOf(cart: FrozenCart) {
  const byPromotion = Map.groupBy(cart.discounts, ({ promotion }) => promotion.id)
  return [...byPromotion.values()].map((parts) => {
    const { name, code } = parts[0]!.promotion
    const amounts = parts.map(({ amount }) => amountOf(amount))
    return { name, code, amount: sum(amounts, cart.currencyCode) }
  })
}

/** Its lines, in the cart's order. `allocations` tell each variant's product. @throws when a line was not sold. */
export function linesFrom(cart: FrozenCart, allocations: readonly Allocation[]) {
  const productOf = new Map(allocations.map(({ variantId, productId }) => [variantId, productId]))
  return cart.lines.map((line, position) => {
    const variantId = line.variant?.id ?? ''
    const productId = productOf.get(variantId)
    if (!productId) throw new Error(`Nothing was sold of line ${position}`)
    return {
      position,
      variantId,
      productId,
      title: line.title,
      sku: line.sku,
      quantity: line.quantity,
      currency: cart.currencyCode,
      unitPriceMinor: minor(line.unitPrice),
      discountMinor: minor(line.discountTotal),
      taxMinor: minor(line.taxTotal),
      totalMinor: minor(line.total),
    }
  })
}

/** Which units of which line leave from where. */
export function allocateLines(
  lines: readonly { id: string; variantId: string; title: string; quantity: number }[],
  allocations: readonly Allocation[],
) {
  const left = new Map(lines.map(({ id, quantity }) => [id, quantity]))
  return allocations.flatMap(({ variantId, locationId, quantity: allocated }) => {
    let rest = allocated
    return lines.flatMap(({ id: orderLineId, title, variantId: bought }) => {
      const quantity = bought === variantId ? Math.min(rest, left.get(orderLineId)!) : 0
      if (quantity === 0) return []
      rest -= quantity
      left.set(orderLineId, left.get(orderLineId)! - quantity)
      return [{ orderLineId, title, variantId, locationId, quantity }]
    })
  })
}

/** What a cart would not take: a field such as `['input', 'lines', '0', 'quantity']` says which line. */
interface LineError {
  code: string
  field?: readonly string[] | null
  available?: number
}

/**
 * Lines without those that a cart would not take; of those there is some of, what there is. Null when an error is about
 * none of them.
 */
export function withoutRefused<Line extends { quantity: number }>(
  lines: readonly Line[],
  errors: readonly LineError[],
): Line[] | null {
  const byLine = new Map(errors.map((error) => [Number(error.field?.[1] === 'lines' ? error.field[2] : NaN), error]))
  if (byLine.size === 0 || [...byLine.keys()].some((index) => !(index in lines))) return null
  return lines.flatMap((line, index) => {
    const error = byLine.get(index)
    if (!error) return [line]
    const quantity = error.code === 'INSUFFICIENT_STOCK' ? (error.available ?? 0) : 0
    return quantity > 0 && quantity < line.quantity ? [{ ...line, quantity }] : []
  })
}
