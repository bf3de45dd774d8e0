import {
  BrokenCircuitError,
  ConsecutiveBreaker,
  ExponentialBackoff,
  circuitBreaker,
  handleWhen,
  retry,
  wrap,
  type IPolicy,
} from 'cockatiel'
import { CodedError } from './errors.ts'
import type { Transport } from './transport.ts'
import { reject } from './user-errors.ts'
import { client, type Viewer } from './viewer.ts'

/** An operation on another subgraph. `Result` and `Variables` come from codegen of the document against its SDL. */
export interface Operation<Result, Variables> {
  subgraph: string
  document: string
  readonly types?: (variables: Variables) => Result
}

/**
 * ```ts
 * const RESERVE = operation<StockReserveMutation, StockReserveMutationVariables>('inventory', /* GraphQL *\/ `mutation …`)
 * ```
 */
export const operation = <Result, Variables>(subgraph: string, document: string): Operation<Result, Variables> => ({
  subgraph,
  document,
})

/**
 * Carries out an operation on another subgraph with our own identity, acting for the viewer of this request. Retried
 * when there is no answer, so a mutation must carry an idempotency key.
 * @throws CodedError SUBGRAPH_UNAVAILABLE or SUBGRAPH_TIMEOUT when there is no answer in time (a mutation may then have
 * been carried out all the same); any other error of the answer as it came.
 */
export type Calls = <Result, Variables extends Record<string, unknown>>(
  operation: Operation<Result, Variables>,
  variables: Variables,
) => Promise<Result>

/** There was no answer, but only because the caller had no time left: that says nothing about the other subgraph. */
class OutOfTime extends Error {
  override name = 'OutOfTime'
}

/** Whether a call failed because the other part cannot be reached, and not because of what it answered. */
export const isOutage = (error: unknown): boolean =>
  error instanceof CodedError && ['SUBGRAPH_UNAVAILABLE', 'SUBGRAPH_TIMEOUT'].includes(String(error.extensions.code))

/** Rejects with UPSTREAM_UNAVAILABLE for an outage of another part: `hasOrder(ctx, id).catch(rejectOutage)`. */
export function rejectOutage(error: unknown): never {
  if (!isOutage(error)) throw error
  reject('UPSTREAM_UNAVAILABLE', 'A part of the store cannot be reached. Try again in a moment.')
}

/** Ways to the other subgraphs, each behind its own circuit breaker, shared by all requests of a process. */
export class Neighbours {
  readonly #policies = new Map<string, IPolicy>()
  readonly #transports: ReadonlyMap<string, Transport>
  readonly #self: string

  constructor(self: string, transports: ReadonlyMap<string, Transport>) {
    this.#self = self
    this.#transports = transports
  }

  /** The calls of one request. */
  callsFor(request: { viewer: Viewer; requestId: string; deadline: number; signal?: AbortSignal }): Calls {
    const viewer: Viewer = { kind: 'service', name: this.#self, onBehalfOf: client(request.viewer) }
    return async ({ subgraph, document }, variables) => {
      const transport = this.#transports.get(subgraph)
      if (!transport) throw new CodedError('SUBGRAPH_UNAVAILABLE', 'A part of the store cannot be reached.')
      const result = await this.#policy(subgraph)
        .execute(async () => {
          try {
            return await transport.execute({ ...request, query: document, variables, viewer })
          } catch (cause) {
            if (isOutage(cause) && Date.now() >= request.deadline) throw new OutOfTime('No time left', { cause })
            throw cause
          }
        }, request.signal)
        .catch((error: unknown) => {
          if (error instanceof OutOfTime) throw error.cause
          if (!(error instanceof BrokenCircuitError)) throw error
          throw new CodedError('SUBGRAPH_UNAVAILABLE', 'A part of the store cannot be reached.')
        })
      const [error] = result.errors ?? []
      if (error) throw error
      // As if it came over the wire: within one process graphql-js hands out objects without a prototype, which drizzle
      // takes for its own when they are kept.
      return JSON.parse(JSON.stringify(result.data)) as never
    }
  }

  #policy(subgraph: string): IPolicy {
    let policy = this.#policies.get(subgraph)
    if (!policy) {
      const outage = handleWhen(isOutage)
      policy = wrap(
        retry(outage, { maxAttempts: 2, backoff: new ExponentialBackoff({ initialDelay: 50, maxDelay: 500 }) }),
        circuitBreaker(outage, { halfOpenAfter: 2_000, breaker: new ConsecutiveBreaker(10) }),
      )
      this.#policies.set(subgraph, policy)
    }
    return policy
  }
}
