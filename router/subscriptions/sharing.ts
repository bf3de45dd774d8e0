import { Kind, parse, type DocumentNode, type ExecutionResult, type GraphQLSchema } from 'graphql'
import { LRUCache } from 'lru-cache'
import type { SubgraphRequest, Transport } from '#platform/transport.ts'
import { anonymous } from '#platform/viewer.ts'
import { guardedCoordinates } from '../policy/authorize.ts'
import type { Requirements } from '../policy/requirements.ts'
import { subscriptionRoots, type RootPromises } from './roots.ts'
import { Upstream } from './upstream.ts'

interface Generation {
  /** The supergraph's types, those hidden from clients included. */
  schema: GraphQLSchema
  requirements: Requirements
}

interface Shape extends RootPromises {
  isGuarded: boolean
}

/** What is followed at the subgraphs, from one generation of the supergraph to the next. */
export class Upstreams {
  readonly #shared = new WeakMap<Transport, Map<string, Upstream>>()
  readonly #capacity: number

  /** @param capacity events that may wait for one slow reader */
  constructor(capacity = 1_000) {
    this.#capacity = capacity
  }

  /**
   * A transport whose subscriptions to `live-only` fields are shared: one per operation and variables, however many
   * follow.
   *
   * The subgraph is asked as nobody when all that is asked is public, so that nothing personal reaches the others. What
   * is guarded is asked as whoever comes first; others get it when the router finds that they may see the same fields.
   */
  over(transport: Transport, generation: Generation): Transport {
    let shared = this.#shared.get(transport)
    if (!shared) this.#shared.set(transport, (shared = new Map()))
    return sharing(transport, generation, shared, this.#capacity)
  }
}

function sharing(
  transport: Transport,
  { schema, requirements }: Generation,
  shared: Map<string, Upstream>,
  capacity: number,
): Transport {
  const roots = subscriptionRoots(schema)
  const shapes = new LRUCache<string, Shape>({ max: 2_000 })

  const shapeOf = (query: string): Shape => {
    const known = shapes.get(query)
    if (known) return known
    const document = parse(query, { noLocation: true })
    const shape = {
      ...(roots.get(rootField(document)) ?? { isLiveOnly: false, isLatestWins: false }),
      isGuarded: guardedCoordinates(document, schema, requirements).length > 0,
    }
    shapes.set(query, shape)
    return shape
  }

  const upstreamOf = (request: SubgraphRequest, source: string): Upstream => {
    const { isLiveOnly, isLatestWins, isGuarded } = shapeOf(request.query)
    if (!isLiveOnly) return new Upstream({ open: () => transport.subscribe(request), isLatestWins, capacity })
    const known = shared.get(source)
    if (known) return known
    const viewer = isGuarded ? request.viewer : anonymous
    const upstream = new Upstream({
      open: () => transport.subscribe({ ...request, viewer, signal: undefined }),
      isLatestWins,
      capacity,
      onEnd: () => {
        if (shared.get(source) === upstream) shared.delete(source)
      },
    })
    shared.set(source, upstream)
    return upstream
  }

  const subscribe = (request: SubgraphRequest): Followed => {
    const { query, operationName, variables } = request
    const source = JSON.stringify([query, operationName, variables])
    const { isLiveOnly, isLatestWins } = shapeOf(query)
    const open = () => (isLiveOnly || isLatestWins ? upstreamOf(request, source).read() : transport.subscribe(request))
    return new Followed(open, transport, source)
  }
  return {
    execute: (request) => transport.execute(request),
    subscribe,
    [Symbol.asyncDispose]: () => transport[Symbol.asyncDispose](),
  }
}

/** Events of a subgraph, of which nothing is asked before the first event is. */
export class Followed implements AsyncIterableIterator<ExecutionResult> {
  readonly #open: () => AsyncIterableIterator<ExecutionResult>
  readonly #transport: Transport
  readonly #source: string
  #events: AsyncIterableIterator<ExecutionResult> | undefined

  constructor(open: () => AsyncIterableIterator<ExecutionResult>, transport: Transport, source: string) {
    this.#open = open
    this.#transport = transport
    this.#source = source
  }

  /** Whether `other` would be the same subscription at the same subgraph. */
  equals(other: Followed): boolean {
    return this.#transport === other.#transport && this.#source === other.#source
  }

  next(): Promise<IteratorResult<ExecutionResult, undefined>> {
    this.#events ??= this.#open()
    return this.#events.next()
  }

  async return(): Promise<IteratorResult<ExecutionResult, undefined>> {
    await this.#events?.return?.()
    return { done: true, value: undefined }
  }

  [Symbol.asyncIterator](): this {
    return this
  }
}

// The planner writes the fields of a fetch out, so the root field is the first selection.
function rootField({ definitions }: DocumentNode): string {
  const operation = definitions.find((node) => node.kind === Kind.OPERATION_DEFINITION)
  const [first] = operation?.selectionSet.selections ?? []
  return first?.kind === Kind.FIELD ? first.name.value : ''
}
