import { createHash } from 'node:crypto'
import type { FetchNode } from '@apollo/query-planner'
import { isAbstractType, parse, visit, type ExecutionResult, type GraphQLError, type GraphQLSchema } from 'graphql'
import { blamer } from './blame.ts'
import { withConditionsDeclared } from './conditions.ts'
import { Failure, placeFailure } from './failure.ts'
import { isData, merge, type Data } from './merge.ts'
import { compileRepresentation, type Represent } from './representations.ts'
import { applyRewrites } from './rewrites.ts'

/** What a fetch asks its subgraph. */
export interface Question {
  node: FetchNode
  /** The same for the same operation at the same subgraph, whichever plan it is in and whatever it is called there. */
  id: string
  /** Whether it brings nothing but leaves to entities, so that nobody adds to its answer and several may have it. */
  isFlat: boolean
}

/** What the fetches of one operation have in common. */
export interface Run {
  /** As the client sent them. */
  variables: Readonly<Record<string, unknown>>
  /** With defaults, for conditions of the plan. */
  conditions: Readonly<Record<string, unknown>>
  /** Everything that went wrong, so that nothing is lost that has no place in the response. */
  failures: Set<Failure>
  /** Whether one answer went to several places. */
  isRepeating: boolean
  /** Asks a subgraph. Rejects with a GraphQLError when there is no answer. The answer is the caller's own, to change. */
  ask(question: Question, variablesJson: string): Promise<ExecutionResult<Data>>
}

const NAMED = /^(\w+) \w+/

interface Answer {
  data?: Data
  /** Why nothing of it came. */
  failure?: Failure
}

/** One fetch of a plan. */
export class CompiledFetch {
  readonly #schema: GraphQLSchema
  readonly #question: Question
  readonly #represent: Represent | undefined
  readonly #blame: (object: Data, failure: Failure) => void

  constructor(schema: GraphQLSchema, planned: FetchNode) {
    const node = withConditionsDeclared(planned)
    const { serviceName, operation, requires, inputRewrites } = node
    this.#schema = schema
    const id = createHash('sha256')
      .update(`${serviceName}\n${operation.replace(NAMED, '$1')}`)
      .digest('base64')
    this.#question = { node, id, isFlat: isFlat(node) }
    this.#represent = requires && compileRepresentation(schema, requires, inputRewrites)
    this.#blame = blamer(schema, node)
  }

  get node(): FetchNode {
    return this.#question.node
  }

  /** Asks for `objects`, each of which is given once, and adds what comes to each of them. */
  async run(run: Run, objects: readonly Data[]): Promise<void> {
    if (objects.length === 0) return
    if (this.#represent) await this.#entities(run, this.#represent, objects)
    else this.#add(run, objects, await this.#ask(run, `{${this.#variables(run).join(',')}}`))
  }

  /** Adds a result that came by itself, such as an event, as if it had been asked for. */
  add(run: Run, object: Data, result: ExecutionResult<Data>): void {
    this.#add(run, [object], this.#answer(run, result))
  }

  #add(run: Run, objects: readonly Data[], { data, failure }: Answer): void {
    if (data) applyRewrites(this.#schema, this.#question.node.outputRewrites, data)
    for (const object of objects) {
      if (data) merge(object, data)
      if (failure) this.#fail(run, object, failure)
    }
  }

  async #entities(run: Run, represent: Represent, objects: readonly Data[]): Promise<void> {
    // Equal representations are sent once, and the answer goes to every object that asked.
    const askers = new Map<string, Data[]>()
    for (const object of objects) {
      const text = represent(object)
      if (text instanceof Failure) this.#fail(run, object, text)
      if (typeof text !== 'string') continue
      const known = askers.get(text)
      if (known) known.push(object)
      else askers.set(text, [object])
    }
    if (askers.size === 0) return
    if (askers.size < objects.length) run.isRepeating = true
    const representations = `"representations":[${[...askers.keys()].join(',')}]`
    const { data, failure } = await this.#ask(run, `{${[...this.#variables(run), representations].join(',')}}`)
    const entities: unknown = data?._entities
    let index = 0
    for (const group of askers.values()) {
      const entity: unknown = Array.isArray(entities) ? entities[index++] : undefined
      const missing = entity instanceof Failure ? entity : failure
      if (isData(entity)) {
        // The subgraph's name for the type may be left out, or be that of the interface it takes for an object.
        const typename = entity.__typename ?? group[0]!.__typename
        const isAbstract = typeof typename === 'string' && isAbstractType(this.#schema.getType(typename))
        entity.__typename = isAbstract ? (group[0]!.__typename ?? typename) : typename
        applyRewrites(this.#schema, this.#question.node.outputRewrites, entity)
        for (const object of group) merge(object, entity)
      }
      if (missing) for (const object of group) this.#fail(run, object, missing)
    }
  }

  #variables({ variables, conditions }: Run): string[] {
    return (this.#question.node.variableUsages ?? []).flatMap((name) => {
      const given = variables[name]
      // Declared by us, a condition has no default of its own.
      const value = given === undefined && typeof conditions[name] === 'boolean' ? conditions[name] : given
      return value === undefined ? [] : [`${JSON.stringify(name)}:${JSON.stringify(value)}`]
    })
  }

  async #ask(run: Run, variablesJson: string): Promise<Answer> {
    try {
      return this.#answer(run, await run.ask(this.#question, variablesJson))
    } catch (error) {
      return { failure: new Failure(error as GraphQLError, this.#question.node.serviceName) }
    }
  }

  #answer({ failures }: Run, { data: whole, errors = [] }: ExecutionResult<Data>): Answer {
    const { serviceName, requires } = this.#question.node
    const data = whole ?? (requires ? undefined : rootOf(errors))
    const unplaced: Failure[] = []
    for (const error of errors) {
      const placed = data && placeFailure(data, error, serviceName)
      if (placed) failures.add(placed)
      else unplaced.push(new Failure(error, serviceName))
    }
    const [failure] = unplaced
    if (!data) return failure ? { failure } : {}
    for (const each of unplaced) failures.add(each)
    return { data }
  }

  #fail({ failures }: Run, object: Data, failure: Failure): void {
    failures.add(failure)
    this.#blame(object, failure)
  }
}

// A null that reached the root took with it which field it came from; the errors still tell.
function rootOf(errors: readonly GraphQLError[]): Data | undefined {
  const fields = errors.flatMap(({ path = [] }) => path.slice(0, 1))
  return fields.length === 0 ? undefined : Object.fromEntries(fields.map((field) => [field, null]))
}

function isFlat({ operation, requires, outputRewrites }: FetchNode): boolean {
  if (!requires || outputRewrites?.length) return false
  let objects = 0
  visit(parse(operation, { noLocation: true }), {
    Field: ({ selectionSet }) => {
      if (selectionSet) objects++
    },
  })
  return objects === 1
}
