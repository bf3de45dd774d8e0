// The whole supergraph in one process: `npm start`. Nothing is needed beforehand.
import { createServer } from 'node:net'
import { readFileSync } from 'node:fs'
import { styleText } from 'node:util'
import { loadConfig, type Config } from '#platform/config.ts'
import { databaseUrl } from '#platform/database.ts'
import { startEmbeddedPostgres } from '#platform/embedded-postgres.ts'
import { createLogger, type Logger } from '#platform/log.ts'
import { Metrics } from '#platform/metrics.ts'
import { measureParts } from '#platform/part-metrics.ts'
import { openPorts } from '#platform/ports.ts'
import { runProgram } from '#platform/program.ts'
import { openQueues } from '#platform/queues.ts'
import { runSubgraph, type RunningSubgraph } from '#platform/run-subgraph.ts'
import { untilStopped } from '#platform/shutdown.ts'
import { localTransport } from '#platform/transport-local.ts'
import type { Transport } from '#platform/transport.ts'
import { migrate } from './drizzle/migrate.ts'
import { seed } from './drizzle/seed.ts'
import { createRouter } from './router/router.ts'
import { followSupergraph } from './router/supergraph-file.ts'
import { loadAllSubgraphs } from './subgraphs/all.ts'
import { localIdentity } from './subgraphs/users/identity.ts'

const HELP = `npm start

Runs the whole shop in one process: an embedded PostgreSQL under DATA_DIR (default .data), its migrations, the demo shop
when it is empty, all subgraphs, and the router on PORT (default 4000). Set DATABASE_URL to use a PostgreSQL of your own
and REDIS_URL to share live updates with other processes. Every setting is listed in the README.`

async function run(): Promise<void> {
  const config = loadConfig()
  if (!process.env.PUBLIC_URL) config.PUBLIC_URL = `http://localhost:${config.PORT}`
  const log = createLogger({ level: config.LOG_LEVEL, pretty: config.NODE_ENV === 'development', name: 'mercato' })
  const isDevelopment = config.NODE_ENV !== 'production'
  const metrics = new Metrics({ token: config.METRICS_TOKEN, isOpen: isDevelopment, log })
  metrics.addProcess()
  await assertPortFree(config)

  await using cleanup = new AsyncDisposableStack()
  // The modules of the subgraphs load while the database starts.
  const loading = loadAllSubgraphs()
  if (!config.DATABASE_URL) {
    say('Starting the embedded PostgreSQL')
    const postgres = cleanup.use(await startEmbeddedPostgres({ dataDir: config.DATA_DIR, log }))
    config.DATABASE_URL = postgres.url
  }
  const subgraphs = await loading
  await migrate(config, subgraphs, say)

  const ports = cleanup.use(await openPorts({ redisUrl: config.REDIS_URL, redisPrefix: config.REDIS_PREFIX, log }))
  const parts: RunningSubgraph[] = []
  const transports = new Map<string, Transport>()
  for (const subgraph of subgraphs) {
    const part = cleanup.use(runSubgraph(subgraph, { config, ports, log, transports }))
    parts.push(part)
    transports.set(
      part.name,
      localTransport({ name: part.name, schema: part.schema, createContext: part.createContext, log }),
    )
  }
  if (isDevelopment) await seed(parts, config, say)

  const users = parts.find(({ name }) => name === 'users')!
  const identity = cleanup.use(await localIdentity(users.ownContext()))
  const router = cleanup.use(
    await createRouter({
      supergraphSdl: readFileSync(config.SUPERGRAPH_FILE, 'utf8'),
      transport: (name) => transportTo(name, transports),
      identity,
      metrics,
      log,
      isDevelopment,
      corsOrigins: config.CORS_ORIGINS,
      shareFetches: config.SHARE_INFLIGHT_FETCHES,
      trustedProxies: config.TRUSTED_PROXIES,
      sideRoutes: sideRoutesOf(parts, isDevelopment),
    }),
  )
  cleanup.use(followSupergraph({ file: config.SUPERGRAPH_FILE, router, log }))
  const queues = cleanup.use(await openQueues({ url: databaseUrl('jobs', config), log }))
  for (const part of parts) await part.startWork(queues)
  measureParts(metrics, { parts, ports, queues })
  const { url } = await router.listen({ port: config.PORT, host: config.HOST })
  if (config.NODE_ENV === 'development') animate(parts, log)
  greet(url, performance.now())
  await untilStopped()
  say('Stopping')
}

function transportTo(name: string, transports: ReadonlyMap<string, Transport>): Transport {
  const transport = transports.get(name)
  if (!transport) throw new Error(`SUPERGRAPH_FILE names a subgraph "${name}", which does not run in this process`)
  return transport
}

const sideRoutesOf = (parts: readonly RunningSubgraph[], isDevelopment: boolean) =>
  parts.flatMap(({ subgraph, ownContext }) =>
    (subgraph.routes ?? [])
      .filter(({ developmentOnly, internal }) => !internal && (isDevelopment || !developmentOnly))
      .map(({ prefix, handle }) => ({ prefix, handle: (request: Request) => handle(ownContext(), request) })),
  )

// What makes the demo shop move goes on by itself; when it fails the shop does not.
function animate(parts: readonly RunningSubgraph[], log: Logger): void {
  for (const { subgraph, ownContext } of parts) {
    subgraph.animate?.(ownContext()).catch((error: unknown) => log.warn({ err: error }, 'the demo stands still'))
  }
}

// Before anything is started: a second shop beside the first should say so at once.
async function assertPortFree({ PORT, HOST }: Config): Promise<void> {
  const probe = createServer()
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  probe.once('error', reject).listen(PORT, HOST, resolve)
  await promise.catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EADDRINUSE') throw error
    throw new Error(`Port ${PORT} is taken, perhaps by another \`npm start\`. Stop that one or set PORT to a free one.`)
  })
  await new Promise((done) => probe.close(done))
}

function say(line: string): void {
  console.log(styleText('dim', `  ${line}`))
}

/** `tookMs` since the process began, loading of modules included. */
function greet(url: string, tookMs: number): void {
  console.log(`
  ${styleText('bold', 'Mercato is open.')}  (${(tookMs / 1000).toFixed(1)} s)

  GraphQL           ${url}/graphql   (HTTP and graphql-ws)
  Apollo Sandbox    ${url}/
  GraphiQL          ${url}/graphiql   (works offline)
  Dev mailbox       ${url}/dev/mail

  Sign in as alice@example.com, bob@, admin@, agent@ or courier@example.com with password123.
  Stop with Ctrl+C.
`)
}

if (process.argv.includes('--help')) console.log(HELP)
else await runProgram(run)
