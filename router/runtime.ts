import { setImmediate as turn } from 'node:timers/promises'
import type { Logger } from '#platform/log.ts'
import type { Transport } from '#platform/transport.ts'
import { createEngine } from './engine/execute.ts'
import { engineGateway } from './gateway.ts'
import { publicError } from './graphql-error.ts'
import { startApollo, type Answering } from './graphql-http.ts'
import { HotPath } from './hot-path.ts'
import type { Meter } from './meter.ts'
import { Documents } from './policy/documents.ts'
import type { OperationLimits } from './policy/limits.ts'
import type { PersistedQueries } from './policy/persisted.ts'
import type { SubgraphTransports } from './subgraph-transports.ts'
import type { Generation } from './subscriptions/operations.ts'
import { subscriptionRoots } from './subscriptions/roots.ts'
import type { Upstreams } from './subscriptions/sharing.ts'
import { loadSupergraph } from './supergraph.ts'

/** What outlives every generation of the supergraph. */
export interface Lasting {
  transports: SubgraphTransports
  upstreams: Upstreams
  persisted: PersistedQueries
  /** How many mutations have ended. */
  writes: { ended: number }
  limits: OperationLimits
  shareFetches: boolean
  isDevelopment: boolean
  meter?: Meter | undefined
  log: Logger
}

/** Everything that is made of one supergraph. Disposing of it waits until nobody uses it. */
export interface Runtime extends Generation, Answering, AsyncDisposable {
  documents: Documents
  transports: ReadonlyMap<string, Transport>
}

/** @throws Error when the supergraph cannot be served. Nothing is left of it then. */
export async function startRuntime(sdl: string, lasting: Lasting): Promise<Runtime> {
  const { upstreams, persisted, writes, limits, shareFetches, isDevelopment, meter, log } = lasting
  await using started = new AsyncDisposableStack()
  const supergraph = loadSupergraph(sdl)
  // It takes a while, as does what follows; who is served meanwhile gets a turn.
  await turn()
  const transports = lasting.transports.take(supergraph.subgraphs)
  started.defer(() => lasting.transports.release(supergraph.subgraphs))
  const shared = new Map([...transports].map(([name, transport]) => [name, upstreams.over(transport, supergraph)]))
  const plain = createEngine({ supergraph, transports: shared, log, shareFetches, writes })
  const engine = meter?.engine(plain) ?? plain
  const documents = new Documents(supergraph.api.schema, limits)
  const gateway = engineGateway(supergraph, engine, log)
  const apollo = await startApollo({ gateway, persisted, limits, isDevelopment, log })
  started.defer(() => apollo.stop())
  const users = new Users()
  const all = started.move()
  return {
    engine,
    documents,
    roots: subscriptionRoots(supergraph.schema),
    apollo,
    refuse(text) {
      const read = documents.read(text)
      const broken =
        'errors' in read && read.errors.find(({ extensions }) => extensions.code === 'OPERATION_LIMIT_EXCEEDED')
      return broken ? publicError(broken, limits, log) : null
    },
    hotPath: new HotPath({ engine, documents, persisted, limits, log }),
    transports,
    use: () => users.enter(),
    async [Symbol.asyncDispose]() {
      await users.gone()
      await all.disposeAsync()
    },
  }
}

const HOTTEST = 300

/** Plans for `runtime` what `older` is asked most, so that taking its place slows nobody down. */
export async function warm(runtime: Runtime, older: Runtime): Promise<void> {
  for (const { text, document } of older.documents.hottest(HOTTEST)) {
    const known = runtime.documents.read(text)
    if ('errors' in known) continue
    for (const planned of older.engine.planned(document)) {
      runtime.engine.plan(known, planned)
      await turn()
    }
  }
}

/** Counts who is here, and tells when the last has gone. */
class Users {
  #present = 0
  #onEmpty = (): void => {}

  enter(): Disposable {
    this.#present++
    return {
      [Symbol.dispose]: () => {
        if (--this.#present === 0) this.#onEmpty()
      },
    }
  }

  async gone(): Promise<void> {
    if (this.#present > 0) await new Promise<void>((resolve) => (this.#onEmpty = resolve))
  }
}
