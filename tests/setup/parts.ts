import type { ExecutionResult } from 'graphql'
import { loadConfig, type Config } from '#platform/config.ts'
import { databaseUrl } from '#platform/database.ts'
import { uuidv7 } from '#platform/ids.ts'
import { createLogger } from '#platform/log.ts'
import { openPorts } from '#platform/ports.ts'
import { openQueues } from '#platform/queues.ts'
import { runSubgraph, type RunningSubgraph } from '#platform/run-subgraph.ts'
import type { Transport } from '#platform/transport.ts'
import { localTransport } from '#platform/transport-local.ts'
import { noDevice, type Device, type Viewer } from '#platform/viewer.ts'
import { loadSubgraph, type SubgraphName } from '../../subgraphs/all.ts'
import { freshDatabase } from './fresh-database.ts'

type Data = Record<string, any> // oxlint-disable-line typescript/no-explicit-any -- a test reads what it asked for

/** Some subgraphs, joined in this process as they are in production, on a database of their own. */
export interface Parts extends AsyncDisposable {
  config: Config
  part(name: SubgraphName): RunningSubgraph
  /** Asks one subgraph as `viewer`; fails the test on top-level errors. */
  ask(name: SubgraphName, viewer: Viewer, query: string, variables?: Record<string, unknown>): Promise<Data>
  /** The same with the errors. */
  answer(
    name: SubgraphName,
    viewer: Viewer,
    query: string,
    variables?: Record<string, unknown>,
  ): Promise<ExecutionResult<Data>>
  watch(
    name: SubgraphName,
    viewer: Viewer,
    query: string,
    variables?: Record<string, unknown>,
  ): AsyncIterableIterator<ExecutionResult<Data>>
  /** Starts reactions and jobs. */
  work(): Promise<void>
  /** The SQL statements that `run` makes, transaction control left out. */
  statements(run: () => Promise<unknown>): Promise<string[]>
  /** The same by part. */
  statementsByPart(run: () => Promise<unknown>): Promise<Partial<Record<SubgraphName, string[]>>>
  /** What the client comes with from now on. */
  device: Device
  /** The clock of all parts; a test may set it forward. */
  clock: { now: Date | null }
}

/** `await using shop = await openParts(['orders', 'cart', 'inventory', 'payments'])` */
export async function openParts(names: readonly SubgraphName[], env: Record<string, string> = {}): Promise<Parts> {
  await using cleanup = new AsyncDisposableStack()
  const database = cleanup.use(await freshDatabase())
  const config = loadConfig({ NODE_ENV: 'test', DATABASE_URL: database.url, DATABASE_POOL_SIZE: '5', ...env })
  const log = createLogger({ level: process.env.LOG_LEVEL ?? 'silent', pretty: false, name: 'test' })
  const ports = cleanup.use(await openPorts({ redisUrl: config.REDIS_URL, redisPrefix: config.REDIS_PREFIX, log }))
  const transports = new Map<string, Transport>()
  const parts = new Map<string, RunningSubgraph>()
  const clock: Parts['clock'] = { now: null }
  const device: Device = { ...noDevice }
  let recorded: { part: SubgraphName; text: string }[] | null = null
  for (const name of names) {
    const part = runSubgraph(await loadSubgraph(name), {
      config,
      ports,
      log,
      transports,
      now: () => clock.now ?? new Date(),
      onStatement: (text) => recorded?.push({ part: name, text }),
    })
    parts.set(name, cleanup.use(part))
    transports.set(name, localTransport({ name, schema: part.schema, createContext: part.createContext, log }))
  }
  const rest = cleanup.move()

  const request = (viewer: Viewer, query: string, variables?: Record<string, unknown>) => ({
    query,
    variables,
    viewer,
    device,
    requestId: uuidv7(),
  })
  const answer: Parts['answer'] = async (name, viewer, query, variables) =>
    await transports.get(name)!.execute(request(viewer, query, variables))
  const record = async (run: () => Promise<unknown>) => {
    const mine: { part: SubgraphName; text: string }[] = (recorded = [])
    await run().finally(() => (recorded = null))
    return mine.filter(({ text }) => !/^(begin|commit|rollback|savepoint|release)\b/i.test(text))
  }
  return {
    config,
    device,
    clock,
    part: (name) => parts.get(name)!,
    answer,
    async ask(name, viewer, query, variables) {
      const { data, errors } = await answer(name, viewer, query, variables)
      if (errors?.length) throw new Error(`${name}: ${JSON.stringify(errors)}`)
      return data!
    },
    watch: (name, viewer, query, variables) =>
      transports.get(name)!.subscribe(request(viewer, query, variables)) as AsyncIterableIterator<
        ExecutionResult<Data>
      >,
    async work() {
      const queues = rest.use(await openQueues({ url: databaseUrl('jobs', config), log }))
      for (const part of parts.values()) await part.startWork(queues)
    },
    statements: async (run) => (await record(run)).map(({ text }) => text),
    async statementsByPart(run) {
      const byPart: Partial<Record<SubgraphName, string[]>> = {}
      for (const { part, text } of await record(run)) (byPart[part] ??= []).push(text)
      return byPart
    },
    [Symbol.asyncDispose]: () => rest.disposeAsync(),
  }
}
