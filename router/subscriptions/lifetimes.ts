import { CodedError } from '#platform/errors.ts'
import type { Authenticator, Caller } from '../identity.ts'

// Revocations are heard of every two seconds, and events are kept from whoever has expired in any case.
const LOOK_EVERY_MS = 500

/** Ends what goes on for callers whose token runs out or whose session is ended. One timer for all of them. */
export class Lifetimes implements Disposable {
  readonly #authenticator: Authenticator
  readonly #watched = new Map<symbol, { caller: Caller; end: (error: CodedError) => void }>()
  #timer: NodeJS.Timeout | undefined

  constructor(authenticator: Authenticator) {
    this.#authenticator = authenticator
  }

  /** Calls `end` once, when the caller may not stay. @returns how to stop watching */
  watch(caller: Caller, end: (error: CodedError) => void): () => void {
    // Who showed nothing keeps nothing that could end.
    if (caller.viewer.kind === 'anonymous') return () => {}
    const key = Symbol('watched')
    this.#watched.set(key, { caller, end })
    this.#timer ??= setInterval(() => this.#look(), LOOK_EVERY_MS)
    return () => {
      this.#watched.delete(key)
      if (this.#watched.size === 0) this[Symbol.dispose]()
    }
  }

  isCurrent(caller: Caller): boolean {
    return caller.viewer.kind === 'anonymous' || this.#authenticator.isCurrent(caller)
  }

  #look(): void {
    for (const [key, { caller, end }] of this.#watched) {
      if (this.#authenticator.isCurrent(caller)) continue
      this.#watched.delete(key)
      end(expired())
    }
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
    this.#timer = undefined
  }
}

export const expired = () =>
  new CodedError('SUBSCRIPTION_JWT_EXPIRED', 'The sign-in has expired. Subscribe again with a new token.')
