import type { FetchNode, PlanNode } from '@apollo/query-planner'
import { CodedError } from '#platform/errors.ts'
import type { Logger } from '#platform/log.ts'
import { failures } from '#platform/transport-failures.ts'
import type { Transport } from '#platform/transport.ts'
import type { Device, Viewer } from '#platform/viewer.ts'
import { GraphQLError, type DocumentNode, type ExecutionResult } from 'graphql'
import type { OperationLimits } from '../policy/limits.ts'
import type { LoadedSupergraph } from '../supergraph.ts'
import type { Failure } from './failure.ts'
import { addResult, variablesOf, type Run } from './fetch.ts'
import { copy, type Data } from './merge.ts'
import { Operations, type PreparedOperation } from './operation.ts'
import { runPlan } from './run-plan.ts'
import { shape } from './shape.ts'

/** An operation of a document that was validated against the public schema. */
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
  limits: OperationLimits
  log: Logger
}

/** Runs operations of one generation of the supergraph. */
export interface Engine {
  /** Answers a query or mutation. Never rejects for what subgraphs do: that becomes partial data with errors. */
  execute(request: OperationRequest): Promise<ExecutionResult>
  /** How a subscription is to be followed, or the errors that keep it from being followed. */
  prepareSubscription(request: OperationRequest): PreparedSubscription | { errors: readonly GraphQLError[] }
}

export interface PreparedSubscription {
  /** The events as their subgraph sends them. Throws a GraphQLError when it cannot or does not any more. */
  follow(signal: AbortSignal): AsyncIterableIterator<ExecutionResult>
  /** The response for one event, with what other subgraphs add to it. */
  complete(event: ExecutionResult): Promise<ExecutionResult>
}

export function createEngine({ supergraph, transports, limits, log }: EngineOptions): Engine {
  const operations = new Operations(supergraph, limits, log)

  const transport = (service: string): Transport => {
    const found = transports.get(service)
    if (!found) throw failures.unavailable()
    return found
  }
  const send = (
    request: OperationRequest,
    { operation, operationName, operationKind, serviceName }: FetchNode,
    variables: Data,
  ) => {
    const { viewer, device, requestId, deadline, signal } = request
    return transport(serviceName)
      .execute({
        query: operation,
        operationName,
        variables,
        viewer,
        device,
        requestId,
        deadline,
        ...(operationKind === 'mutation' ? {} : { signal }),
      })
      .catch((error: unknown) => {
        if (error instanceof GraphQLError) throw error
        if (!signal?.aborted) log.error({ err: error, subgraph: serviceName, requestId }, 'a fetch failed')
        throw failures.unavailable()
      })
  }
  const prepare = ({ document, operationName, variables = {}, viewer }: OperationRequest) =>
    operations.prepare({ document, operationName, variables, viewer })

  const run = async (
    request: OperationRequest,
    { denied, conditions }: PreparedOperation,
    rest: PlanNode | undefined,
    first?: (run: Run, data: Data) => void,
  ): Promise<ExecutionResult> => {
    const { document, operationName, variables = {} } = request
    const failed = new Set<Failure>()
    const data: Data = {}
    const state: Run = {
      schema: supergraph.schema,
      variables,
      conditions,
      send: async (fetch, values) => await send(request, fetch, values),
      fail: (failure) => failed.add(failure),
    }
    first?.(state, data)
    if (rest) await runPlan(state, rest, [data])
    return shape({ schema: supergraph.api.schema, document, operationName, variables, denied }, data, failed)
  }

  return {
    async execute(request) {
      const prepared = prepare(request)
      if ('errors' in prepared) return prepared
      const { node } = prepared.plan
      if (node?.kind === 'Subscription') return { errors: [overSocket()] }
      return await run(request, prepared, node)
    },

    prepareSubscription(request) {
      const prepared = prepare(request)
      if ('errors' in prepared) return prepared
      const { node } = prepared.plan
      if (node?.kind !== 'Subscription') throw new Error('Not a subscription')
      const { primary, rest } = node
      const { variables = {}, viewer, requestId } = request
      return {
        follow: (signal) =>
          transport(primary.serviceName).subscribe({
            query: primary.operation,
            operationName: primary.operationName,
            variables: variablesOf({ variables }, primary),
            viewer,
            requestId,
            signal,
          }),
        complete: (event) =>
          run(request, prepared, rest, (state, data) =>
            addResult(state, primary, data, copy(event) as ExecutionResult<Data>),
          ),
      }
    },
  }
}

const overSocket = () =>
  new CodedError(
    'BAD_USER_INPUT',
    'Subscribe over graphql-ws at this address, or over HTTP with `accept: text/event-stream`.',
  )
