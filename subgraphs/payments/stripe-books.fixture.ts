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
    if (action === 'cancel') return this.#cancel(intent)
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
    method.isUsed = true
    const id = idOf('pi')
    const amount = Number(fields.get('amount'))
    const charge = { id: idOf('ch'), object: 'charge', status: 'succeeded', amount_refunded: 0 }
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
    for (const [name, value] of fields) {
      const key = /^metadata\[(.+)\]$/.exec(name)?.[1]
      if (key) intent.metadata[key] = value
    }
    const isFinal = fields.get('final_capture') !== 'false' || amount === intent.amount_capturable
    Object.assign(intent, {
      status: isFinal ? 'succeeded' : 'requires_capture',
      amount_capturable: isFinal ? 0 : intent.amount_capturable - amount,
      amount_received: intent.amount_received + amount,
    })
    return this.#shown({ ...intent })
  }

  #cancel(intent: Intent): Reply {
    if (['succeeded', 'canceled', 'processing'].includes(intent.status)) return unexpected(intent.status)
    Object.assign(intent, { status: 'canceled', amount_capturable: 0 })
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
