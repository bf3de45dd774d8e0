import type { IncomingMessage, ServerResponse } from 'node:http'
import { ApolloServer, HeaderMap } from '@apollo/server'
import type { GraphQLFormattedError } from 'graphql'
import {
  ApolloServerPluginLandingPageLocalDefault,
  ApolloServerPluginLandingPageProductionDefault,
} from '@apollo/server/plugin/landingPage/default'
import type { GatewayInterface } from '@apollo/server-gateway-interface'
import type { Logger } from '#platform/log.ts'
import { BodyTooLarge, readBody } from '#platform/http.ts'
import { publicError, withRequestId } from './graphql-error.ts'
import { validationRules } from './policy/documents.ts'
import type { HotPath } from './hot-path.ts'
import type { OperationLimits } from './policy/limits.ts'
import type { PersistedQueries } from './policy/persisted.ts'
import type { RequestContext } from './request-context.ts'

interface GraphQLOverHttpOptions {
  gateway: GatewayInterface
  persisted: PersistedQueries
  limits: OperationLimits
  isDevelopment: boolean
  log: Logger
}

/** Apollo Server over the gateway: GET and POST, CSRF prevention, automatic persisted queries, introspection. */
export async function startApollo({
  gateway,
  persisted,
  limits,
  isDevelopment,
  log,
}: GraphQLOverHttpOptions): Promise<ApolloServer<RequestContext>> {
  const server = new ApolloServer<RequestContext>({
    gateway,
    logger: log,
    introspection: true,
    csrfPrevention: true,
    persistedQueries: { cache: persisted },
    includeStacktraceInErrorResponses: false,
    stopOnTerminationSignals: false,
    parseOptions: { maxTokens: limits.tokens },
    validationRules: validationRules,
    formatError: (_formatted, error) => publicError(error, limits, log),
    plugins: [
      isDevelopment
        ? ApolloServerPluginLandingPageLocalDefault({ embed: { endpointIsEditable: true }, footer: false })
        : ApolloServerPluginLandingPageProductionDefault({ footer: false }),
      {
        requestDidStart: async () => ({
          async willSendResponse({ response: { body }, contextValue: { requestId } }) {
            if (body.kind !== 'single' || !body.singleResult.errors) return
            body.singleResult.errors = body.singleResult.errors.map((error) => withRequestId(error, requestId))
          },
        }),
      },
    ],
  })
  await server.start()
  return server
}

/** What answers requests. It is used from when the request has been read to the end of its answer. */
export interface Answering {
  apollo: ApolloServer<RequestContext>
  hotPath: HotPath
  /** Why an operation is not even looked at, or null. */
  refuse(text: string): GraphQLFormattedError | null
  use(): Disposable
}

/** Answers one GraphQL request over HTTP, with what is current when it has been read. */
export async function answerGraphQL(
  current: () => Answering,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  context: RequestContext,
): Promise<void> {
  const { requestId } = context
  const { method = 'GET', url = '/' } = incoming
  let body: unknown
  let isJson = false
  if (method === 'POST') {
    try {
      const text = await readBody(incoming)
      isJson = /^application\/json *(;|$)/.test(incoming.headers['content-type'] ?? '')
      body = isJson ? JSON.parse(text) : text
    } catch (error) {
      if (!(error instanceof BodyTooLarge || error instanceof SyntaxError)) throw error
      // What is left of a body that is too large is not read, so the connection ends with this answer.
      if (error instanceof BodyTooLarge) outgoing.setHeader('connection', 'close')
      const [status, message] =
        error instanceof BodyTooLarge ? [413, 'The body is too large.'] : [400, 'The body is not valid JSON.']
      return refuse(outgoing, { status, code: 'BAD_REQUEST', message, requestId })
    }
  }
  const answering = current()
  using _ = answering.use()
  const hot = isJson ? await answering.hotPath.answer(incoming, body, context) : null
  if (hot) return send(outgoing, 200, { 'content-type': hot.contentType, 'cache-control': 'no-store' }, hot.body)
  const headers = new HeaderMap()
  for (const [name, value] of Object.entries(incoming.headers)) {
    if (value !== undefined) headers.set(name, Array.isArray(value) ? value.join(', ') : value)
  }
  const { search, searchParams } = new URL(url, 'http://localhost')
  const asked: unknown = method === 'POST' ? Object(body).query : searchParams.get('query')
  const refused = typeof asked === 'string' && answering.refuse(asked)
  if (refused) {
    const json = JSON.stringify({ errors: [withRequestId(refused, requestId)] })
    return send(outgoing, 400, { 'content-type': 'application/json; charset=utf-8' }, json)
  }
  const answer = await answering.apollo.executeHTTPGraphQLRequest({
    httpGraphQLRequest: { method, headers, search, body },
    context: async () => context,
  })
  const { status = 200, body: answered } = answer
  if (answered.kind !== 'complete') throw new Error('Incremental delivery was not asked for')
  const text = status >= 400 ? withRequestIds(answered.string, requestId) : answered.string
  send(outgoing, status, Object.fromEntries(answer.headers), text)
}

function send(outgoing: ServerResponse, status: number, headers: Record<string, string>, body: string | Buffer): void {
  outgoing.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) }).end(body)
}

/** Answers without having run anything. */
export function refuse(
  outgoing: ServerResponse,
  { status, code, message, requestId }: { status: number; code: string; message: string; requestId: string },
): void {
  const body = JSON.stringify({ errors: [{ message, extensions: { code, requestId } }] })
  outgoing.writeHead(status, { 'content-type': 'application/json; charset=utf-8' }).end(body)
}

// Requests that are refused before they are processed pass no plugin.
function withRequestIds(body: string, requestId: string): string {
  if (!body.startsWith('{"errors":') || body.includes(requestId)) return body
  const { errors, ...rest } = JSON.parse(body)
  return JSON.stringify({
    errors: errors.map((error: { message: string }) => withRequestId(error, requestId)),
    ...rest,
  })
}
