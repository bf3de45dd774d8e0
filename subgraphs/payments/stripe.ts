import { Stripe } from 'stripe'
import { z } from 'zod'
import type { Config } from '#platform/config.ts'
import type { Context } from '#platform/context.ts'
import { seal, unseal } from '#platform/sealed.ts'
import { CHARGED_ONCE, type Booked } from './payment.ts'
import { ProviderUnreachable, WebhookRefused, type Answer, type Provider, type WebhookEvent } from './provider.ts'
import { answerToIntent, answerToRefund, bookedOf, captureMark, madeAt, refusalOf, unitsOf } from './stripe-answers.ts'

const TOKEN_LIFETIME_MS = 15 * 60_000
const SEALED_AS = 'stripe card'
// How long after its key was made a request may have reached Stripe, and how far the clocks may differ.
const LATENESS_SECONDS = 15 * 60
const SKEW_SECONDS = 60
const PAGE = 100

type Asking = Pick<Context, 'now' | 'config'>

/**
 * Stripe. A payment is a payment intent that is captured by hand; its id is the authorisation's reference. Every request
 * carries its key. Stripe answers a key with its first answer for ever, an error of its own included: so what became of a
 * request without an answer is looked up in Stripe's lists, not asked for again.
 */
export function stripe({ now, config }: Asking): Provider {
  const api = apiOf(config)
  const { ENCRYPTION_SECRET: secret } = config

  async function lookup({ key, kind, reference }: Parameters<Provider['lookup']>[0]): Promise<Answer | null> {
    if (kind === 'REFUND') return await answered(async () => await refundBy(api, key, reference!))
    const intent = reference ? await got(() => api.paymentIntents.retrieve(reference)) : await intentBy(api, key)
    if (!intent) return null
    if (kind === 'AUTHORIZE') return answerToIntent(await ended(api, intent))
    const isDone = kind === 'VOID' ? isReleased(intent) : captureMark(key) in intent.metadata
    return isDone ? { status: 'SUCCEEDED', reference: intent.id } : null
  }

  return {
    name: 'stripe',
    lookup,

    async tokenize({ cardNumber: number, expiryMonth: exp_month, expiryYear: exp_year, cvc, holderName: name }) {
      const card = { number, exp_month, exp_year, cvc }
      const billing = name ? { billing_details: { name } } : {}
      const made = await tried(() => api.paymentMethods.create({ type: 'card', card, ...billing }))
      if ('refused' in made) return made.refused
      const expiresAt = now().getTime() + TOKEN_LIFETIME_MS
      return { ...shownOf(made.done), token: seal(`${made.done.id} ${expiresAt}`, SEALED_AS, secret) }
    },

    async save({ key, token }) {
      const card = cardIn(token, secret)
      if (!card) return { status: 'FAILED', code: 'token_invalid' }
      if (card.expiresAt <= now().getTime()) return { status: 'FAILED', code: 'token_expired' }
      const { method: payment_method } = card
      // A card that is a customer's may be charged again.
      const made = await tried(() => api.customers.create({ payment_method }, { idempotencyKey: key }))
      if ('refused' in made) return made.refused
      const method = await got(() => api.paymentMethods.retrieve(payment_method))
      const { exp_month: expiryMonth, exp_year: expiryYear, fingerprint } = method.card!
      return {
        ...shownOf(method),
        token: `${made.done.id} ${method.id}`,
        expiryMonth,
        expiryYear,
        holderName: method.billing_details.name,
        fingerprint: fingerprint ?? method.id,
      }
    },

    async authorize({ key, token, amount }) {
      const card = savedCardIn(token) ?? cardIn(token, secret)
      if (!card) return { status: 'FAILED', code: 'token_invalid' }
      if ('expiresAt' in card && card.expiresAt <= now().getTime()) {
        // Sent again with a key that was in time once, it has its answer.
        const earlier = await lookup({ key, kind: 'AUTHORIZE', reference: null })
        return earlier ?? { status: 'FAILED', code: 'token_expired' }
      }
      const intent = {
        payment_method: card.method,
        ...('customer' in card ? { customer: card.customer } : {}),
        payment_method_types: ['card'],
        payment_method_options: { card: { request_multicapture: 'if_available' as const } },
        capture_method: 'manual' as const,
        confirm: true,
        return_url: config.PUBLIC_URL,
        metadata: { key },
      }
      return await answered(async () =>
        answerToIntent(await api.paymentIntents.create({ ...unitsOf(amount), ...intent }, { idempotencyKey: key })),
      )
    },

    capture: ({ key, reference, amount }) =>
      answered(async () => {
        const { amount: amount_to_capture } = unitsOf(amount)
        const intent = await api.paymentIntents.retrieve(reference, { expand: ['latest_charge'] })
        // Asked for again it would look like another request, as less is left now.
        if (captureMark(key) in intent.metadata) return { status: 'SUCCEEDED', reference }
        const isPart = amount_to_capture < intent.amount_capturable
        // Stripe would release the rest.
        if (isPart && !isCapturedAgain(intent)) return { status: 'FAILED', code: CHARGED_ONCE }
        const metadata = { [captureMark(key)]: String(amount_to_capture) }
        const capture = { amount_to_capture, metadata, ...(isPart ? { final_capture: false } : {}) }
        const { id } = await api.paymentIntents.capture(reference, capture, { idempotencyKey: key })
        return { status: 'SUCCEEDED', reference: id }
      }),

    async void({ key, reference, isAbandoned = false }) {
      // Without the key, as Stripe would answer it with an error of its own again and again; cancelled it can be but once.
      const made = await tried(() => cancel(api, reference, isAbandoned))
      if ('done' in made) return { status: 'SUCCEEDED', reference }
      // Cancelled already, by another key or because nobody captured it in time; or nothing is left after a capture.
      return (await lookup({ key, kind: 'VOID', reference })) ?? made.refused
    },

    refund: ({ key, reference, amount }) =>
      answered(async () => {
        const refund = { payment_intent: reference, amount: unitsOf(amount).amount, metadata: { key } }
        return answerToRefund(await api.refunds.create(refund, { idempotencyKey: key }))
      }),

    authorizations: ({ from, to }) =>
      got(async () => {
        const created = { gte: secondsOf(from), lt: secondsOf(to) }
        const expand = ['data.latest_charge']
        const found: Booked[] = []
        for await (const intent of api.paymentIntents.list({ created, limit: PAGE, expand })) {
          const booked = bookedOf(intent)
          if (booked) found.push(booked)
        }
        return found
      }),

    parseWebhook: (request) => parseWebhook({ now, config }, request),
  }
}

