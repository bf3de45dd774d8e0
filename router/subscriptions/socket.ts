import type { IncomingMessage, Server } from 'node:http'
import type { Duplex } from 'node:stream'
import {
  getOperationAST,
  OperationTypeNode,
  type GraphQLError,
  type DocumentNode,
  type ExecutionArgs,
  type ExecutionResult,
  type GraphQLSchema,
} from 'graphql'
import { CloseCode, type Context, type SubscribePayload } from 'graphql-ws'
import { useServer, type Extra } from 'graphql-ws/use/ws'
import { WebSocketServer } from 'ws'
import { CodedError } from '#platform/errors.ts'
import type { Logger } from '#platform/log.ts'
import type { Engine, OperationRequest } from '../engine/execute.ts'
import { publicError, withRequestId } from '../graphql-error.ts'
import type { Authenticator, Caller } from '../identity.ts'
import type { Origins } from '../origins.ts'
import { Documents } from '../policy/documents.ts'
import type { OperationLimits } from '../policy/limits.ts'
import { requestIdOf } from '../request-id.ts'
import { subscribeOperation } from './subscribe.ts'

const MAX_FRAME_BYTES = 1_048_576
const MAX_OPERATIONS = 100
const KEEP_ALIVE_MS = 12_000
const PATIENCE_MS = 30_000

export interface SocketOptions {
  server: Server
  schema: GraphQLSchema
  engine: Engine
  authenticator: Authenticator
  origins: Origins
  limits: OperationLimits
  log: Logger
}

type Connection = Context<Record<string, unknown> | undefined, Extra & { caller?: Caller }>

/** An operation on its way, as graphql-ws hands it from one hook to the next. */
interface Operation {
  request: OperationRequest
  /** Of a subscription; nothing is asked of anybody before they are read. */
  events?: AsyncIterableIterator<ExecutionResult>
}

/**
 * Serves all operations over graphql-ws at `/graphql`. Callers show themselves in `connection_init`, and may show a newer
 * token with any operation, which then counts for the ones that follow too.
 */
export function serveSockets(options: SocketOptions): AsyncDisposable {
  const { server, schema, engine, authenticator, origins, limits, log } = options
  const documents = new Documents(schema, limits.tokens)
  const sockets = new WebSocketServer({ noServer: true, maxPayload: MAX_FRAME_BYTES })
  // The hook that reports errors knows an operation only by what the client sent.
  const requestIds = new WeakMap<SubscribePayload, string>()
  const formatted = (errors: readonly GraphQLError[], requestId: string) =>
    errors.map((error) => withRequestId(publicError(error, limits, log), requestId))

  const callerOf = async ({ extra }: Connection, { extensions }: SubscribePayload): Promise<Caller | null> => {
    // GraphiQL sends what is typed in under Headers as `extensions.headers`.
    const shown: Record<string, unknown> = { ...Object(extensions?.headers), ...extensions }
    const isShown = Object.keys(shown).some((name) => /^(authorization|x-api-key)$/i.test(name))
    if (!isShown) return extra.caller ?? null
    const caller = await authenticator.authenticate(shown)
    if (caller) extra.caller = caller
    else extra.socket.close(CloseCode.Forbidden, 'Forbidden')
    return caller
  }

  const onSubscribe = async (connection: Connection, _id: string, payload: SubscribePayload) => {
    const requestId = requestIdOf(payload.extensions?.['x-request-id'])
    requestIds.set(payload, requestId)
    if (Object.keys(connection.subscriptions).length > MAX_OPERATIONS) return [tooMany()]
    const caller = await callerOf(connection, payload)
    if (!caller || !authenticator.isCurrent(caller)) return [expired()]
    const document = documents.read(payload.query)
    if ('errors' in document) return document.errors
    const { operationName, variables } = payload
    const request: OperationRequest = {
      document,
      operationName: operationName ?? undefined,
      variables: variables ?? {},
      viewer: caller.viewer,
      requestId,
    }
    if (getOperationAST(document, operationName)?.operation !== OperationTypeNode.SUBSCRIPTION) {
      return argsOf(schema, document, { request })
    }
    const events = subscribeOperation({ engine, authenticator, caller, log }, request)
    return 'errors' in events ? events.errors : argsOf(schema, document, { request, events })
  }

  const graphql = useServer<Record<string, unknown> | undefined, { caller?: Caller }>(
    {
      connectionInitWaitTimeout: 3_000,
      onConnect: async ({ connectionParams, extra }) => {
        const caller = await authenticator.authenticate(connectionParams ?? {})
        if (!caller) return false
        extra.caller = caller
        return true
      },
      onSubscribe,
      execute: async (args) => {
        const { request } = operationIn(args)
        return await engine.execute({ ...request, deadline: Date.now() + PATIENCE_MS })
      },
      subscribe: (args) => operationIn(args).events ?? { errors: [] },
      onNext: (_connection, _id, payload, _args, { errors, ...result }) =>
        errors ? { ...result, errors: formatted(errors, requestIds.get(payload) ?? '') } : undefined,
      onError: (_connection, _id, payload, errors) => formatted(errors, requestIds.get(payload) ?? ''),
    },
    sockets,
    KEEP_ALIVE_MS,
  )

  const onUpgrade = (incoming: IncomingMessage, socket: Duplex, head: Buffer) => {
    const path = URL.parse(incoming.url ?? '/', 'http://localhost')?.pathname
    if (path !== '/graphql') return socket.end('HTTP/1.1 404 Not Found\r\nconnection: close\r\n\r\n')
    if (!origins.allows(incoming)) return socket.end('HTTP/1.1 403 Forbidden\r\nconnection: close\r\n\r\n')
    return sockets.handleUpgrade(incoming, socket, head, (opened) => sockets.emit('connection', opened, incoming))
  }
  server.on('upgrade', onUpgrade)
  return {
    async [Symbol.asyncDispose]() {
      server.off('upgrade', onUpgrade)
      // A client that does not answer the close would otherwise be waited for.
      const impatience = setTimeout(() => sockets.clients.forEach((client) => client.terminate()), 2_000)
      await graphql.dispose()
      clearTimeout(impatience)
    },
  }
}

const argsOf = (schema: GraphQLSchema, document: DocumentNode, operation: Operation): ExecutionArgs => ({
  schema,
  document,
  operationName: operation.request.operationName,
  contextValue: operation,
})

const operationIn = ({ contextValue }: ExecutionArgs): Operation => contextValue as Operation

const tooMany = () =>
  new CodedError('SUBSCRIPTION_LIMIT_EXCEEDED', `One socket carries at most ${MAX_OPERATIONS} operations.`)
const expired = () => new CodedError('UNAUTHENTICATED', 'This sign-in is not valid any more.')
