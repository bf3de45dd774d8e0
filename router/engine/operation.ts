import { operationFromDocument } from '@apollo/federation-internals'
import type { QueryPlan } from '@apollo/query-planner'
import {
  getOperationAST,
  getVariableValues,
  GraphQLError,
  type DocumentNode,
  type OperationDefinitionNode,
} from 'graphql'
import { LRUCache } from 'lru-cache'
import type { Logger } from '#platform/log.ts'
import type { Viewer } from '#platform/viewer.ts'
import { authorize, deniedRoots, guardedCoordinates, withoutDenied, type Denied } from '../policy/authorize.ts'
import { brokenLimit, type OperationLimits } from '../policy/limits.ts'
import type { LoadedSupergraph } from '../supergraph.ts'

/** An operation of a valid document, with what is known of it before anybody asks. */
interface CompiledOperation {
  node: OperationDefinitionNode
  broken: GraphQLError | null
  guarded: readonly string[]
  /** By the coordinates that are denied: viewers with the same rights share a plan. */
  plans: LRUCache<string, QueryPlan>
}

/** An operation ready to run for one viewer. */
export interface PreparedOperation {
  kind: OperationDefinitionNode['operation']
  plan: QueryPlan
  denied: Denied
  /** Variables with their defaults. */
  conditions: Readonly<Record<string, unknown>>
}

interface Asked {
  document: DocumentNode
  operationName: string | undefined
  variables: Readonly<Record<string, unknown>>
  viewer: Viewer
}

/** Checks and plans operations, each once: what it learns lives as long as the document that the caller keeps. */
export class Operations {
  readonly #known = new WeakMap<DocumentNode, Map<string, CompiledOperation>>()
  readonly #supergraph: LoadedSupergraph
  readonly #limits: OperationLimits
  readonly #log: Logger

  constructor(supergraph: LoadedSupergraph, limits: OperationLimits, log: Logger) {
    this.#supergraph = supergraph
    this.#limits = limits
    this.#log = log
  }

  /**
   * What to run, or the errors that keep it from being run at all. A query goes on without what its viewer may not see;
   * a mutation or subscription does not begin.
   */
  prepare({
    document,
    operationName,
    variables,
    viewer,
  }: Asked): PreparedOperation | { errors: readonly GraphQLError[] } {
    const { api, requirements } = this.#supergraph
    const operation = this.#compile(document, operationName)
    if (!operation) return refused('There is no such operation in the document.', 'OPERATION_RESOLUTION_FAILURE')
    if (operation.broken) return { errors: [operation.broken] }
    const { coerced, errors } = getVariableValues(api.schema, operation.node.variableDefinitions ?? [], {
      ...variables,
    })
    if (errors) return { errors: errors.map(badVariable) }
    const denied = authorize(operation.guarded, requirements, viewer)
    const refusals =
      operation.node.operation === 'query' ? [] : deniedRoots(document, operation.node, api.schema, denied)
    if (refusals.length > 0) return { errors: refusals }
    const plan = this.#plan(document, operation, denied)
    return plan
      ? { kind: operation.node.operation, plan, denied, conditions: coerced }
      : refused('The operation cannot be planned.', 'GRAPHQL_VALIDATION_FAILED')
  }

  #compile(document: DocumentNode, operationName: string | undefined): CompiledOperation | null {
    let operations = this.#known.get(document)
    if (!operations) this.#known.set(document, (operations = new Map()))
    const key = operationName ?? ''
    const known = operations.get(key)
    if (known) return known
    const node = getOperationAST(document, operationName)
    if (!node) return null
    const { api, requirements } = this.#supergraph
    const compiled: CompiledOperation = {
      node,
      broken: brokenLimit(document, node, this.#limits),
      guarded: guardedCoordinates(document, api.schema, requirements),
      plans: new LRUCache({ max: 100 }),
    }
    operations.set(key, compiled)
    return compiled
  }

  #plan(document: DocumentNode, { node, plans }: CompiledOperation, denied: Denied): QueryPlan | null {
    const key = [...denied.keys()].join(' ')
    const known = plans.get(key)
    if (known) return known
    const { api, planner } = this.#supergraph
    try {
      const allowed = denied.size === 0 ? document : withoutDenied(document, api.schema, denied)
      const operation = operationFromDocument(api.federation, allowed, {
        operationName: node.name?.value,
        validate: false,
      })
      const plan = planner.buildQueryPlan(operation)
      plans.set(key, plan)
      return plan
    } catch (error) {
      this.#log.warn({ err: error }, 'an operation cannot be planned')
      return null
    }
  }
}

const refused = (message: string, code: string) => ({ errors: [new GraphQLError(message, { extensions: { code } })] })

const badVariable = ({ message, extensions }: GraphQLError): GraphQLError =>
  new GraphQLError(message, { extensions: { code: 'BAD_USER_INPUT', ...extensions } })
