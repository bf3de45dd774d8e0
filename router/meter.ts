import { getOperationAST } from 'graphql'
import type { Histogram } from 'prom-client'
import type { Metrics } from '#platform/metrics.ts'
import { Tally } from '#platform/tally.ts'
import type { Transport } from '#platform/transport.ts'
import type { Engine, OperationRequest } from './engine/execute.ts'

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

/** Counts what goes through the router, whichever generation of the supergraph answers it. */
export class Meter {
  /** HTTP answers: `graphql` or `other`, by status. */
  readonly responses = new Tally()
  /** Operations by kind and outcome. */
  readonly operations = new Tally()
  /** What subgraphs were asked, by name and outcome. */
  readonly fetches = new Tally()
  readonly #durations: Histogram

  constructor(metrics: Metrics) {
    this.#durations = metrics.durations(
      {
        name: 'mercato_router_operation_seconds',
        help: 'How long queries and mutations took, from when they were valid to when their answer was written',
        labels: ['kind'],
      },
      SECONDS,
    )
  }

  /** The same engine, counted. */
  engine(engine: Engine): Engine {
    const timed = async <T extends { data?: unknown; errors?: unknown }>(
      request: OperationRequest,
      run: () => Promise<T>,
    ): Promise<T> => {
      const began = performance.now()
      const kind = kindOf(request)
      const result = await run()
      this.operations.add(kind, result.errors ? (result.data === undefined ? 'refused' : 'partial') : 'ok')
      this.#durations.observe({ kind }, (performance.now() - began) / 1000)
      return result
    }
    return {
      ...engine,
      prepare(request) {
        const prepared = engine.prepare(request)
        return 'errors' in prepared ? prepared : { run: () => timed(request, () => prepared.run()) }
      },
      execute: (request) => timed(request, () => engine.execute(request)),
      prepareSubscription: (request) => {
        const prepared = engine.prepareSubscription(request)
        this.operations.add('subscription', 'errors' in prepared ? 'refused' : 'ok')
        return prepared
      },
    }
  }

  /** The same way to a subgraph, counted. */
  transport(name: string, transport: Transport): Transport {
    return {
      execute: async (request) => {
        try {
          const result = await transport.execute(request)
          this.fetches.add(name, result.errors ? 'errors' : 'ok')
          return result
        } catch (error) {
          const code: unknown = Object(Object(error).extensions).code
          const outcome =
            code === 'SUBGRAPH_TIMEOUT' ? 'timeout' : request.signal?.aborted ? 'cancelled' : 'unavailable'
          this.fetches.add(name, outcome)
          throw error
        }
      },
      subscribe: (request) => transport.subscribe(request),
      [Symbol.asyncDispose]: () => transport[Symbol.asyncDispose](),
    }
  }
}

const kindOf = ({ document, operationName }: OperationRequest): string =>
  getOperationAST(document, operationName)?.operation ?? 'none'
