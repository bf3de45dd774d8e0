import type { FetchNode } from '@apollo/query-planner'
import {
  Kind,
  parse,
  type ExecutionResult,
  type GraphQLError,
  type GraphQLSchema,
  type SelectionSetNode,
} from 'graphql'
import { Failure, placeFailure } from './failure.ts'
import { isData, merge, type Data } from './merge.ts'
import { represent } from './representations.ts'
import { applyRewrites, isOfType } from './rewrites.ts'

/** What the fetches of one operation have in common. */
export interface Run {
  /** The supergraph's types, hidden ones included. */
  schema: GraphQLSchema
  /** As the client sent them. */
  variables: Readonly<Record<string, unknown>>
  /** With defaults, for conditions of the plan. */
  conditions: Readonly<Record<string, unknown>>
  /** Asks a subgraph. Rejects with a GraphQLError when there is no answer. */
  send(fetch: FetchNode, variables: Data): Promise<ExecutionResult<Data>>
  /** Hears of everything that went wrong, so that nothing is lost that has no place in the response. */
  fail(failure: Failure): void
}

/** Carries out one fetch for the objects it is about, and adds what comes to each of them. */
export async function runFetch(run: Run, fetch: FetchNode, objects: readonly Data[]): Promise<void> {
  if (objects.length === 0) return
  if (fetch.requires) await fetchEntities(run, fetch, objects)
  else addAnswer(run, fetch, objects, await ask(run, fetch, variablesOf(run, fetch)))
}

/** Adds a result that came by itself, such as an event, as if `fetch` had brought it. */
export function addResult(run: Run, fetch: FetchNode, object: Data, result: ExecutionResult<Data>): void {
  addAnswer(run, fetch, [object], answerOf(run, fetch, result))
}

function addAnswer(run: Run, fetch: FetchNode, objects: readonly Data[], { data, failure }: Answer): void {
  if (data) applyRewrites(run.schema, fetch.outputRewrites, data)
  for (const object of objects) {
    if (data) merge(object, data)
    if (failure) blame(run, fetch, object, failure)
  }
}

async function fetchEntities(run: Run, fetch: FetchNode, objects: readonly Data[]): Promise<void> {
  // Equal representations are sent once, and the answer goes to every object that asked.
  const askers = new Map<string, { representation: Data; objects: Data[] }>()
  for (const object of new Set(objects)) {
    const representation = represent(run.schema, object, fetch.requires!)
    if (representation instanceof Failure) blame(run, fetch, object, representation)
    if (!isData(representation) || !representation.__typename) continue
    applyRewrites(run.schema, fetch.inputRewrites, representation)
    const key = JSON.stringify(representation)
    const known = askers.get(key)
    if (known) known.objects.push(object)
    else askers.set(key, { representation, objects: [object] })
  }
  if (askers.size === 0) return
  const groups = [...askers.values()]
  const representations = groups.map(({ representation }) => representation)
  const { data, failure } = await ask(run, fetch, { ...variablesOf(run, fetch), representations })
  const entities: unknown = data?._entities
  for (const [index, group] of groups.entries()) {
    const entity: unknown = Array.isArray(entities) ? entities[index] : undefined
    const missing = entity instanceof Failure ? entity : failure
    for (const object of group.objects) {
      if (isData(entity)) {
        // The subgraph's name for the type may be another than ours, or be left out.
        const { __typename: typename = object.__typename, ...fields } = entity
        const fetched: Data = { ...(typename === undefined ? {} : { __typename: typename }), ...fields }
        applyRewrites(run.schema, fetch.outputRewrites, fetched)
        merge(object, fetched)
      }
      if (missing) blame(run, fetch, object, missing)
    }
  }
}

interface Answer {
  data?: Data
  /** Why nothing of it came. */
  failure?: Failure
}

async function ask(run: Run, fetch: FetchNode, variables: Data): Promise<Answer> {
  try {
    return answerOf(run, fetch, await run.send(fetch, variables))
  } catch (error) {
    return { failure: new Failure(error as GraphQLError, fetch.serviceName) }
  }
}

function answerOf(run: Run, fetch: FetchNode, { data: whole, errors = [] }: ExecutionResult<Data>): Answer {
  const { serviceName } = fetch
  const data = whole ?? rootOf(fetch, errors)
  const unplaced: Failure[] = []
  for (const error of errors) {
    const placed = data && placeFailure(data, error, serviceName)
    if (placed) run.fail(placed)
    else unplaced.push(new Failure(error, serviceName))
  }
  const [failure] = unplaced
  if (!data) return failure ? { failure } : {}
  for (const each of unplaced) run.fail(each)
  return { data }
}

// A null that reached the root took with it which field it came from; the errors still tell.
function rootOf({ requires }: FetchNode, errors: readonly GraphQLError[]): Data | undefined {
  const fields = errors.flatMap(({ path = [] }) => path.slice(0, 1))
  return requires || fields.length === 0 ? undefined : Object.fromEntries(fields.map((field) => [field, null]))
}

export function variablesOf({ variables }: Pick<Run, 'variables'>, { variableUsages = [] }: FetchNode): Data {
  return Object.fromEntries(
    variableUsages.flatMap((name) => (variables[name] === undefined ? [] : [[name, variables[name]]])),
  )
}

/** Puts a failure wherever `object` would have got something from this fetch. */
function blame(run: Run, fetch: FetchNode, object: Data, failure: Failure): void {
  run.fail(failure)
  const missing: Data = { __typename: object.__typename }
  for (const { condition, names } of responseNames(fetch)) {
    if (condition && !isOfType(run.schema, object, condition)) continue
    for (const name of names) if (name !== '__typename') missing[name] = failure
  }
  applyRewrites(run.schema, fetch.outputRewrites, missing)
  merge(object, missing)
}

interface Names {
  condition: string | null
  names: readonly string[]
}

const known = new WeakMap<FetchNode, readonly Names[]>()

/** The fields that a fetch brings to an object, by the type they are asked of. */
function responseNames(fetch: FetchNode): readonly Names[] {
  const seen = known.get(fetch)
  if (seen) return seen
  const { definitions } = parse(fetch.operation, { noLocation: true })
  const found: Names[] = []
  const collect = ({ selections }: SelectionSetNode, condition: string | null): void => {
    const names = selections.flatMap((node) => (node.kind === Kind.FIELD ? [node.alias?.value ?? node.name.value] : []))
    found.push({ condition, names })
    for (const node of selections) {
      if (node.kind === Kind.INLINE_FRAGMENT) collect(node.selectionSet, node.typeCondition?.name.value ?? condition)
      if (node.kind !== Kind.FRAGMENT_SPREAD) continue
      const fragment = definitions.find(
        (each) => each.kind === Kind.FRAGMENT_DEFINITION && each.name.value === node.name.value,
      )
      if (fragment?.kind === Kind.FRAGMENT_DEFINITION) collect(fragment.selectionSet, fragment.typeCondition.name.value)
    }
  }
  for (const definition of definitions) {
    if (definition.kind !== Kind.OPERATION_DEFINITION) continue
    const [entities] = definition.selectionSet.selections
    const isEntities = fetch.requires && entities?.kind === Kind.FIELD && entities.selectionSet
    collect(isEntities ? entities.selectionSet : definition.selectionSet, null)
  }
  known.set(fetch, found)
  return found
}
