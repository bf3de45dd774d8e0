import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createLogger } from '#platform/log.ts'
import { localTransport } from '#platform/transport-local.ts'
import { anonymous, type Viewer } from '#platform/viewer.ts'
import { defaultLimits as limits } from './policy/limits.ts'
import { PersistedQueries } from './policy/persisted.ts'
import { startRuntime, warm, type Lasting, type Runtime } from './runtime.ts'
import { SubgraphTransports } from './subgraph-transports.ts'
import { Upstreams } from './subscriptions/sharing.ts'
import { sky } from './testing/sky.ts'
import { anAccount } from './testing/router-under-test.ts'

const log = createLogger({ level: 'silent', pretty: false, name: 'test' })
const world = sky()
const sdl = world.supergraphSdl(new Map())

let lasting: Lasting
let older: Runtime
let newer: Runtime
beforeEach(async () => {
  lasting = {
    transports: new SubgraphTransports((name) =>
      localTransport({ name, schema: world.schemas.get(name)!, createContext: (request) => request, log }),
    ),
    upstreams: new Upstreams(),
    persisted: new PersistedQueries(),
    writes: { ended: 0 },
    limits,
    shareFetches: true,
    isDevelopment: true,
    log,
  }
  older = await startRuntime(sdl, lasting)
  newer = await startRuntime(sdl, lasting)
})
afterEach(async () => {
  await older[Symbol.asyncDispose]()
  await newer[Symbol.asyncDispose]()
})

const request = { viewer: anonymous, requestId: 'r' }
const document = (runtime: Runtime, text: string) => {
  const read = runtime.documents.read(text)
  if ('errors' in read) throw read.errors[0]!
  return read
}
const run = ({ engine, ...runtime }: Runtime, text: string, viewer: Viewer = anonymous) =>
  engine.execute({ ...request, viewer, document: document({ engine, ...runtime }, text) })

describe('a runtime that was warmed', () => {
  test('has planned what the older one was asked, for the same rights', async () => {
    const texts = ['{ planets { name } }', '{ astronomers { name email diary } }']
    for (const text of texts) for (const viewer of [anonymous, anAccount()]) await run(older, text, viewer)
    await warm(newer, older)
    const { misses } = newer.engine.counts().operations
    expect(misses).toBe(3)
    for (const text of texts) for (const viewer of [anonymous, anAccount()]) await run(newer, text, viewer)
    expect(newer.engine.counts().operations.misses).toBe(misses)
  })

  test('begins with what was asked most', async () => {
    for (const [text, times] of [
      ['{ mood }', 1],
      ['{ whoami }', 3],
      ['{ requestId }', 2],
    ] as const) {
      for (let time = 0; time < times; time++) await run(older, text)
    }
    expect(older.documents.hottest(2).map(({ text }) => text)).toEqual(['{ whoami }', '{ requestId }'])
  })
})

test('a query that began before a write ended elsewhere is not joined by who comes after', async () => {
  const slow = '{ slow(ms: 300) }'
  const early = run(newer, slow)
  await run(older, 'mutation { renamePlanet(id: "p1", name: "X") { name } }')
  await Promise.all([early, run(newer, slow), run(newer, slow)])
  expect(newer.engine.counts()).toMatchObject({ fetches: { sent: 2 }, queries: { sent: 2, shared: 1 } })
})
