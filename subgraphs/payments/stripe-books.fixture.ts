// Stripe's books, and what it does with a request, as its documentation says.
import { uuidv7 } from '#platform/ids.ts'

export type Json = Record<string, unknown>
export interface Reply {
  status: number
  body: Json
}
type Fields = Map<string, string>

interface Intent extends Json {
  id: string
  amount: number
  amount_capturable: number
  amount_received: number
  status: string
  created: number
  /** Why it was cancelled, as whoever did so has said. */
  cancellation_reason: string | null
  metadata: Record<string, string>
  last_payment_error: Json | null
  /** Whole, as when it is asked for with `expand`. */
  latest_charge: Json | null
}

export const idOf = (prefix: string) => `${prefix}_${uuidv7().replaceAll('-', '')}`

export const refusal = (status: number, error: Json): Reply => ({ status, body: { error } })
const unexpected = (status: string) =>
  refusal(400, { type: 'invalid_request_error', code: 'payment_intent_unexpected_state', message: `It is ${status}.` })
const missing = refusal(404, { type: 'invalid_request_error', code: 'resource_missing', message: 'No such thing.' })
const declined = (decline_code: string, code = 'card_declined') =>
  refusal(402, { type: 'card_error', code, decline_code, message: 'Your card was declined.' })

/** The card that is charged in several parts; with any other the first capture is the last. */
export const MULTICAPTURE = '5555555555554444'

interface Charge {
  payment_method_details: { card: { multicapture: { status: string } } }
}

const isCapturedAgain = ({ latest_charge }: Intent): boolean =>
  (latest_charge as Json & Charge).payment_method_details.card.multicapture.status === 'available'

// The bounds of a charge, and the whole units and tens that some currencies are charged in.
function amountRefused(amount: number, currency: string): Reply | null {
  const refused = (code: string) => refusal(400, { type: 'invalid_request_error', code, param: 'amount' })
  if (amount > 99_999_999) return refused('amount_too_large')
  if (amount < 50 && currency === 'eur') return refused('amount_too_small')
  const step = { isk: 100, ugx: 100, bhd: 10, jod: 10, kwd: 10, omr: 10, tnd: 10 }[currency] ?? 1
  return amount % step === 0 ? null : refused('invalid_charge_amount')
}

export class Books {
  readonly methods = new Map<string, Json & { number: string; customer: string | null; isUsed: boolean }>()
  readonly intents = new Map<string, Intent>()
  readonly refunds: (Json & { payment_intent: string; amount: number })[] = []

  answer(method: string, path: string, fields: Fields): Reply {
    const [, resource, id = '', action] = path.split('/').slice(1)
    if (resource === 'payment_methods') return id ? this.#shown(this.methods.get(id)) : this.#method(fields)
    if (resource === 'customers') return this.#customer(fields)
    if (resource === 'refunds') return method === 'GET' ? this.#listed(this.refunds, fields) : this.#refund(fields)
    if (resource !== 'payment_intents') return missing
    if (!id) return method === 'GET' ? this.#listed([...this.intents.values()], fields) : this.#intent(fields)
    const intent = this.intents.get(id)
    if (!intent) return missing
    if (action === 'capture') return this.#capture(intent, fields)
    if (action === 'cancel') return this.#cancel(intent, fields)
    return this.#shown(intent)
  }

  #shown = (thing: Json | undefined): Reply => (thing ? { status: 200, body: thing } : missing)

