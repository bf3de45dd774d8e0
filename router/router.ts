import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { sendResponse } from '#platform/http.ts'
import { INTERNAL_TOKEN_HEADER } from '#platform/internal-token.ts'
import type { Logger } from '#platform/log.ts'
import type { Metrics } from '#platform/metrics.ts'
import type { Transport } from '#platform/transport.ts'
import { deviceOf } from './device.ts'
import { answerGraphQL, refuse } from './graphql-http.ts'
import { Health } from './health.ts'
import { Authenticator, type Identity } from './identity.ts'
import { Meter } from './meter.ts'
import { allowedOrigins } from './origins.ts'
import { GraphiQLPage, plainPage, sandboxPage } from './pages.ts'
import { defaultLimits, type OperationLimits } from './policy/limits.ts'
import { PersistedQueries } from './policy/persisted.ts'
import { requestIdOf } from './request-id.ts'
import { measureRouter } from './router-metrics.ts'
import { Runtimes } from './runtimes.ts'
import { SideRoutes, type SideRoute } from './side-routes.ts'
import { SubgraphTransports } from './subgraph-transports.ts'
import { Admission } from './subscriptions/admission.ts'
import { HttpStreams } from './subscriptions/http-stream.ts'
import { defaultSubscriptionLimits, type SubscriptionLimits } from './subscriptions/limits.ts'
import { Operations } from './subscriptions/operations.ts'
import { Upstreams } from './subscriptions/sharing.ts'
import { serveSockets } from './subscriptions/socket.ts'

export interface RouterOptions {
  supergraphSdl: string
  /** The way to a subgraph, by its name and the address it was composed with. The router disposes of it. */
  transport: (name: string, url: string) => Transport
  /** Without it every caller is anonymous, and a token is refused. */
  identity?: Identity | undefined
  sideRoutes?: readonly SideRoute[]
  /** Proxies in front of this router that can be believed about where a request comes from; default 0. */
  trustedProxies?: number
  /** Comma-separated origins of web pages that may call. */
  corsOrigins?: string
  limits?: Partial<OperationLimits>
  subscriptionLimits?: Partial<SubscriptionLimits>
  /** How long a query or mutation may take (default 30,000 ms). */
  patienceMs?: number
  /** Whether identical query fetches under way at the same time are sent once (default true). */
  shareFetches?: boolean
  isDevelopment: boolean
  /** Served at `/metrics`. */
  metrics?: Metrics | undefined
  log: Logger
}

export interface Router extends AsyncDisposable {
  /** Begins to serve. Port 0 takes a free one. */
  listen(address: { port: number; host: string }): Promise<{ url: string; port: number }>
  /**
   * Serves another supergraph from now on. Queries under way end with the one they began with; subscriptions that are
   * still valid go on, the others end with SUBSCRIPTION_SCHEMA_RELOAD.
   * @throws Error when it cannot be served; the present one then stays
   */
  reload(supergraphSdl: string): Promise<void>
}