const secondsOf = (at: Date): number => Math.ceil(at.getTime() / 1000)

// One client per configuration: it keeps its connections.
const clients = new WeakMap<Config, Stripe>()

function apiOf(config: Config): Stripe {
  const { STRIPE_SECRET_KEY, STRIPE_API_URL, STRIPE_TIMEOUT_MS: timeout } = config
  if (!STRIPE_SECRET_KEY) throw new Error('Set STRIPE_SECRET_KEY: there are payments made at Stripe')
  const known = clients.get(config)
  if (known) return known
  const { protocol, hostname: host, port } = new URL(STRIPE_API_URL)
  const client = new Stripe(STRIPE_SECRET_KEY, {
    protocol: protocol === 'http:' ? 'http' : 'https',
    host,
    port: port || (protocol === 'http:' ? 80 : 443),
    timeout,
    maxNetworkRetries: 1,
    telemetry: false,
  })
  clients.set(config, client)
  return client
}

async function tried<T>(run: () => Promise<T>): Promise<{ done: T } | { refused: ReturnType<typeof refusalOf> }> {
  return await run().then(
    (done) => ({ done }),
    (error: unknown) => ({ refused: refusalOf(error) }),
  )
}

async function answered<T>(run: () => Promise<T>): Promise<T | ReturnType<typeof refusalOf>> {
  const outcome = await tried(run)
  return 'done' in outcome ? outcome.done : outcome.refused
}

