import type { Context } from '#platform/context.ts'
import type { Money } from '#platform/money.ts'
import type { Card } from './card.ts'
import { sandbox } from './sandbox.ts'

/** What a provider made of a request. Codes are the provider's, such as `insufficient_funds`. */
export type Answer = { status: 'SUCCEEDED'; reference: string } | { status: 'DECLINED' | 'FAILED'; code: string }

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
  tokenize(card: Card): Promise<{ token: string; last4: string; brand: string | null }>
  /** Uses a token up for a card to keep. */
  save(request: { key: string; token: string }): Promise<SavedCard | Exclude<Answer, { status: 'SUCCEEDED' }>>
  /** Reserves money on the card that `token` stands for. Fails with `token_invalid` or `token_expired`. */
  authorize(request: { key: string; token: string; amount: Money }): Promise<Answer>
  /** Takes reserved money. `reference` is the authorisation's. */
  capture(request: { key: string; reference: string; amount: Money }): Promise<Answer>
  /** Releases reserved money. */
  void(request: { key: string; reference: string; amount: Money }): Promise<Answer>
  /** Gives taken money back. */
  refund(request: { key: string; reference: string; amount: Money }): Promise<Answer>
  /** What became of the request with this key; null when the provider never received it. */
  lookup(key: string): Promise<Answer | null>
}

/** No answer came in time. */
export class ProviderUnreachable extends Error {
  override name = 'ProviderUnreachable'
}

/** The configured provider. */
export const providerOf = (ctx: Pick<Context, 'db' | 'now' | 'config'>): Provider => sandbox(ctx)
