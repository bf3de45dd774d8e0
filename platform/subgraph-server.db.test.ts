import { createClient } from 'graphql-ws'
import { createLocalJWKSet, exportJWK, generateKeyPair, type CryptoKey } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { openParts, type Parts } from '../tests/setup/parts.ts'
import { aCustomer, aService } from '../tests/setup/viewers.ts'
import { signAccessToken } from './access-token.ts'
import { uuidv7 } from './ids.ts'
import { INTERNAL_TOKEN_HEADER, internalTokens } from './internal-token.ts'
import { createLogger } from './log.ts'
import { serveSubgraph, type SubgraphServer } from './subgraph-server.ts'
import type { User } from './viewer.ts'

const routerKey = 'the-key-of-another-vendors-router-0001'
const tokens = internalTokens('an-internal-secret-for-this-test-0001')
const log = createLogger({ level: 'silent', pretty: false, name: 'test' })

let shop: Parts
let server: SubgraphServer
let signingKey: CryptoKey

beforeAll(async () => {
  shop = await openParts(['support'])
  const { privateKey, publicKey } = await generateKeyPair('EdDSA')
  signingKey = privateKey
  const keys = createLocalJWKSet({ keys: [{ ...(await exportJWK(publicKey)), kid: 'k', alg: 'EdDSA' }] })
  const part = shop.part('support')
  server = await serveSubgraph({ part, tokens, routerKey, keys, log, isDevelopment: true, host: '127.0.0.1', port: 0 })
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  await shop[Symbol.asyncDispose]()
})

const bearer = async (user: User, expiresInMs = 60_000) => {
  const issuedAt = new Date(Date.now() - 120_000)
  const expiresAt = new Date(Date.now() + expiresInMs)
  return `Bearer ${await signAccessToken(user, { key: signingKey, kid: 'k', issuedAt, expiresAt })}`
}

async function ask(headers: Record<string, string>, query: string, variables?: object) {
  const response = await fetch(`http://127.0.0.1:${server.port}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ query, variables }),
  })
  return { status: response.status, ...((await response.json()) as { data?: any; errors?: any[] }) } // oxlint-disable-line typescript/no-explicit-any -- what the test asked for
}

const TICKETS =
  'query ($id: ID!) { _entities(representations: [{ __typename: "User", id: $id }]) { ... on User { tickets { totalCount } } } }'
const codesOf = ({ errors = [] }: { errors?: any[] }) => errors.map(({ extensions }) => extensions.code) // oxlint-disable-line typescript/no-explicit-any

describe('a subgraph of its own', () => {
  test('answers whoever brings an internal token made for it, as who it says', async () => {
    const user = aCustomer()
    const identity = { [INTERNAL_TOKEN_HEADER]: await tokens.sign(user, 'support') }
    expect(await ask(identity, TICKETS, { id: user.id })).toMatchObject({
      data: { _entities: [{ tickets: { totalCount: 0 } }] },
    })
    expect(await ask(identity, TICKETS, { id: uuidv7() })).toMatchObject({ data: { _entities: [{ tickets: null }] } })
  })

  test.each([
    ['nothing', async () => ({})],
    [
      'a token made for another part',
      async () => ({ [INTERNAL_TOKEN_HEADER]: await tokens.sign(aCustomer(), 'orders') }),
    ],
    [
      'a token signed with another secret',
      async () => ({
        [INTERNAL_TOKEN_HEADER]: await internalTokens('another-secret-altogether-0000000001').sign(
          aService('router'),
          'support',
        ),
      }),
    ],
    ['a bearer token alone', async () => ({ authorization: await bearer(aCustomer()) })],
    ['a wrong router key', async () => ({ 'x-router-key': 'wrong', authorization: await bearer(aCustomer()) })],
    [
      'the router key with a token that is over',
      async () => ({ 'x-router-key': routerKey, authorization: await bearer(aCustomer(), -1_000) }),
    ],
    [
      'the router key with a token that is none',
      async () => ({ 'x-router-key': routerKey, authorization: 'Bearer x.y.z' }),
    ],
  ])('answers nobody who brings %s', async (_, headers) => {
    const answer = await ask(await headers(), '{ _service { sdl } }')
    expect(codesOf(answer)).toEqual(['UNAUTHENTICATED'])
    expect(answer.data ?? null).toBeNull()
  })

  test('answers another vendor’s router for its caller', async () => {
    const user = aCustomer()
    const headers = { 'x-router-key': routerKey, authorization: await bearer(user) }
    expect(await ask(headers, TICKETS, { id: user.id })).toMatchObject({
      data: { _entities: [{ tickets: { totalCount: 0 } }] },
    })
    expect(await ask({ 'x-router-key': routerKey }, TICKETS, { id: user.id })).toMatchObject({
      data: { _entities: [{ tickets: null }] },
    })
  })

  test('serves subscriptions, each for who is named with it', async () => {
    const user = aCustomer()
    const created = await shop.ask(
      'support',
      user,
      'mutation ($input: TicketCreateInput!) { ticketCreate(input: $input) { ticket { id } } }',
      {
        input: { subject: 'Hello', body: 'World', idempotencyKey: uuidv7() },
      },
    )
    const { id } = created.ticketCreate.ticket
    const client = createClient({
      url: `ws://127.0.0.1:${server.port}/graphql`,
      webSocketImpl: WebSocket,
      retryAttempts: 0,
    })
    const follow = async (extensions: Record<string, unknown>) => {
      const query =
        'subscription ($id: ID!) { ticketEvents(ticketId: $id, afterSequence: 0) { ... on MessageAdded { message { body } } } }'
      const events = client.iterate<{ ticketEvents: unknown }>({ query, variables: { id }, extensions })
      const first = await events.next().catch((errors: unknown) => ({ value: { errors } }))
      await events.return?.()
      return first.value
    }
    expect(await follow({ [INTERNAL_TOKEN_HEADER]: await tokens.sign(user, 'support') })).toMatchObject({
      data: { ticketEvents: { message: { body: 'World' } } },
    })
    expect(codesOf(await follow({ [INTERNAL_TOKEN_HEADER]: await tokens.sign(aCustomer(), 'support') }))).toEqual([
      'NOT_FOUND',
    ])
    expect(codesOf(await follow({}))).toEqual(['UNAUTHENTICATED'])
    await client.dispose()
  })

  test('says how it is', async () => {
    const health = async (path: string) => (await fetch(`http://127.0.0.1:${server.port}${path}`)).json()
    expect(await health('/health/live')).toEqual({ status: 'up' })
    expect(await health('/health/ready')).toEqual({ status: 'up', detail: { database: true } })
    expect(await health('/nowhere')).toMatchObject({ error: 'NOT_FOUND', status_code: 404 })
  })

  test('shows nobody what broke inside it', async () => {
    const identity = { [INTERNAL_TOKEN_HEADER]: await tokens.sign(aCustomer(), 'support') }
    const answer = await ask(identity, '{ nothing }')
    expect(answer.status).toBe(400)
    expect(JSON.stringify(answer)).not.toMatch(/node_modules|stack/)
    expect((await ask({}, '{ nothing }')).status).toBe(401)
  })
})
