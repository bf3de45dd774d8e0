import { setTimeout as delay } from 'node:timers/promises'
import {
  BrokenCircuitError,
  CircuitState,
  circuitBreaker,
  ConsecutiveBreaker,
  handleWhen,
  type CircuitBreakerPolicy,
} from 'cockatiel'
import { GraphQLError } from 'graphql'
import type { Logger } from '#platform/log.ts'
import { failures } from '#platform/transport-failures.ts'

const FAILURES_THAT_BREAK = 20
const BROKEN_FOR_MS = 2_000
// Of what is asked, at most a tenth more is asked again, so that retries do not bury a subgraph that struggles.
const RETRIES_PER_FETCH = 0.1
const RETRIES_AT_ONCE = 10
const RETRY_AFTER_MS = 25

const codeOf = (error: unknown): unknown => (error instanceof GraphQLError ? error.extensions.code : undefined)
const isOutage = (error: unknown): boolean =>
  ['SUBGRAPH_UNAVAILABLE', 'SUBGRAPH_TIMEOUT'].includes(String(codeOf(error)))

/** What keeps one subgraph's trouble from becoming everybody's: a circuit breaker, and a budget for retries. */
export class Resilience {
  readonly #breaker: CircuitBreakerPolicy
  #budget = RETRIES_AT_ONCE

  constructor(service: string, log: Logger) {
    const breaker = circuitBreaker(handleWhen(isOutage), {
      halfOpenAfter: BROKEN_FOR_MS,
      breaker: new ConsecutiveBreaker(FAILURES_THAT_BREAK),
    })
    breaker.onBreak(() => log.warn({ subgraph: service }, 'a subgraph is not asked for a while'))
    this.#breaker = breaker
  }

  /** Whether nothing is sent for now. */
  get isBroken(): boolean {
    return this.#breaker.state === CircuitState.Open
  }

  /**
   * Sends a fetch, and once more when there was no answer at all and `mayRetry`. What took too long is not tried again:
   * nobody would wait for it twice.
   * @throws SUBGRAPH_UNAVAILABLE without sending anything while the circuit is broken; else what `send` throws
   */
  async run<T>(send: () => Promise<T>, { mayRetry, signal }: { mayRetry: boolean; signal?: AbortSignal | undefined }) {
    this.#budget = Math.min(RETRIES_AT_ONCE, this.#budget + RETRIES_PER_FETCH)
    try {
      return await this.#once(send)
    } catch (error) {
      if (!mayRetry || codeOf(error) !== 'SUBGRAPH_UNAVAILABLE' || this.#budget < 1 || signal?.aborted) throw error
      this.#budget--
      // Those who failed together do not come back together.
      await delay(RETRY_AFTER_MS * (1 + Math.random()))
      return await this.#once(send)
    }
  }

  async #once<T>(send: () => Promise<T>): Promise<T> {
    try {
      return await this.#breaker.execute(send)
    } catch (error) {
      throw error instanceof BrokenCircuitError ? failures.unavailable() : error
    }
  }
}
