import { CodedError } from '#platform/errors.ts'
import type { Authenticator, Caller } from '../identity.ts'

// Revocations are heard of every two seconds; an idle subscription need not look more often.
const LOOK_EVERY_MS = 2_000
const LONGEST_TIMER_MS = 2 ** 31 - 1

/** Aborts with SUBSCRIPTION_JWT_EXPIRED when a caller's token runs out or their session is ended. */
export function lifetime(caller: Caller, authenticator: Authenticator): Disposable & { signal: AbortSignal } {
  const ending = new AbortController()
  const end = () =>
    ending.abort(
      new CodedError('SUBSCRIPTION_JWT_EXPIRED', 'The sign-in has expired. Subscribe again with a new token.'),
    )
  const look = () => {
    if (!authenticator.isCurrent(caller)) end()
  }
  const expiry = setTimeout(look, Math.min(LONGEST_TIMER_MS, Math.max(0, caller.expiresAt - Date.now() + 1)))
  const interval = caller.viewer.kind === 'anonymous' ? undefined : setInterval(look, LOOK_EVERY_MS)
  look()
  return {
    signal: ending.signal,
    [Symbol.dispose]() {
      clearTimeout(expiry)
      clearInterval(interval)
    },
  }
}
