import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { ApolloServer, type BaseContext } from '@apollo/server'
import {
  ApolloServerPluginInlineTraceDisabled,
  ApolloServerPluginLandingPageDisabled,
} from '@apollo/server/plugin/disabled'
import { execute, parse, validate, type ExecutionArgs, type GraphQLError } from 'graphql'
import { useServer } from 'graphql-ws/use/ws'
import type { JWTVerifyGetKey } from 'jose'
import { WebSocketServer } from 'ws'
import { verifyAccessToken } from './access-token.ts'
import type { Context } from './context.ts'
import { leavable, tellQueries } from './departures.ts'
import { unauthenticated } from './errors.ts'
import { BodyTooLarge, answerGraphQL, errorResponse, sendResponse, toRequest } from './http.ts'
import { uuidv7 } from './ids.ts'
import { DEVICE_HEADERS, INTERNAL_TOKEN_HEADER, type InternalTokens } from './internal-token.ts'
import type { Logger } from './log.ts'
import { maskError } from './mask-error.ts'
import type { Metrics } from './metrics.ts'
import type { RunningSubgraph } from './run-subgraph.ts'
import { isSameSecret } from './sealed.ts'
import { subscribe } from './subscribe.ts'
import type { Device, Viewer } from './viewer.ts'

/** What a caller shows: our own token, or another vendor's router key with its caller's bearer token. */
type Credentials = Readonly<Record<string, unknown>>

export interface SubgraphServerOptions {
  part: RunningSubgraph
  tokens: InternalTokens
  /** The key of another vendor's router; unset, there is no such way in. */
  routerKey?: string | undefined
  /** Keys that access tokens are signed with; needed with `routerKey`. */
  keys?: JWTVerifyGetKey | undefined
  /** Served at `/metrics`. */
  metrics?: Metrics | undefined
  log: Logger
  isDevelopment: boolean
}

export interface SubgraphServer extends AsyncDisposable {
  port: number
}

/** Serves one subgraph as a process of its own: GraphQL over HTTP and graphql-ws at `/graphql`, health, figures, side routes. */
export async function serveSubgraph(
  options: SubgraphServerOptions & { port: number; host: string },
): Promise<SubgraphServer> {
  const { part, log, host, metrics, isDevelopment } = options
  const routes = (part.subgraph.routes ?? []).filter((route) => isDevelopment || !route.developmentOnly)
  const apollo = new ApolloServer<BaseContext>({
    schema: part.schema,
    introspection: isDevelopment,
    csrfPrevention: true,
    logger: log,
    plugins: [ApolloServerPluginInlineTraceDisabled(), ApolloServerPluginLandingPageDisabled(), tellQueries],
    formatError: (_formatted, error) => maskError(error, log),
  })
  await apollo.start()

  const answer = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const path = URL.parse(incoming.url ?? '/', 'http://localhost')?.pathname ?? '/'
    const header = (name: string) => incoming.headers[name]?.toString()
    if (path === '/graphql') {
      const requestId = header('x-request-id') ?? uuidv7()
      const viewer = await viewerOf(options, incoming.headers)
      if (!viewer)
        return await sendResponse(outgoing, Response.json({ errors: [unauthenticatedError()] }, { status: 401 }))
      const deadline = Number(header('x-deadline')) || undefined
      return await answerGraphQL(apollo, incoming, outgoing, async () =>
        leavable(outgoing, (signal) =>
          part.createContext({ viewer, device: deviceIn(incoming.headers), requestId, deadline, signal }),
        ),
      )
    }
    if (path === '/health/live') return await sendResponse(outgoing, Response.json({ status: 'up' }))
    if (path === '/health/ready') {
      const detail = await part.health()
      const isReady = Object.values(detail).every(Boolean)
      return await sendResponse(
        outgoing,
        Response.json({ status: isReady ? 'up' : 'down', detail }, { status: isReady ? 200 : 503 }),
      )
    }
    if (path === '/metrics' && metrics)
      return await sendResponse(outgoing, await metrics.answer(header('authorization')))
    const route = routes.find(({ prefix }) => path === prefix || path.startsWith(`${prefix}/`))
    const response = route
      ? await route.handle(part.ownContext(header('x-request-id')), await toRequest(incoming))
      : errorResponse(404, 'NOT_FOUND', 'There is nothing here.')
    await sendResponse(outgoing, response)
  }
  const server = createServer((incoming, outgoing) => {
    answer(incoming, outgoing).catch((error: unknown) => {
      if (outgoing.headersSent) outgoing.destroy()
      else if (error instanceof BodyTooLarge) {
        void sendResponse(outgoing, errorResponse(413, 'PAYLOAD_TOO_LARGE', 'The body is larger than 1 MiB.'))
        return
      }
      log.error({ err: error }, 'a request failed')
      if (!outgoing.headersSent)
        void sendResponse(outgoing, errorResponse(500, 'INTERNAL_SERVER_ERROR', 'Something went wrong.'))
    })
  })
  const sockets = new WebSocketServer({ server, path: '/graphql' })
  const graphql = serveSocket(options, sockets)
  const { promise: listening, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', reject).listen(options.port, host, resolve)
  await listening
  const address = server.address()
  return {
    port: typeof address === 'object' && address ? address.port : options.port,
    async [Symbol.asyncDispose]() {
      await graphql.dispose()
      const closed = new Promise<void>((done) => server.close(() => done()))
      server.closeIdleConnections()
      await closed
      await apollo.stop()
    },
  }
}

