import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { execute, graphql, parse, subscribe, type GraphQLSchema } from 'graphql'
import { useServer } from 'graphql-ws/use/ws'
import { WebSocketServer } from 'ws'
import { INTERNAL_TOKEN_HEADER, type InternalTokens } from '#platform/internal-token.ts'
import { createLogger } from '#platform/log.ts'
import { maskError } from '#platform/mask-error.ts'
import { anonymous } from '#platform/viewer.ts'

const log = createLogger({ level: 'silent', pretty: false, name: 'test' })

/** A subgraph as another process would serve it. */
export interface TestSubgraph extends AsyncDisposable {
  name: string
  url: string
  /** What it was asked over HTTP, newest last. */
  received: { query: string; variables: Record<string, unknown>; headers: IncomingHttpHeaders }[]
  /** Open graphql-ws sockets. */
  sockets(): number
  /** Dies like a killed process: connections break, nobody listens any more. */
  kill(): Promise<void>
  /** Comes back at the same address. */
  revive(): Promise<void>
}

export async function serveTestSubgraph(
  name: string,
  schema: GraphQLSchema,
  tokens: InternalTokens,
): Promise<TestSubgraph> {
  const received: TestSubgraph['received'] = []
  const contextOf = async (identity: unknown, requestId: unknown) => ({
    viewer: typeof identity === 'string' ? ((await tokens.verify(identity, name)) ?? anonymous) : anonymous,
    requestId,
  })
  const listen = async (port: number) => {
    const server = createServer((incoming, outgoing) => {
      void (async () => {
        const { query, variables, operationName } = JSON.parse(await text(incoming))
        received.push({ query, variables, headers: incoming.headers })
        const contextValue = await contextOf(incoming.headers[INTERNAL_TOKEN_HEADER], incoming.headers['x-request-id'])
        const { errors, ...result } = await graphql({
          schema,
          source: query,
          variableValues: variables,
          operationName,
          contextValue,
        })
        outgoing.setHeader('content-type', 'application/json')
        outgoing.end(
          JSON.stringify({ ...result, ...(errors ? { errors: errors.map((error) => maskError(error, log)) } : {}) }),
        )
      })()
    })
    const sockets = new WebSocketServer({ server, path: '/graphql' })
    useServer(
      {
        onSubscribe: async (_ctx, _id, { query, variables, operationName, extensions }) => ({
          schema,
          document: parse(query),
          operationName,
          variableValues: variables,
          contextValue: await contextOf(extensions?.[INTERNAL_TOKEN_HEADER], extensions?.['x-request-id']),
        }),
        execute,
        subscribe,
      },
      sockets,
    )
    await new Promise<void>((done) => server.listen(port, '127.0.0.1', done))
    return { server, sockets, port: (server.address() as AddressInfo).port }
  }
  let running = await listen(0)
  const { port } = running
  const kill = async () => {
    for (const socket of running.sockets.clients) socket.terminate()
    const closed = new Promise((done) => running.server.close(done))
    running.server.closeAllConnections()
    await closed
  }
  return {
    name,
    url: `http://127.0.0.1:${port}/graphql`,
    received,
    sockets: () => running.sockets.clients.size,
    kill,
    async revive() {
      running = await listen(port)
    },
    [Symbol.asyncDispose]: kill,
  }
}
