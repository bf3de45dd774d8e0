import { randomUUID } from 'node:crypto'
import type { Visitor } from './client.ts'

export interface Money {
  amount: string
  currencyCode: string
}

export interface Line {
  variantId: string
  quantity: number
}

export const APPROVED = '4242424242424242'
export const DECLINED = '4000000000000002'
/** Whose bank asks the buyer to confirm. */
export const SECURE = '4000002500003155'

export const card = (cardNumber: string, expiryYear = new Date().getFullYear() + 2) => ({
  cardNumber,
  expiryMonth: 12,
  expiryYear,
  cvc: '123',
})

/** In Berlin, a kilometre ahead of where the courier of the demo starts. */
export const address = {
  name: 'Nora Neumann',
  line1: 'Friedrichstraße 60',
  city: 'Berlin',
  postalCode: '10117',
  countryCode: 'DE',
  location: { latitude: 52.512, longitude: 13.389 },
}

/** Two of a product and one of another, both in stock. */
export async function goods(visitor: Visitor): Promise<Line[]> {
  const { nodes } = (await visitor.ask('browse', { first: 20 })).products
  const ids: string[] = nodes.flatMap(
    ({ variants }: { variants: { nodes: { id: string; availability: string }[] } }) =>
      variants.nodes.find(({ availability }) => availability === 'IN_STOCK')?.id ?? [],
  )
  return [
    { variantId: ids[0]!, quantity: 2 },
    { variantId: ids[1]!, quantity: 1 },
  ]
}

/** A cart that is ready to be bought, delivered the cheapest way. */
export async function readyCart(
  visitor: Visitor,
  lines: readonly Line[],
  email?: string,
): Promise<{ cartId: string; total: Money }> {
  const { cart } = (await visitor.ask('cart-create', { lines })).cartCreate
  const { cart: addressed } = (await visitor.ask('cart-address', { cartId: cart.id, email, address })).cartBuyerUpdate
  const chosen = { cartId: cart.id, optionId: addressed.deliveryOptions[0].id }
  const { cart: ready } = (await visitor.ask('cart-delivery', chosen)).cartDeliveryOptionSelect
  return { cartId: cart.id, total: ready.total }
}

export async function openCheckout(visitor: Visitor, cartId: string): Promise<string> {
  return (await visitor.ask('checkout-create', { cartId })).checkoutCreate.checkout.id
}

export async function tokenOf(visitor: Visitor, cardNumber: string): Promise<string> {
  return (await visitor.ask('card-tokenize', { card: card(cardNumber) })).cardTokenize.token
}

/** What `checkoutComplete` needs, with a key of its own. */
export async function payment(visitor: Visitor, checkoutId: string, expectedTotal: Money, cardNumber = APPROVED) {
  const paymentToken = await tokenOf(visitor, cardNumber)
  return { checkoutId, expectedTotal, paymentToken, idempotencyKey: randomUUID() }
}

/** Buys these lines with a card whose bank asks the buyer. @returns the checkout that waits, and the path of the bank's page */
export async function buySecurely(visitor: Visitor, lines: readonly Line[], email?: string) {
  const { cartId, total } = await readyCart(visitor, lines, email)
  const checkoutId = await openCheckout(visitor, cartId)
  await visitor.ask('checkout-complete', await payment(visitor, checkoutId, total, SECURE))
  const { checkout } = await visitor.query(
    'query ($id: ID!) { checkout(id: $id) { status payments { id nextAction { url } } } }',
    { id: checkoutId },
  )
  if (checkout.status !== 'AWAITING_PAYMENT_ACTION') throw new Error(JSON.stringify(checkout))
  const [{ id: paymentId, nextAction }] = checkout.payments
  return { checkoutId, paymentId: String(paymentId), total, path: new URL(nextAction.url).pathname }
}

/** Where a checkout stands. */
export const checkoutOf = async (visitor: Visitor, id: string) =>
  (
    await visitor.query('query ($id: ID!) { checkout(id: $id) { status failure { code } order { id status } } }', {
      id,
    })
  ).checkout

/** Buys these lines from first to last. @returns the order */
export async function buy(visitor: Visitor, lines: readonly Line[], email?: string) {
  const { cartId, total } = await readyCart(visitor, lines, email)
  const checkoutId = await openCheckout(visitor, cartId)
  const { checkoutComplete } = await visitor.ask('checkout-complete', await payment(visitor, checkoutId, total))
  if (!checkoutComplete.order) throw new Error(JSON.stringify(checkoutComplete))
  return checkoutComplete.order
}