// One socket carries the subscriptions of a whole router: who asks is told with each of them.
function serveSocket(options: SubgraphServerOptions, sockets: WebSocketServer) {
  const { part, log } = options
  return useServer(
    {
      onSubscribe: async ({ connectionParams }, _id, { query, operationName, variables, extensions }) => {
        const viewer = await viewerOf(options, { ...connectionParams, ...extensions })
        if (!viewer) return [unauthenticatedError()]
        const document = parse(query)
        const problems = validate(part.schema, document)
        if (problems.length > 0) return problems
        const requestId = typeof extensions?.['x-request-id'] === 'string' ? extensions['x-request-id'] : uuidv7()
        const contextValue: ContextSource = () => part.createContext({ viewer, requestId })
        return { schema: part.schema, document, operationName, variableValues: variables, contextValue }
      },
      execute: (args) => execute({ ...args, contextValue: contextOf(args) }),
      subscribe: (args) => subscribe(args, () => contextOf(args)),
      onNext: (_ctx, _id, _payload, _args, result) =>
        result.errors ? { ...result, errors: result.errors.map((error) => maskError(error, log)) as never } : result,
      onError: (_ctx, _id, _payload, errors) => errors.map((error) => maskError(error, log)) as never,
    },
    sockets,
    15_000,
  )
}

// What onSubscribe puts in place of a context: each event gets one of its own.
type ContextSource = () => Context
const contextOf = ({ contextValue }: ExecutionArgs): Context => (contextValue as ContextSource)()

function deviceIn(headers: IncomingMessage['headers']): Device {
  const agent = headers[DEVICE_HEADERS.userAgent]?.toString()
  return { ip: headers[DEVICE_HEADERS.ip]?.toString() ?? null, userAgent: agent ? decodeURIComponent(agent) : null }
}

function unauthenticatedError(): GraphQLError {
  try {
    return unauthenticated()
  } catch (error) {
    return error as GraphQLError
  }
}

async function viewerOf(
  { part, tokens, routerKey, keys }: Pick<SubgraphServerOptions, 'part' | 'tokens' | 'routerKey' | 'keys'>,
  credentials: Credentials,
): Promise<Viewer | null> {
  const internal = credentials[INTERNAL_TOKEN_HEADER]
  if (typeof internal === 'string') return await tokens.verify(internal, part.name)
  if (!routerKey || !keys || !isSameSecret(credentials['x-router-key'], routerKey)) return null
  const authorization = credentials.authorization ?? credentials.Authorization
  if (authorization === undefined) return { kind: 'anonymous' }
  const bearer = typeof authorization === 'string' ? /^Bearer +(\S+)$/i.exec(authorization)?.[1] : undefined
  return bearer ? ((await verifyAccessToken(bearer, keys))?.viewer ?? null) : null
}