// What a question without effect is answered with. A refusal of one says nothing about money.
async function got<T>(run: () => Promise<T>): Promise<T> {
  const outcome = await tried(run)
  if ('refused' in outcome) throw new ProviderUnreachable()
  return outcome.done
}

const cancel = (api: Stripe, reference: string, isAbandoned: boolean) =>
  api.paymentIntents.cancel(reference, isAbandoned ? { cancellation_reason: 'abandoned' } : {})

// One that failed waits for another card, from whoever has its secret: it must be cancelled before it counts as declined.
async function ended(api: Stripe, intent: Stripe.PaymentIntent): Promise<Stripe.PaymentIntent> {
  if (intent.status !== 'requires_payment_method') return intent
  const made = await tried(() => cancel(api, intent.id, true))
  if ('done' in made) return intent
  const now = await got(() => api.paymentIntents.retrieve(intent.id))
  if (now.status === 'requires_payment_method') throw new ProviderUnreachable()
  return now
}

// Of one that the bank has still to decide on nothing can be captured either.
const isReleased = ({ status, amount_capturable }: Stripe.PaymentIntent): boolean =>
  status === 'canceled' || (status === 'succeeded' && amount_capturable === 0)

// Stripe's search lags behind; its lists do not.
async function intentBy(api: Stripe, key: string): Promise<Stripe.PaymentIntent | null> {
  const made = madeAt(key)
  const created = { gte: made - SKEW_SECONDS, lte: made + LATENESS_SECONDS + SKEW_SECONDS }
  return await got(async () => {
    for await (const intent of api.paymentIntents.list({ created, limit: PAGE })) {
      if (intent.metadata.key === key) return intent
    }
    return null
  })
}

async function refundBy(api: Stripe, key: string, payment_intent: string): Promise<Answer | null> {
  for await (const refund of api.refunds.list({ payment_intent, limit: PAGE })) {
    if (refund.metadata?.key === key) return answerToRefund(refund)
  }
  return null
}

// Of a part, the rest stays reserved only where the card's bank plays along.
function isCapturedAgain({ latest_charge: charge }: Stripe.PaymentIntent): boolean {
  const details = typeof charge === 'object' ? charge?.payment_method_details : null
  return details?.card?.multicapture?.status === 'available'
}

const savedCardIn = (token: string) => {
  const [, customer, method] = /^(cus_\S+) (pm_\S+)$/.exec(token) ?? []
  return customer && method ? { customer, method } : null
}

function cardIn(token: string, secret: string): { method: string; expiresAt: number } | null {
  try {
    const [method, expiresAt] = unseal(token, SEALED_AS, secret).split(' ')
    return { method: method!, expiresAt: Number(expiresAt) }
  } catch {
    // Not one of ours.
    return null
  }
}

const shownOf = ({ card }: Stripe.PaymentMethod) => ({
  last4: card!.last4,
  brand: card!.brand === 'unknown' ? null : card!.brand,
})

const told = z.object({
  data: z.object({
    object: z.discriminatedUnion('object', [
      z.object({
        object: z.literal('payment_intent'),
        id: z.string(),
        metadata: z.object({ key: z.string().optional() }),
      }),
      z.object({ object: z.literal('refund'), metadata: z.object({ key: z.string() }) }),
    ]),
  }),
})

// What a webhook says beyond that is not looked at: it may be older than what is known. What is of another kind is heard
// and forgotten: refused, it would be sent for days.
async function parseWebhook({ now, config }: Asking, request: Request): Promise<WebhookEvent | null> {
  const { STRIPE_WEBHOOK_SECRET: secret } = config
  const body = await request.text()
  const signature = request.headers.get('stripe-signature') ?? ''
  if (!secret) throw new WebhookRefused()
  let event: unknown
  try {
    Stripe.webhooks.signature!.verifyHeader(body, signature, secret, undefined, undefined, now().getTime())
    event = JSON.parse(body)
  } catch {
    // Whatever is wrong with it: an odd header makes the library throw anything.
    throw new WebhookRefused()
  }
  const { data } = told.safeParse(event)
  if (!data) return null
  const { object } = data.data
  return { key: object.metadata.key ?? null, reference: object.object === 'payment_intent' ? object.id : null }
}
