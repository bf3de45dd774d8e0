import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { createLogger } from '#platform/log.ts'
import { followRevocations } from './revocations.ts'
import { startSky } from './testing/router-under-test.ts'

const log = createLogger({ level: 'silent', pretty: false, name: 'test' })

test('an API key stands for itself, and one that nobody knows is refused', async () => {
  const apiKey = async (key: string) =>
    key === 'good' ? { kind: 'apiKey' as const, id: 'k1', scopes: ['diary:read'] } : null
  const keys = () => Promise.reject(new Error('There are no keys'))
  await using sky = await startSky('local', { identity: { keys, isRevoked: () => false, apiKey } })
  const { data } = await sky.ask('{ whoami astronomers { diary email } }', { headers: { 'x-api-key': 'good' } })
  expect(JSON.parse(data!.whoami)).toMatchObject({ kind: 'apiKey', id: 'k1' })
  expect(data!.astronomers[0]).toEqual({ diary: 'Clear night.', email: 'hall@observatory.example' })
  expect((await sky.ask('{ whoami }', { headers: { 'x-api-key': 'bad' } })).status).toBe(401)
})

test('a router without identity takes everybody for nobody, but no token', async () => {
  await using sky = await startSky('local', { identity: undefined })
  expect((await sky.ask('{ whoami }')).data).toEqual({ whoami: '{"kind":"anonymous"}' })
  expect((await sky.ask('{ whoami }', { headers: { authorization: 'Bearer x' } })).status).toBe(401)
})

test('ended sessions are followed from the last cursor, and an outage forgets none', async () => {
  const asked: (string | null)[] = []
  const server = createServer((request, response) => {
    asked.push(new URL(request.url!, 'http://localhost').searchParams.get('since'))
    if (asked.length === 2) response.writeHead(500).end()
    else
      response.end(
        JSON.stringify({
          cursor: `c${asked.length}`,
          sessions: [{ id: `s${asked.length}`, revokedAt: '2026-01-01T00:00:00Z' }],
        }),
      )
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as AddressInfo
  {
    await using revocations = followRevocations({ url: `http://127.0.0.1:${port}/revocations`, log, everyMs: 10 })
    await expect.poll(() => revocations.isRevoked('s3')).toBe(true)
    expect(['s1', 's2'].map((id) => revocations.isRevoked(id))).toEqual([true, false])
    expect(asked.slice(0, 3)).toEqual([null, 'c1', 'c1'])
  }
  await new Promise((done) => server.close(done))
})
