import { GraphQLError, type GraphQLFormattedError } from 'graphql'
import { CodedError } from './errors.ts'
import type { SubgraphRequest } from './transport.ts'

export const LONGEST_WAIT_MS = 10_000

/** How long one request is waited for, at most. */
export interface Patience extends Disposable {
  /** Aborts when the wait is over, or when the caller leaves. */
  signal: AbortSignal
  /** When that is at the latest, in epoch milliseconds. */
  until: number
  /** What to reject with, once it has aborted: the caller's own reason, or SUBGRAPH_TIMEOUT. */
  reason(): unknown
}

/** Waits for 10 s, or less when the deadline is nearer. A timer of its own, cleared: AbortSignal.timeout leaves them. */
export function patience({ deadline = Infinity, signal }: Pick<SubgraphRequest, 'deadline' | 'signal'>): Patience {
  const until = Math.round(Math.min(Date.now() + LONGEST_WAIT_MS, deadline))
  const ending = new AbortController()
  const end = () => ending.abort()
  const timer = setTimeout(end, Math.max(0, until - Date.now()))
  signal?.addEventListener('abort', end, { once: true })
  if (signal?.aborted) end()
  return {
    signal: ending.signal,
    until,
    reason: () => (signal?.aborted ? signal.reason : failures.timeout()),
    [Symbol.dispose]() {
      clearTimeout(timer)
      signal?.removeEventListener('abort', end)
    },
  }
}

/** The ways in which there is no answer, as clients may hear of them. */
export const failures = {
  unavailable: () => new CodedError('SUBGRAPH_UNAVAILABLE', 'A part of the service cannot be reached.'),
  timeout: () => new CodedError('SUBGRAPH_TIMEOUT', 'A part of the service took too long to answer.'),
  connectionLost: () => new CodedError('SUBGRAPH_CONNECTION_LOST', 'The connection to a part of the service was lost.'),
  tooSlow: () => new CodedError('SUBSCRIPTION_LIMIT_EXCEEDED', 'Events came faster than they were read.'),
}

/** Errors out of JSON as errors again. */
export const revive = (errors: readonly GraphQLFormattedError[]): GraphQLError[] =>
  errors.map(({ message, path, extensions }) => new GraphQLError(message, { path, extensions }))
