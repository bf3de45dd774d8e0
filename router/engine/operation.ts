import { operationFromDocument } from '@apollo/federation-internals'
import type { QueryPlan } from '@apollo/query-planner'
import {
  getOperationAST,
  getVariableValues,
  GraphQLError,
  type DocumentNode,
  type GraphQLSchema,
  type OperationDefinitionNode,
} from 'graphql'
import { LRUCache } from 'lru-cache'
import type { Logger } from '#platform/log.ts'
import { anonymous, type Viewer } from '#platform/viewer.ts'
import { authorize, deniedRoots, guardedCoordinates, withoutDenied, type Denied } from '../policy/authorize.ts'
import { exceeded } from '../policy/limits.ts'
import { planningCost } from '../policy/planning.ts'
import type { LoadedSupergraph } from '../supergraph.ts'
import { collectFields, conditionVariables, fragmentsOf, withFirmSelections } from './collect.ts'
import { CompiledFetch } from './fetch.ts'
import { compilePlan, type Step } from './plan.ts'
import { compileProjector, type Projector } from './project.ts'

/** How one operation is carried out for all viewers with the same rights. */
export interface Compiled {
  /** No other operation has it. */
  id: number
  /** The fetch whose subscription the events come from, if it is a subscription. */
  primary: CompiledFetch | undefined
  step: Step | undefined
  /** By the values of the variables that decide what is skipped. */
  projectors: LRUCache<string, Projector>
}

/** An operation of a valid document, with what is known of it before anybody asks. */
interface Known {
  node: OperationDefinitionNode
  /** Why it is not planned at all. */
  broken: GraphQLError | null
  guarded: readonly string[]
  deciding: readonly string[]
  /** By the coordinates that are denied. */
  compiled: LRUCache<string, Compiled>
}

/** An operation ready to run for one viewer. */
export interface ReadyOperation {
  kind: OperationDefinitionNode['operation']
  compiled: Compiled
  project: Projector
  /** Variables with their defaults. */
  conditions: Readonly<Record<string, unknown>>
}

/** One operation of a document for one set of rights. */
export interface Planned {
  operationName: string | undefined
  /** Coordinates that are denied. */
  denied: readonly string[]
}

interface Asked {
  document: DocumentNode
  operationName: string | undefined
  variables: Readonly<Record<string, unknown>>
  viewer: Viewer
}

// About a quarter of a millisecond each, during which nobody else is answered.
const MAX_PLANNING_COST = 4_000

const NOTHING_DENIED: Denied = new Map()

/** Checks and compiles operations, each once: what it learns lives as long as the document that the caller keeps. */
export class Operations {
  /** How often an operation was known, and how often it had to be planned. */
  readonly counts = { hits: 0, misses: 0 }
  readonly #known = new WeakMap<DocumentNode, Map<string, Known>>()
  readonly #supergraph: LoadedSupergraph
  readonly #log: Logger

  constructor(supergraph: LoadedSupergraph, log: Logger) {
    this.#supergraph = supergraph
    this.#log = log
  }

  /**
   * What to run, or the errors that keep it from being run at all. A query goes on without what its viewer may not see;
   * a mutation or subscription does not begin.
   */
  prepare({ document, operationName, variables, viewer }: Asked): ReadyOperation | { errors: readonly GraphQLError[] } {
    const { api, requirements } = this.#supergraph
    const known = this.#know(document, operationName)
    if (!known) return refused('There is no such operation in the document.', 'OPERATION_RESOLUTION_FAILURE')
    const { node, broken, guarded } = known
    if (broken) return { errors: [broken] }
    const definitions = node.variableDefinitions ?? []
    const { coerced, errors } =
      definitions.length > 0 ? getVariableValues(api.schema, definitions, { ...variables }) : { coerced: {} }
    if (errors) return { errors: errors.map(badVariable) }
    const denied = guarded.length > 0 ? authorize(guarded, requirements, viewer) : NOTHING_DENIED
    const refusals = node.operation === 'query' ? [] : deniedRoots(document, node, api.schema, denied)
    if (refusals.length > 0) return { errors: refusals }
    const compiled = this.#compile(document, known, denied)
    if (!compiled) return refused('The operation cannot be planned.', 'GRAPHQL_VALIDATION_FAILED')
    const project = this.#projector(document, known, denied, compiled, coerced)
    return { kind: node.operation, compiled, project, conditions: coerced }
  }

