import { generateKeyPair } from 'jose'
import { signAccessToken } from '#platform/access-token.ts'
import { uuidv7 } from '#platform/ids.ts'
import { internalTokens } from '#platform/internal-token.ts'
import { createLogger } from '#platform/log.ts'
import { localTransport } from '#platform/transport-local.ts'
import { remoteTransport } from '#platform/transport-remote.ts'
import type { Transport } from '#platform/transport.ts'
import type { Guest, User } from '#platform/viewer.ts'
import { createRouter, type RouterOptions } from '../router.ts'
import { serveTestSubgraph, type TestSubgraph } from './subgraph-server.ts'
import { sky } from './sky.ts'

export interface Answer {
  status: number
  headers: Headers
  data?: Record<string, any> | null // oxlint-disable-line typescript/no-explicit-any -- a test reads what it asked for
  errors?: { message: string; path?: (string | number)[]; extensions: Record<string, unknown> }[]
  extensions?: Record<string, unknown>
}

const log = createLogger({ level: process.env.LOG_LEVEL ?? 'silent', pretty: false, name: 'test' })
const tokens = internalTokens('a secret of the tests that is long enough')

/** A router over the sky: its subgraphs in this process, or behind HTTP and graphql-ws. */
export async function startSky(
  way: 'local' | 'remote',
  options: Partial<RouterOptions> = {},
  around = (transport: Transport, _name: string) => transport,
) {
  const stack = new AsyncDisposableStack()
  const world = sky()
  const subgraphs = new Map<string, TestSubgraph>()
  if (way === 'remote') {
    for (const [name, schema] of world.schemas)
      subgraphs.set(name, stack.use(await serveTestSubgraph(name, schema, tokens)))
  }
  const { privateKey, publicKey } = await generateKeyPair('EdDSA')
  const revoked = new Set<string>()
  const sdl = world.supergraphSdl(new Map([...subgraphs].map(([name, { url }]) => [name, url])))
  const router = stack.use(
    await createRouter({
      supergraphSdl: sdl,
      transport: (name, url) =>
        around(
          way === 'remote'
            ? remoteTransport({ name, url, tokens })
            : localTransport({ name, schema: world.schemas.get(name)!, createContext: (request) => request, log }),
          name,
        ),
      identity: { keys: async () => publicKey, isRevoked: (id) => revoked.has(id) },
      isDevelopment: true,
      log,
      ...options,
    }),
  )
  const { url } = await router.listen({ port: 0, host: '127.0.0.1' })
  return {
    ...world,
    router,
    /** The supergraph it began with. */
    sdl,
    url,
    subgraphs,
    revoked,
    subgraph: (name: string) => subgraphs.get(name)!,
    token: (who: Guest | User, lifetimeMs = 60_000) =>
      signAccessToken(who, {
        key: privateKey,
        kid: 'test',
        issuedAt: new Date(),
        expiresAt: new Date(Date.now() + lifetimeMs),
      }),
    async ask(
      query: string,
      { variables, headers = {} }: { variables?: Record<string, unknown>; headers?: Record<string, string> } = {},
    ): Promise<Answer> {
      const response = await fetch(`${url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify({ query, variables }),
      })
      return { ...((await response.json()) as object), status: response.status, headers: response.headers }
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

export type Sky = Awaited<ReturnType<typeof startSky>>

export const anAccount = (...scopes: string[]): User => ({
  kind: 'user',
  id: uuidv7(),
  roles: [],
  scopes,
  sessionId: uuidv7(),
})
export const aGuest = (): Guest => ({ kind: 'guest', id: uuidv7(), sessionId: uuidv7() })
