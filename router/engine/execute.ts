import { CodedError } from '#platform/errors.ts'
import type { Logger } from '#platform/log.ts'
import { failures } from '#platform/transport-failures.ts'
import type { Transport } from '#platform/transport.ts'
import type { Device, Viewer } from '#platform/viewer.ts'
import type { DocumentNode, ExecutionResult, GraphQLError } from 'graphql'
import type { LoadedSupergraph } from '../supergraph.ts'
import type { Run } from './fetch.ts'
import { copy, type Data } from './merge.ts'
import { Operations, type Planned, type ReadyOperation } from './operation.ts'
import { asResult, Output, type ResponseText } from './output.ts'
import { Queries } from './queries.ts'
import { Subgraphs, type Writes } from './subgraphs.ts'

/** An operation of a document that was validated against the public schema, and is within the limits. */
export interface OperationRequest {
  document: DocumentNode
  operationName?: string | undefined
  variables?: Readonly<Record<string, unknown>> | undefined
  viewer: Viewer
  device?: Device | undefined
  requestId: string
  /** Epoch milliseconds. */
  deadline?: number | undefined
  /** Aborts when the client has gone. Queries under way are then given up; a mutation is carried out all the same. */
  signal?: AbortSignal | undefined
}

export interface EngineOptions {
  supergraph: LoadedSupergraph
  transports: ReadonlyMap<string, Transport>
  log: Logger
  /** Whether identical query fetches under way at the same time are sent once (default true). */
  shareFetches?: boolean
  /** How many mutations have ended, when other engines over the same subgraphs count them too. */
  writes?: Writes | undefined
}

/** Runs operations of one generation of the supergraph. */
export interface Engine {
  /** Answers a query or mutation. Never rejects for what subgraphs do: that becomes partial data with errors. */
  execute(request: OperationRequest): Promise<ExecutionResult>
  /** A query or mutation ready to be run, its response written as JSON, or the errors that keep it from being run. */
  prepare(request: OperationRequest): PreparedOperation | Refused
  /** How a subscription is to be followed, or the errors that keep it from being followed. */
  prepareSubscription(request: OperationRequest): PreparedSubscription | Refused
  /** Which operations of a document were planned, and for which rights: what `plan` takes. */
  planned(document: DocumentNode): readonly Planned[]
  /** Plans an operation before anybody asks for it. */
  plan(document: DocumentNode, planned: Planned): void
  /** 1 for each subgraph that is not asked for now because it did not answer, else 0. */
  breakers(): Record<string, number>
  /** What there is to know of its caches and of the fetches it shared. */
  counts(): {
    operations: { hits: number; misses: number }
    fetches: { sent: number; shared: number }
    /** Queries that were carried out, and those that needed nothing but the response of another. */
    queries: { sent: number; shared: number }
  }
}

export interface Refused {
  errors: readonly GraphQLError[]
}

export interface PreparedOperation {
  run(): Promise<ResponseText>
}

export interface PreparedSubscription {
  /** The events as their subgraph sends them. Throws a GraphQLError when it cannot or does not any more. */
  follow(signal: AbortSignal): AsyncIterableIterator<ExecutionResult>
  /** The response for one event, with what other subgraphs add to it. */
  complete(event: ExecutionResult): Promise<ExecutionResult>
  /** The same, its data as JSON. */
  completeText(event: ExecutionResult): Promise<ResponseText>
}

export function createEngine({ supergraph, transports, log, shareFetches = true, writes }: EngineOptions): Engine {
  const operations = new Operations(supergraph, log)
  const subgraphs = new Subgraphs(transports, shareFetches, log, writes)

  const prepare = ({ document, operationName, variables = {}, viewer }: OperationRequest) =>
    operations.prepare({ document, operationName, variables, viewer })

  const run = async (
    request: OperationRequest,
    { compiled: { step }, conditions, project }: ReadyOperation,
    { first, onAnswer }: { first?: (run: Run, data: Data) => void; onAnswer?: () => void },
  ): Promise<ResponseText> => {
    const { variables = {} } = request
    const data: Data = {}
    // What other parts know of an event is asked for anew: what is under way may be older than the event.
    using asking = subgraphs.begin(request, { isShared: !first })
    const state: Run = {
      variables,
      conditions,
      failures: new Set(),
      isRepeating: false,
      ask: async (question, variablesJson) => {
        try {
          return await asking.ask(question, variablesJson)
        } finally {
          onAnswer?.()
        }
      },
    }
    first?.(state, data)
    if (step) await step(state, [data])
    // Nobody is there to read it, and everything that was given up would be an error to write.
    if (request.signal?.aborted) return { errors: [failures.unavailable()] }
    const out = new Output(variables, state.failures, state.isRepeating)
    return out.response(project(out, data), data)
  }
  const queries = new Queries(subgraphs, (request, ready, onAnswer) => run(request, ready, { onAnswer }))

  const prepareOperation = (request: OperationRequest): PreparedOperation | Refused => {
    const ready = prepare(request)
    if ('errors' in ready) return ready
    return ready.compiled.primary ? { errors: [overSocket()] } : { run: () => queries.run(request, ready) }
  }

  return {
    prepare: prepareOperation,

    async execute(request) {
      const prepared = prepareOperation(request)
      return 'errors' in prepared ? prepared : asResult(await prepared.run())
    },

    prepareSubscription(request) {
      const ready = prepare(request)
      if ('errors' in ready) return ready
      const { primary } = ready.compiled
      if (!primary) throw new Error('Not a subscription')
      const completeText = (event: ExecutionResult) =>
        run(request, ready, {
          first: (state, data) => primary.add(state, data, copy(event) as ExecutionResult<Data>),
        })
      return {
        follow: (signal) => {
          const { viewer, requestId, variables = {} } = request
          const { serviceName, operation: query, operationName, variableUsages = [] } = primary.node
          const used = variableUsages.flatMap((name) =>
            variables[name] === undefined ? [] : [[name, variables[name]]],
          )
          const transport = transports.get(serviceName)
          if (!transport) throw failures.unavailable()
          return transport.subscribe({
            query,
            operationName,
            variables: Object.fromEntries(used),
            viewer,
            requestId,
            signal,
          })
        },
        complete: async (event) => asResult(await completeText(event)),
        completeText,
      }
    },

    planned: (document) => operations.planned(document),
    plan: (document, planned) => operations.plan(document, planned),
    breakers: () => subgraphs.breakers(),
    counts: () => ({
      operations: { ...operations.counts },
      fetches: { ...subgraphs.inflight.counts },
      queries: { ...queries.inflight.counts },
    }),
  }
}

const overSocket = () =>
  new CodedError(
    'BAD_USER_INPUT',
    'Subscribe over graphql-ws at this address, or over HTTP with `accept: text/event-stream`.',
  )
