import type { Context } from '#platform/context.ts'
import type { Money } from '#platform/money.ts'
import type { Period } from '#platform/period.ts'
import type { Card } from './card.ts'
import type { Booked } from './payment.ts'
import { sandbox } from './sandbox.ts'
import { stripe } from './stripe.ts'

/** What a provider made of a request. Codes are the provider's, such as `insufficient_funds`. */
export type Answer =
  | { status: 'SUCCEEDED'; reference: string }
  | { status: 'REQUIRES_ACTION'; reference: string; action: Action }
  | Refusal

/**
 * `FAILED`: it was not carried out, and not by a decision of the bank. Either is the end: nothing comes of the request any
 * more.
 */
export interface Refusal {
  status: 'DECLINED' | 'FAILED'
  code: string
}

/** What the buyer must do before an authorisation goes on: open a page, or let the provider's SDK have a secret. */
export type Action =
  | { kind: 'REDIRECT'; url: string; clientSecret: null }
  | { kind: 'SDK'; url: null; clientSecret: string }

/** Which request is asked about. */
export interface Question {
  key: string
  kind: 'AUTHORIZE' | 'CAPTURE' | 'VOID' | 'REFUND'
  /** The authorisation's reference; null while it is not known. */
  reference: string | null
}

/** A card as the provider keeps it. `token` charges it again and again. */
export interface SavedCard {
  token: string
  brand: string | null
  last4: string
  expiryMonth: number
  expiryYear: number
  holderName: string | null
  fingerprint: string
}

/**
 * Whoever handles the cards. Each request carries a key: sent again with the same key it gets the same answer and moves
 * nothing twice. Every method throws ProviderUnreachable when no answer came; the request may then have been carried out
 * all the same, which `lookup` tells.
 */
export interface Provider {
  /** Shown to clients, such as `stripe`. */
  readonly name: string
  /** Turns a card into a token that works once, for 15 minutes. */
  tokenize(card: Card): Promise<{ token: string; last4: string; brand: string | null } | Refusal>
  /** Uses a token up for a card to keep. */
  save(request: { key: string; token: string }): Promise<SavedCard | Refusal>
  /**
   * Reserves money on the card that `token` stands for. Fails with `token_invalid` or `token_expired`. What became of one
   * that REQUIRES_ACTION is told by `lookup`.
   */
  authorize(request: { key: string; token: string; amount: Money }): Promise<Answer>
  /** Takes reserved money. `reference` is the authorisation's. */
  capture(request: { key: string; reference: string; amount: Money }): Promise<Answer>
  /** Releases reserved money, or ends an authorisation that REQUIRES_ACTION: then it `isAbandoned`. */
  void(request: { key: string; reference: string; amount: Money; isAbandoned?: boolean }): Promise<Answer>
  /** Gives taken money back. */
  refund(request: { key: string; reference: string; amount: Money }): Promise<Answer>
  /** What became of a request; null when the provider never received it. */
  lookup(question: Question): Promise<Answer | null>
  /** The shop's authorisations that were begun in a period, with what has become of them since. */
  authorizations(period: Period): Promise<Booked[]>
  /**
   * Which movement a webhook is about; null when none of ours.
   * @throws WebhookRefused when it is not from the provider, or too old.
   */
  parseWebhook(request: Request): Promise<WebhookEvent | null>
}

/** No answer came in time. */
export class ProviderUnreachable extends Error {
  override name = 'ProviderUnreachable'
}

/** What a webhook is about: a movement by its key, or the authorisation with a reference. */
export interface WebhookEvent {
  key: string | null
  reference: string | null
}

/** A webhook that is not signed by the provider, or was signed too long ago. */
export class WebhookRefused extends Error {
  override name = 'WebhookRefused'
}

type Asking = Pick<Context, 'db' | 'now' | 'config'>

const providers: Record<string, (ctx: Asking) => Provider> = { sandbox, stripe }

/** The provider that cards are charged at now. */
export const providerOf = (ctx: Asking): Provider => (ctx.config.STRIPE_SECRET_KEY ? stripe(ctx) : sandbox(ctx))

/** The provider that a payment was made at. */
export function providerNamed(ctx: Asking, name: string): Provider {
  const provider = providers[name]
  if (!provider) throw new Error(`The provider ${name} is not configured`)
  return provider(ctx)
}
