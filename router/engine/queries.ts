import { failures } from '#platform/transport-failures.ts'
import type { OperationRequest } from './execute.ts'
import type { ReadyOperation } from './operation.ts'
import type { ResponseText } from './output.ts'
import { Inflight } from './sharing.ts'
import type { Subgraphs } from './subgraphs.ts'

/** Carries out a query alone. `onAnswer` hears of the first answer of a subgraph. */
export type RunQuery = (request: OperationRequest, ready: ReadyOperation, onAnswer: () => void) => Promise<ResponseText>

// Those who share a response share its deadline: of those who came within this time, that of the first.
const SAME_DEADLINE_MS = 1_000

/**
 * Queries under way whose subgraphs have not answered yet. Whoever asks the same meanwhile would share the first fetches,
 * then know the same, and so share all further ones: instead, they share the response. Once there is an answer, it is
 * older than who comes next, and for them another query begins.
 */
export class Queries {
  readonly inflight = new Inflight<ResponseText>()
  readonly #subgraphs: Subgraphs
  readonly #run: RunQuery

  constructor(subgraphs: Subgraphs, run: RunQuery) {
    this.#subgraphs = subgraphs
    this.#run = run
  }

  async run(request: OperationRequest, ready: ReadyOperation): Promise<ResponseText> {
    const { viewer, deadline = 0, signal } = request
    if (!this.#subgraphs.isSharing || ready.kind !== 'query' || !ready.compiled.step) {
      return await this.#run(request, ready, () => {})
    }
    const variables = request.variables ? JSON.stringify(request.variables) : ''
    const key = `${ready.compiled.id}\n${Math.ceil(deadline / SAME_DEADLINE_MS)}\n${this.#subgraphs.moment(viewer)}\n${variables}`
    try {
      // No device is told, for it is asked on behalf of several; see Subgraphs.
      const run = (leaving: AbortSignal, close: () => void) =>
        this.#run({ ...request, device: undefined, signal: leaving }, ready, close)
      return await this.inflight.ask(key, run, signal, (response) => response)
    } catch (error) {
      if (signal?.aborted) return { errors: [failures.unavailable()] }
      throw error
    }
  }
}