/** The federated endpoint. @throws Error when the supergraph cannot be loaded. */
export async function createRouter(options: RouterOptions): Promise<Router> {
  const { log, isDevelopment, metrics, patienceMs = 30_000, trustedProxies = 0, shareFetches = true } = options
  const limits = { ...defaultLimits, ...options.limits }
  const subscriptionLimits = { ...defaultSubscriptionLimits(isDevelopment), ...options.subscriptionLimits }
  const meter = metrics && new Meter(metrics)
  const persisted = new PersistedQueries()
  const runtimes = await Runtimes.start(options.supergraphSdl, {
    transports: new SubgraphTransports((name, url) => {
      const transport = options.transport(name, url)
      return meter?.transport(name, transport) ?? transport
    }),
    meter,
    upstreams: new Upstreams(subscriptionLimits.waitingEvents),
    persisted,
    writes: { ended: 0 },
    limits,
    shareFetches,
    isDevelopment,
    log,
  })
  const authenticator = new Authenticator(options.identity)
  const origins = allowedOrigins({ list: options.corsOrigins ?? '', isDevelopment })
  const sideRoutes = new SideRoutes(options.sideRoutes ?? [])
  const health = new Health(() => runtimes.current.transports)
  const graphiql = new GraphiQLPage()
  const operations = new Operations({
    generation: runtimes.current,
    authenticator,
    persisted,
    limits,
    log,
  })
  const device = (incoming: IncomingMessage) => deviceOf(incoming, trustedProxies)
  const admission = new Admission(subscriptionLimits)
  if (metrics && meter) measureRouter(metrics, { meter, runtimes, operations, admission })
  const streams = new HttpStreams({ operations, admission, limits: subscriptionLimits, deviceOf: device, refuse })

  const graphql = async (incoming: IncomingMessage, outgoing: ServerResponse, requestId: string) => {
    const caller = await authenticator.authenticate(incoming.headers)
    if (!caller) {
      outgoing.setHeader('www-authenticate', 'Bearer error="invalid_token"')
      refuse(outgoing, {
        status: 401,
        code: 'UNAUTHENTICATED',
        message: 'This sign-in is not valid any more.',
        requestId,
      })
      return
    }
    const gone = new AbortController()
    outgoing.once('close', () => {
      if (!outgoing.writableFinished) gone.abort()
    })
    if (await streams.answer(incoming, outgoing, { caller, requestId })) return
    const { viewer } = caller
    await answerGraphQL(() => runtimes.current, incoming, outgoing, {
      viewer,
      device: device(incoming),
      requestId,
      deadline: Date.now() + patienceMs,
      signal: gone.signal,
    })
  }

  const answer = async (incoming: IncomingMessage, outgoing: ServerResponse, requestId: string) => {
    if (origins.answer(incoming, outgoing)) return
    const { url = '/' } = incoming
    const path = url === '/graphql' ? url : (URL.parse(url, 'http://localhost')?.pathname ?? '/')
    if (path === '/graphql') return await graphql(incoming, outgoing, requestId)
    if (path === '/health/live') return await sendResponse(outgoing, health.live())
    if (path === '/health/ready') return await sendResponse(outgoing, await health.ready())
    if (path === '/metrics' && metrics) {
      return await sendResponse(outgoing, await metrics.answer(incoming.headers.authorization))
    }
    if (path === '/graphiql') return await graphiql.answer(incoming, outgoing)
    if (path === '/') return await sendResponse(outgoing, page(isDevelopment ? sandboxPage : plainPage))
    if (await sideRoutes.answer(path, incoming, outgoing)) return
    refuse(outgoing, { status: 404, code: 'NOT_FOUND', message: 'There is nothing here.', requestId })
  }

  const server = createServer((incoming, outgoing) => {
    // Whatever speaks for the inside of the house comes from us alone.
    delete incoming.headers[INTERNAL_TOKEN_HEADER]
    const requestId = requestIdOf(incoming.headers['x-request-id'])
    incoming.headers['x-request-id'] = requestId
    outgoing.setHeader('x-request-id', requestId)
    void answer(incoming, outgoing, requestId)
      .catch((error: unknown) => {
        if (outgoing.destroyed) return
        log.error({ err: error, requestId }, 'a request failed')
        if (outgoing.headersSent) outgoing.destroy()
        else
          refuse(outgoing, { status: 500, code: 'INTERNAL_SERVER_ERROR', message: 'Something went wrong.', requestId })
      })
      .finally(() =>
        meter?.responses.add(incoming.url?.startsWith('/graphql') ? 'graphql' : 'other', `${outgoing.statusCode}`),
      )
  })

  const sockets = serveSockets({
    server,
    operations,
    authenticator,
    admission,
    origins,
    deviceOf: device,
    limits: subscriptionLimits,
    log,
  })

  return {
    reload: (sdl) => runtimes.reload(sdl, (next) => operations.reload(next)),
    async listen({ port, host }) {
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      server.once('error', reject).listen(port, host, resolve)
      await promise
      const address = server.address()
      const actual = typeof address === 'object' && address ? address.port : port
      return { url: `http://${host === '0.0.0.0' || host === '::' ? 'localhost' : host}:${actual}`, port: actual }
    },
    async [Symbol.asyncDispose]() {
      health.isStopping = true
      // Whoever asks for readiness is still answered while clients are sent elsewhere.
      await admission.close()
      await sockets[Symbol.asyncDispose]()
      await streams[Symbol.asyncDispose]()
      operations[Symbol.dispose]()
      const closed = server.listening ? new Promise<void>((done) => server.close(() => done())) : undefined
      server.closeIdleConnections()
      await closed
      await sideRoutes[Symbol.asyncDispose]()
      await runtimes[Symbol.asyncDispose]()
    },
  }
}

const page = (html: string): Response => new Response(html, { headers: { 'content-type': 'text/html; charset=utf-8' } })
