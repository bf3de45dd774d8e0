import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, test } from 'vitest'
import { internalTokens } from './internal-token.ts'
import { remoteTransport } from './transport-remote.ts'
import { anonymous, type User } from './viewer.ts'

const tokens = internalTokens('a secret of the tests that is long enough')

describe('an answer over HTTP', () => {
  test.each([
    ['a page', 200, '<html>'],
    ['a gateway’s error', 502, 'Bad gateway'],
    ['JSON of another kind', 500, '{"error":"no"}'],
    ['too much', 200, `{"data":{"x":"${'x'.repeat(21 * 1024 * 1024)}"}}`],
  ])('%s counts as no answer', async (_what, status, body) => {
    await using server = await listen((_request, response) => response.writeHead(status).end(body))
    await using transport = remoteTransport({ name: 'other', url: server.url, tokens })
    const answer = transport.execute({ query: '{ __typename }', viewer: anonymous, requestId: 'r' })
    await expect(answer).rejects.toMatchObject({ extensions: { code: 'SUBGRAPH_UNAVAILABLE' } })
    await expect(answer).rejects.not.toThrow(/127\.0\.0\.1|JSON/)
  })

  test('errors with a status of their own are an answer', async () => {
    const body = '{"errors":[{"message":"No.","extensions":{"code":"UNAUTHENTICATED"}}]}'
    await using server = await listen((_request, response) => response.writeHead(401).end(body))
    await using transport = remoteTransport({ name: 'other', url: server.url, tokens })
    const { errors } = await transport.execute({ query: '{ __typename }', viewer: anonymous, requestId: 'r' })
    expect(errors).toMatchObject([{ message: 'No.', extensions: { code: 'UNAUTHENTICATED' } }])
  })
})

test('a caller who leaves ends the request', async () => {
  const { promise: asked, resolve: onAsked } = Promise.withResolvers<void>()
  const { promise: left, resolve: onLeft } = Promise.withResolvers<void>()
  await using server = await listen((request, response) => {
    request.resume()
    response.once('close', onLeft)
    onAsked()
  })
  await using transport = remoteTransport({ name: 'other', url: server.url, tokens })
  const gone = new AbortController()
  const answer = transport.execute({ query: '{ a }', viewer: anonymous, requestId: 'r', signal: gone.signal })
  const outcome = expect(answer).rejects.toBe('gone')
  await asked
  gone.abort('gone')
  await outcome
  await left
})

test('a request tells the subgraph who asks, for how long, and under which id', async () => {
  const account: User = { kind: 'user', id: 'u', roles: [], scopes: ['a'], sessionId: 's' }
  const { promise, resolve } = Promise.withResolvers<Record<string, unknown>>()
  await using server = await listen((request, response) => {
    resolve(request.headers)
    response.end('{"data":null}')
  })
  await using transport = remoteTransport({ name: 'other', url: server.url, tokens })
  const deadline = Date.now() + 5_000
  await transport.execute({ query: '{ a }', viewer: account, requestId: 'request-7', deadline })
  const headers = await promise
  expect(headers).toMatchObject({ 'x-request-id': 'request-7', 'x-deadline': String(deadline) })
  const token = String(headers['x-mercato-identity'])
  expect(await tokens.verify(token, 'other')).toEqual(account)
  expect(await tokens.verify(token, 'another')).toBeNull()
})

async function listen(listener: Parameters<typeof createServer>[1] & {}) {
  const server = createServer(listener)
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/graphql`,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((done) => server.close(done))
      server.closeAllConnections()
      await closed
    },
  }
}
