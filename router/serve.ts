// The router as its own process: `SUPERGRAPH_FILE=… node router/serve.ts`. It needs nothing but a supergraph; without
// JWKS_URL every caller is anonymous.
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createRemoteJWKSet } from 'jose'
import { DEVELOPMENT_SECRET, loadConfig } from '#platform/config.ts'
import { internalTokens } from '#platform/internal-token.ts'
import { createLogger } from '#platform/log.ts'
import { Metrics } from '#platform/metrics.ts'
import { runProgram } from '#platform/program.ts'
import { untilStopped } from '#platform/shutdown.ts'
import { remoteTransport } from '#platform/transport-remote.ts'
import { followRevocations } from './revocations.ts'
import { createRouter } from './router.ts'
import { parseSideRoutes } from './side-routes.ts'
import { followSupergraph } from './supergraph-file.ts'

if (process.argv.includes('--help')) {
  console.log(`node router/serve.ts

Serves SUPERGRAPH_FILE (default schema/supergraph.graphql) on HOST and PORT. Subgraphs are reached at the addresses they
were composed with, or at <NAME>_URL. JWKS_URL, REVOCATIONS_URL, SIDE_ROUTES, CORS_ORIGINS: see the README.`)
  process.exit()
}

async function serve(): Promise<void> {
  const config = loadConfig(process.env, { keepsData: false })
  const isDevelopment = config.NODE_ENV !== 'production'
  const log = createLogger({ level: config.LOG_LEVEL, pretty: config.NODE_ENV === 'development', name: 'router' })
  const metrics = new Metrics({ token: config.METRICS_TOKEN, isOpen: isDevelopment, log })
  metrics.addProcess()
  // What everybody knows vouches for nobody: subgraphs that ask for a token then answer nobody.
  const hasSecret = isDevelopment || config.INTERNAL_TOKEN_SECRET !== DEVELOPMENT_SECRET
  if (!hasSecret) log.warn('INTERNAL_TOKEN_SECRET is not set: no subgraph can tell that it is this router who asks')
  const tokens = internalTokens(hasSecret ? config.INTERNAL_TOKEN_SECRET : randomBytes(32).toString('base64'))
  await using cleanup = new AsyncDisposableStack()
  const revocations = config.REVOCATIONS_URL
    ? cleanup.use(followRevocations({ url: config.REVOCATIONS_URL, log }))
    : undefined
  const router = cleanup.use(
    await createRouter({
      supergraphSdl: readFileSync(config.SUPERGRAPH_FILE, 'utf8'),
      transport: (name, url) =>
        remoteTransport({ name, url: config.subgraphUrls[name.toLowerCase()] ?? url, tokens, log }),
      identity: config.JWKS_URL
        ? {
            keys: createRemoteJWKSet(new URL(config.JWKS_URL)),
            isRevoked: (sessionId) => revocations?.isRevoked(sessionId) ?? false,
          }
        : undefined,
      sideRoutes: parseSideRoutes(config.SIDE_ROUTES),
      corsOrigins: config.CORS_ORIGINS,
      shareFetches: config.SHARE_INFLIGHT_FETCHES,
      trustedProxies: config.TRUSTED_PROXIES,
      isDevelopment,
      metrics,
      log,
    }),
  )
  cleanup.use(followSupergraph({ file: config.SUPERGRAPH_FILE, router, log }))
  const { url } = await router.listen({ port: config.PORT, host: config.HOST })
  log.info({ url }, 'ready')
  await untilStopped()
}

await runProgram(serve)
