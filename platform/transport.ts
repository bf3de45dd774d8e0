import type { ExecutionResult } from 'graphql'
import type { Device, Viewer } from './viewer.ts'

/** One GraphQL operation for one subgraph. */
export interface SubgraphRequest {
  query: string
  operationName?: string | undefined
  variables?: Record<string, unknown> | undefined
  /** The variables as JSON, instead, by those who have them so. */
  variablesJson?: string | undefined
  /** For whom; told to the subgraph as a signed internal token, or as it is within one process. */
  viewer: Viewer
  /** What the client came with; left out by our own parts. */
  device?: Device | undefined
  requestId: string
  /** Epoch milliseconds after which nobody waits for the answer any more. */
  deadline?: number | undefined
  signal?: AbortSignal | undefined
}

/** The way to one subgraph: `local` (a function call in this process) or `remote` (HTTP and graphql-ws). */
export interface Transport extends AsyncDisposable {
  /**
   * Answers a query or mutation. Rejects with a coded `SUBGRAPH_UNAVAILABLE` or `SUBGRAPH_TIMEOUT` when there is no
   * answer; the error names neither address nor cause to clients.
   */
  execute(request: SubgraphRequest): Promise<ExecutionResult>
  /** Follows a subscription. Throws `SUBGRAPH_CONNECTION_LOST` when the way breaks; returning the iterator ends it. */
  subscribe(request: SubgraphRequest): AsyncIterableIterator<ExecutionResult>
}