  planned(document: DocumentNode): Planned[] {
    return [...(this.#known.get(document) ?? [])].flatMap(([name, { compiled }]) =>
      [...compiled.keys()].map((key) => ({ operationName: name || undefined, denied: key.split(' ').filter(Boolean) })),
    )
  }

  plan(document: DocumentNode, { operationName, denied }: Planned): void {
    const known = this.#know(document, operationName)
    if (!known || known.broken) return
    const isDenied = (coordinate: string) => denied.includes(coordinate)
    const all = authorize(known.guarded, this.#supergraph.requirements, anonymous)
    this.#compile(document, known, new Map([...all].filter(([coordinate]) => isDenied(coordinate))))
  }

  #know(document: DocumentNode, operationName: string | undefined): Known | null {
    let operations = this.#known.get(document)
    if (!operations) this.#known.set(document, (operations = new Map()))
    const key = operationName ?? ''
    const known = operations.get(key)
    if (known) return known
    const node = getOperationAST(document, operationName)
    if (!node) return null
    const { api, requirements, ways } = this.#supergraph
    const cost = planningCost(document, node, api.schema, ways)
    const learnt: Known = {
      node,
      broken: cost > MAX_PLANNING_COST ? exceeded('planning', cost, MAX_PLANNING_COST) : null,
      guarded: guardedCoordinates(document, api.schema, requirements),
      deciding: conditionVariables(document),
      compiled: new LRUCache({ max: 100 }),
    }
    operations.set(key, learnt)
    return learnt
  }

  #compile(document: DocumentNode, { node, deciding, compiled }: Known, denied: Denied): Compiled | null {
    const key = denied.size === 0 ? '' : [...denied.keys()].join(' ')
    const known = compiled.get(key)
    if (known) {
      this.counts.hits++
      return known
    }
    this.counts.misses++
    const { schema } = this.#supergraph
    try {
      const { api } = this.#supergraph
      const allowed = denied.size === 0 ? document : withoutDenied(document, api.schema, denied)
      const { node: root } = this.#plan(deciding.length > 0 ? withFirmSelections(allowed) : allowed, node)
      if (!root && deciding.length === 0 && asksSubgraphs(api.schema, allowed, node)) {
        throw new Error('No subgraph can answer any of it')
      }
      const isSubscription = root?.kind === 'Subscription'
      const rest = isSubscription ? root.rest : root
      const made: Compiled = {
        id: this.counts.misses,
        primary: isSubscription ? new CompiledFetch(schema, root.primary) : undefined,
        step: rest && compilePlan(schema, rest),
        projectors: new LRUCache({ max: 32 }),
      }
      compiled.set(key, made)
      return made
    } catch (error) {
      this.#log.warn({ err: error }, 'an operation cannot be planned')
      return null
    }
  }

  #plan(document: DocumentNode, { name }: OperationDefinitionNode): QueryPlan {
    const { api, planner } = this.#supergraph
    const operation = operationFromDocument(api.federation, document, {
      operationName: name?.value,
      validate: false,
    })
    return planner.buildQueryPlan(operation)
  }

  #projector(
    document: DocumentNode,
    { node, deciding }: Known,
    denied: Denied,
    { projectors }: Compiled,
    conditions: Readonly<Record<string, unknown>>,
  ): Projector {
    const key = deciding.map((name) => (conditions[name] ? 1 : 0)).join('')
    const known = projectors.get(key)
    if (known) return known
    const { schema } = this.#supergraph.api
    const projector = compileProjector({ schema, document, operation: node, conditions, denied })
    projectors.set(key, projector)
    return projector
  }
}

/** Whether there is anything in it that this router does not answer by itself. */
function asksSubgraphs(schema: GraphQLSchema, document: DocumentNode, { name }: OperationDefinitionNode): boolean {
  const node = getOperationAST(document, name?.value)!
  const collecting = { schema, fragments: fragmentsOf(document), conditions: {} }
  const fields = collectFields(collecting, schema.getRootType(node.operation)!, [node.selectionSet])
  return [...fields.values()].some(([field]) => !field!.name.value.startsWith('__'))
}

const refused = (message: string, code: string) => ({ errors: [new GraphQLError(message, { extensions: { code } })] })

const badVariable = ({ message, extensions }: GraphQLError): GraphQLError =>
  new GraphQLError(message, { extensions: { code: 'BAD_USER_INPUT', ...extensions } })