  #listed(things: readonly Json[], fields: Fields): Reply {
    const from = Number(fields.get('created[gte]') ?? 0)
    const of = fields.get('payment_intent')
    const data = things.filter(
      (each) => Number(each.created) >= from && (of === undefined || each.payment_intent === of),
    )
    return { status: 200, body: { object: 'list', data, has_more: false, url: '/v1/things' } }
  }

  #method(fields: Fields): Reply {
    const number = fields.get('card[number]')!
    if (number === '4000000000000069') return declined('expired_card', 'expired_card')
    const id = idOf('pm')
    const card = {
      brand: 'visa',
      last4: number.slice(-4),
      exp_month: Number(fields.get('card[exp_month]')),
      exp_year: Number(fields.get('card[exp_year]')),
      fingerprint: `fp${number.slice(-4)}`,
    }
    const name = fields.get('billing_details[name]') ?? null
    this.methods.set(id, {
      id,
      object: 'payment_method',
      card,
      billing_details: { name },
      number,
      customer: null,
      isUsed: false,
    })
    const { number: _, ...shown } = this.methods.get(id)!
    return this.#shown(shown)
  }

  #customer(fields: Fields): Reply {
    const method = this.methods.get(fields.get('payment_method') ?? '')
    if (!method || method.isUsed) return refusal(400, { type: 'invalid_request_error', param: 'payment_method' })
    if (method.number === '4000000000000002') return declined('generic_decline')
    method.customer = idOf('cus')
    method.isUsed = true
    return { status: 200, body: { id: method.customer, object: 'customer' } }
  }

  #intent(fields: Fields): Reply {
    const method = this.methods.get(fields.get('payment_method') ?? '')
    const isFree = method && (method.customer ? method.customer === fields.get('customer') : !method.isUsed)
    if (!isFree || fields.get('capture_method') !== 'manual' || fields.get('confirm') !== 'true') {
      return refusal(400, {
        type: 'invalid_request_error',
        param: 'payment_method',
        message: 'It may not be used again.',
      })
    }
    const amount = Number(fields.get('amount'))
    const refused = amountRefused(amount, fields.get('currency')!)
    if (refused) return refused
    method.isUsed = true
    const id = idOf('pi')
    const multicapture = { status: method.number === MULTICAPTURE ? 'available' : 'unavailable' }
    const payment_method_details = { card: { multicapture } }
    const charge = { id: idOf('ch'), object: 'charge', status: 'succeeded', amount_refunded: 0, payment_method_details }
    const intent: Intent = {
      id,
      object: 'payment_intent',
      amount,
      amount_capturable: 0,
      amount_received: 0,
      currency: fields.get('currency'),
      client_secret: `${id}_secret`,
      created: Math.floor(Date.now() / 1000),
      latest_charge: charge,
      cancellation_reason: null,
      last_payment_error: null,
      metadata: { key: fields.get('metadata[key]') ?? '' },
      next_action: null,
      status: 'requires_capture',
    }
    this.intents.set(id, intent)
    if (method.number === '4000000000009995') {
      intent.status = 'requires_payment_method'
      charge.status = 'failed'
      intent.last_payment_error = { code: 'card_declined', decline_code: 'insufficient_funds' }
      return declined('insufficient_funds')
    }
    if (method.number === '4000002500003155') {
      intent.status = 'requires_action'
      intent.latest_charge = null
      intent.next_action = { type: 'redirect_to_url', redirect_to_url: { url: 'https://hooks.example/3ds' } }
      return this.#shown({ ...intent })
    }
    intent.amount_capturable = amount
    return this.#shown({ ...intent })
  }

  /** What the buyer does at the bank. */
  confirm(id: string, isApproved: boolean): void {
    const intent = this.intents.get(id)!
    if (intent.status === 'canceled') throw new Error('Nobody can confirm what was cancelled')
    intent.next_action = null
    intent.status = isApproved ? 'requires_capture' : 'requires_payment_method'
    if (isApproved) intent.amount_capturable = intent.amount
    else intent.last_payment_error = { code: 'payment_intent_authentication_failure' }
  }

  #capture(intent: Intent, fields: Fields): Reply {
    const amount = Number(fields.get('amount_to_capture'))
    if (intent.status !== 'requires_capture') return unexpected(intent.status)
    if (amount > intent.amount_capturable)
      return refusal(400, { type: 'invalid_request_error', code: 'amount_too_large' })
    const isFinal = fields.get('final_capture') !== 'false'
    if (!isFinal && !isCapturedAgain(intent))
      return refusal(400, { type: 'invalid_request_error', param: 'final_capture' })
    for (const [name, value] of fields) {
      const key = /^metadata\[(.+)\]$/.exec(name)?.[1]
      if (key) intent.metadata[key] = value
    }
    const isOver = isFinal || amount === intent.amount_capturable
    Object.assign(intent, {
      status: isOver ? 'succeeded' : 'requires_capture',
      amount_capturable: isOver ? 0 : intent.amount_capturable - amount,
      amount_received: intent.amount_received + amount,
    })
    return this.#shown({ ...intent })
  }

  #cancel(intent: Intent, fields: Fields): Reply {
    if (['succeeded', 'canceled', 'processing'].includes(intent.status)) return unexpected(intent.status)
    const cancellation_reason = fields.get('cancellation_reason') ?? null
    Object.assign(intent, { status: 'canceled', amount_capturable: 0, cancellation_reason })
    return this.#shown({ ...intent })
  }

  #refund(fields: Fields): Reply {
    const payment_intent = fields.get('payment_intent')!
    const amount = Number(fields.get('amount'))
    const taken = this.intents.get(payment_intent)?.amount_received ?? 0
    const given = this.refunds.filter((each) => each.payment_intent === payment_intent)
    const left = given.reduce((sum, each) => sum - each.amount, taken)
    if (amount > left) return refusal(400, { type: 'invalid_request_error', code: 'charge_already_refunded' })
    const refund = {
      id: idOf('re'),
      object: 'refund',
      payment_intent,
      amount,
      created: Math.floor(Date.now() / 1000),
      metadata: { key: fields.get('metadata[key]') },
      status: 'succeeded',
    }
    this.refunds.push(refund)
    Object.assign(this.intents.get(payment_intent)!.latest_charge ?? {}, { amount_refunded: amount + taken - left })
    return this.#shown(refund)
  }
}
