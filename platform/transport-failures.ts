import { GraphQLError, type GraphQLFormattedError } from 'graphql'
import { CodedError } from './errors.ts'
import type { SubgraphRequest } from './transport.ts'

const LONGEST_WAIT_MS = 10_000

/** Aborts when a request has waited long enough: 10 s, or less when its deadline is nearer. */
export function patience({ deadline = Infinity }: Pick<SubgraphRequest, 'deadline'>): AbortSignal {
  return AbortSignal.timeout(Math.max(0, Math.min(LONGEST_WAIT_MS, deadline - Date.now())))
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
