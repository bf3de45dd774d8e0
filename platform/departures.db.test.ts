import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { loadSubgraph } from '../subgraphs/all.ts'
import { freshDatabase } from '../tests/setup/fresh-database.ts'
import { aCustomer } from '../tests/setup/viewers.ts'
import { loadConfig } from './config.ts'
import type { Context } from './context.ts'
import { INTERNAL_TOKEN_HEADER, internalTokens } from './internal-token.ts'
import { createLogger } from './log.ts'
import { openPorts } from './ports.ts'
import { runSubgraph } from './run-subgraph.ts'
import { serveSubgraph, type SubgraphServer } from './subgraph-server.ts'

const log = createLogger({ level: 'silent', pretty: false, name: 'test' })
const tokens = internalTokens('an-internal-secret-for-this-test-0001')

let stack: AsyncDisposableStack
let server: SubgraphServer
let begun: Context | null
let finish: () => void
const wait = async (_: unknown, __: unknown, ctx: Context) => {
  begun = ctx
  await new Promise<void>((done) => (finish = done))
  return true
}
beforeEach(async () => {
  stack = new AsyncDisposableStack()
  begun = null
  const database = stack.use(await freshDatabase())
  const config = loadConfig({ NODE_ENV: 'test', DATABASE_URL: database.url, DATABASE_POOL_SIZE: '1' })
  const ports = stack.use(await openPorts({ log }))
  const { name, typeDefs, resolvers } = await loadSubgraph('support')
  const subgraph = {
    name,
    typeDefs: `${typeDefs} extend type Query { wait: Boolean } extend type Mutation { wait: Boolean }`,
    resolvers: {
      ...resolvers,
      Query: { ...Object(resolvers.Query), wait },
      Mutation: { ...Object(resolvers.Mutation), wait },
    },
  }
  const part = stack.use(runSubgraph(subgraph, { config, ports, log, transports: new Map() }))
  server = stack.use(await serveSubgraph({ part, tokens, log, isDevelopment: true, host: '127.0.0.1', port: 0 }))
})
afterEach(() => stack.disposeAsync())

/** Asks, and leaves when it is being answered. */
const askAndLeave = async (query: string): Promise<Context> => {
  const leaving = new AbortController()
  const asked = fetch(`http://127.0.0.1:${server.port}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', [INTERNAL_TOKEN_HEADER]: await tokens.sign(aCustomer(), 'support') },
    body: JSON.stringify({ query }),
    signal: leaving.signal,
  })
  const outcome = expect(asked).rejects.toThrow()
  await vi.waitFor(() => expect(begun).not.toBeNull())
  expect(begun!.signal.aborted).toBe(false)
  leaving.abort()
  await outcome
  return begun!
}

test('the work of a query is stopped when its caller leaves', async () => {
  const { signal } = await askAndLeave('{ wait }')
  await vi.waitFor(() => expect(signal.aborted).toBe(true))
  finish()
})

test('that of a mutation goes on', async () => {
  const { signal } = await askAndLeave('mutation { wait }')
  // When a later request has been answered, the leaving has been heard of.
  await (await fetch(`http://127.0.0.1:${server.port}/health/live`)).text()
  finish()
  await (await fetch(`http://127.0.0.1:${server.port}/health/ready`)).text()
  expect(signal.aborted).toBe(false)
})
