// One subgraph as its own process: `node subgraphs/serve.ts NAME`.
import { createRemoteJWKSet } from 'jose'
import { loadConfig } from '#platform/config.ts'
import { databaseUrl } from '#platform/database.ts'
import { internalTokens } from '#platform/internal-token.ts'
import { createLogger } from '#platform/log.ts'
import { Metrics } from '#platform/metrics.ts'
import { measureParts } from '#platform/part-metrics.ts'
import { openPorts } from '#platform/ports.ts'
import { runProgram } from '#platform/program.ts'
import { openQueues } from '#platform/queues.ts'
import { runSubgraph } from '#platform/run-subgraph.ts'
import { untilStopped } from '#platform/shutdown.ts'
import { serveSubgraph } from '#platform/subgraph-server.ts'
import { remoteTransport } from '#platform/transport-remote.ts'
import { assertMigrated } from '../drizzle/migrate.ts'
import { defaultPort, defaultUrl, loadSubgraph, subgraphNames } from './all.ts'

const name = subgraphNames.find((each) => each === process.argv[2])
if (!name) {
  console.error(`Usage: node subgraphs/serve.ts NAME, where NAME is one of ${subgraphNames.join(', ')}.`)
  console.error('It needs DATABASE_URL and REDIS_URL; PORT and <NAME>_URL of the others have defaults. See the README.')
  process.exit(process.argv.includes('--help') ? 0 : 2)
}

async function serve(name: (typeof subgraphNames)[number]): Promise<void> {
  const config = loadConfig()
  if (!config.REDIS_URL) {
    throw new Error('REDIS_URL: a subgraph of its own shares live updates with the others through Redis; set it')
  }
  const log = createLogger({ level: config.LOG_LEVEL, pretty: config.NODE_ENV === 'development', name })
  await assertMigrated(databaseUrl(name, config), name)
  await using ports = await openPorts({ redisUrl: config.REDIS_URL, redisPrefix: config.REDIS_PREFIX, log })
  const tokens = internalTokens(config.INTERNAL_TOKEN_SECRET)
  const transports = new Map(
    subgraphNames
      .filter((callee) => callee !== name)
      .map((callee) => [
        callee,
        remoteTransport({ name: callee, url: config.subgraphUrls[callee] ?? defaultUrl(callee), tokens }),
      ]),
  )
  await using part = runSubgraph(await loadSubgraph(name), { config, ports, log, transports })
  await using queues = await openQueues({ url: databaseUrl('jobs', config), log })
  await part.startWork(queues)
  const isDevelopment = config.NODE_ENV !== 'production'
  const metrics = new Metrics({ token: config.METRICS_TOKEN, isOpen: isDevelopment, log })
  metrics.addProcess()
  measureParts(metrics, { parts: [part], ports, queues })
  await using server = await serveSubgraph({
    part,
    tokens,
    metrics,
    log,
    routerKey: config.ROUTER_KEY,
    keys: config.JWKS_URL ? createRemoteJWKSet(new URL(config.JWKS_URL)) : undefined,
    isDevelopment,
    host: config.HOST,
    port: process.env.PORT ? config.PORT : defaultPort(name),
  })
  log.info({ port: server.port }, 'ready')
  await untilStopped()
  for (const transport of transports.values()) await transport[Symbol.asyncDispose]()
}

await runProgram(() => serve(name))
