import type { Guest, User } from '#platform/viewer.ts'
import { openParts } from '../../tests/setup/parts.ts'
import { payingAt, staff } from './paying.fixture.ts'
import { routes } from './routes.ts'
import { openStripe } from './stripe.fixture.ts'

export const SECURE = '4000002500003155'

/** A shop that charges cards at a Stripe of its own, until it is disposed. */
export async function openStripeShop(env: Record<string, string> = {}) {
  await using opened = new AsyncDisposableStack()
  const stripe = opened.use(await openStripe())
  const shop = opened.use(await openParts(['payments'], { ...stripe.env, ...env }))
  const paying = payingAt(shop)
  // An amount of its own tells a purchase's intents from the others'.
  let dearer = 0
  const rest = opened.move()
  return {
    stripe,
    shop,
    paying,

    async purchase(buyer: User | Guest, cardNumber?: string) {
      const amountMinor = 10_000 + ++dearer
      const buy = await paying.purchase(buyer, cardNumber)
      const amount = { amount: (amountMinor / 100).toFixed(2), currencyCode: 'EUR' }
      return { amountMinor, buy: { ...buy, amount } }
    },

    /** The intent of a payment in Stripe's books. */
    async intentOf(paymentId: string) {
      const query = 'query($id: ID!) { payment(id: $id) { providerReference } }'
      const { payment } = await shop.ask('payments', staff, query, { id: paymentId })
      return stripe.books.intents.get(payment.providerReference)!
    },

    /** What a webhook of Stripe's is answered. */
    hear: (request: Request) =>
      routes.find(({ prefix }) => prefix === '/webhooks/stripe')!.handle(paying.own(), request),

    [Symbol.asyncDispose]: () => rest.disposeAsync(),
  }
}
