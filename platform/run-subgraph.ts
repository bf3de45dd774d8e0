import { sql } from 'drizzle-orm'
import type { GraphQLSchema } from 'graphql'
import { Neighbours } from './calls.ts'
import type { Config } from './config.ts'
import type { Context } from './context.ts'
import { databaseUrl, openDatabase, type OnStatement } from './database.ts'
import { uuidv7 } from './ids.ts'
import type { Logger } from './log.ts'
import type { Ports } from './ports.ts'
import type { Queues } from './queues.ts'
import { schemaOf, type Job, type Subgraph } from './subgraph.ts'
import type { Transport } from './transport.ts'
import { noDevice, type Device, type Viewer } from './viewer.ts'

const DEFAULT_DEADLINE_MS = 30_000

export interface Caller {
  viewer: Viewer
  device?: Device | undefined
  requestId: string
  deadline?: number | undefined
  signal?: AbortSignal | undefined
}

/** A subgraph with its database, ready to answer. */
export interface RunningSubgraph extends AsyncDisposable {
  name: string
  subgraph: Subgraph
  schema: GraphQLSchema
  createContext(caller: Caller): Context
  /** The context of the subgraph's own work: reactions, jobs, seeding, side routes. */
  ownContext(requestId?: string): Context
  /** Starts reactions and jobs. They stop with the subgraph. */
  startWork(queues: Queues): Promise<void>
  /** Whether what it stands on answers. */
  health(): Promise<Record<string, boolean>>
}

export interface Surroundings {
  config: Config
  ports: Ports
  log: Logger
  /** Ways to the other subgraphs; may be filled after this one runs. */
  transports: ReadonlyMap<string, Transport>
  now?: () => Date
  onStatement?: OnStatement
}

export function runSubgraph(subgraph: Subgraph, surroundings: Surroundings): RunningSubgraph {
  const { name } = subgraph
  const { config, ports, transports, now = () => new Date(), onStatement } = surroundings
  const log = surroundings.log.child({ subgraph: name })
  const database = openDatabase(databaseUrl(name, config), {
    name,
    max: config.DATABASE_POOL_SIZE,
    ...(onStatement ? { onStatement } : {}),
  })
  const neighbours = new Neighbours(name, transports)
  const ending = new AbortController()
  const running = new Set<Promise<void>>()

  const createContext = ({ viewer, device = noDevice, requestId, deadline, signal }: Caller): Context => {
    const until = deadline ?? Date.now() + DEFAULT_DEADLINE_MS
    return {
      db: database.db,
      viewer,
      device,
      requestId,
      now,
      log: log.child({ requestId }),
      // Joined only for those who wait on it: most requests never do.
      get signal() {
        return signal ? AbortSignal.any([signal, ending.signal]) : ending.signal
      },
      deadline: until,
      live: ports.live,
      cache: ports.cache,
      rateLimit: ports.rateLimit,
      config,
      call: neighbours.callsFor({ viewer, requestId, deadline: until, ...(signal ? { signal } : {}) }),
    }
  }
  const ownContext = (requestId = uuidv7()) => createContext({ viewer: { kind: 'service', name }, requestId })

  const repeat = (job: Job): void => {
    const run = async (): Promise<void> => {
      while (!ending.signal.aborted) {
        await pause(job.everySeconds * 1000, ending.signal)
        if (ending.signal.aborted) return
        await job.run(ownContext()).catch((error: unknown) => log.error({ err: error, job: job.name }, 'a job failed'))
      }
    }
    const promise = run().finally(() => running.delete(promise))
    running.add(promise)
  }

  return {
    name,
    subgraph,
    schema: schemaOf(subgraph),
    createContext,
    ownContext,
    async startWork(queues) {
      for (const reaction of subgraph.reactions ?? []) {
        await queues.consume(name, reaction, (event) => reaction.handle(ownContext(event.requestId), event))
      }
      for (const job of subgraph.jobs ?? []) repeat(job)
    },
    async health() {
      const isUp = await database.db.execute(sql`select 1`).then(
        () => true,
        () => false,
      )
      return { database: isUp, ...(await ports.health()) }
    },
    async [Symbol.asyncDispose]() {
      ending.abort()
      await Promise.all(running)
      await database[Symbol.asyncDispose]()
    },
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, ms)
  const stop = () => {
    clearTimeout(timer)
    resolve()
  }
  if (signal.aborted) stop()
  else signal.addEventListener('abort', stop, { once: true })
  return promise
}
