import { GraphQLError, type ExecutionResult } from 'graphql'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createLogger } from '#platform/log.ts'
import { localTransport } from '#platform/transport-local.ts'
import type { Transport } from '#platform/transport.ts'
import { anonymous } from '#platform/viewer.ts'
import { createEngine } from '../engine/execute.ts'
import { Authenticator } from '../identity.ts'
import { Documents } from '../policy/documents.ts'
import { defaultLimits as limits } from '../policy/limits.ts'
import { PersistedQueries } from '../policy/persisted.ts'
import { loadSupergraph } from '../supergraph.ts'
import { sky } from '../testing/sky.ts'
import { Operations } from './operations.ts'
import { subscriptionRoots } from './roots.ts'
import { Upstreams } from './sharing.ts'

const log = createLogger({ level: 'silent', pretty: false, name: 'test' })
const world = sky()
const upstreams = new Upstreams()
const transports = new Map<string, Transport>(
  [...world.schemas].map(([name, schema]) => [
    name,
    localTransport({ name, schema, createContext: (request) => request, log }),
  ]),
)

/** One generation of the sky: its SDL changed as `change` says. */
function generation(change: (sdl: string) => string = (sdl) => sdl) {
  const supergraph = loadSupergraph(change(world.supergraphSdl(new Map())))
  const shared = new Map([...transports].map(([name, transport]) => [name, upstreams.over(transport, supergraph)]))
  return {
    engine: createEngine({ supergraph, transports: shared, log }),
    documents: new Documents(supergraph.api.schema, limits),
    roots: subscriptionRoots(supergraph.schema),
    use: () => ({ [Symbol.dispose]() {} }),
  }
}
const withoutField = (line: RegExp) => (sdl: string) => sdl.replace(line, '')

let operations: Operations
beforeEach(() => {
  operations = new Operations({
    generation: generation(),
    authenticator: new Authenticator(undefined),
    persisted: new PersistedQueries(),
    limits,
    log,
  })
})
afterEach(() => operations[Symbol.dispose]())

const readers = (count: number) => vi.waitFor(() => expect(world.sightings.readers).toBe(count), { interval: 5 })

async function follow(query: string) {
  const events: ExecutionResult['data'][] = []
  const endings: unknown[] = []
  const stop = operations.begin(
    { query, caller: { viewer: anonymous, expiresAt: Infinity }, requestId: 'r' },
    {
      next: (payload) => events.push(JSON.parse(payload).data),
      end: (errors) => endings.push(errors?.map((error: GraphQLError) => error.extensions.code) ?? 'complete'),
    },
  )
  await readers(1)
  return { events, endings, stop }
}

describe.each([
  ['sighted { planet {', '} }'],
  ['passing {', '}'],
])('a schema reload, while somebody follows %s … %s', (open, close) => {
  test('leaves the subscription as it is when it is still valid, and misses no event', async () => {
    const { events, endings, stop } = await follow(`subscription { ${open} name gravity ${close} }`)
    world.sightings.see('p1')
    operations.reload(generation())
    world.sightings.see('p2')
    await vi.waitFor(() => expect(events.length).toBe(2))
    expect(JSON.stringify(events[1])).toContain('Mars')
    expect(endings).toEqual([])
    expect(world.sightings.readers).toBe(1)
    stop()
    await readers(0)
  })

  test('ends it when what it asks is gone', async () => {
    const { endings } = await follow(`subscription { ${open} name fragile ${close} }`)
    operations.reload(generation(withoutField(/^ +fragile: .*$/m)))
    expect(endings).toEqual([['SUBSCRIPTION_SCHEMA_RELOAD']])
    await readers(0)
  })
})

describe('a schema reload that moves the plan to another request at the subgraph', () => {
  const needingLess = (sdl: string) =>
    sdl
      .replace('requires: "mass radius"', 'requires: "mass"')
      .replace(/^ +radius: .*$/m, (line) => line.replace('@join__field(graph: MOONS, external: true)', ''))

  test('is followed anew by a live-only subscription', async () => {
    const { events, endings, stop } = await follow('subscription { passing { name gravity } }')
    operations.reload(generation(needingLess))
    await vi.waitFor(() => {
      world.sightings.see('p2')
      expect(events.length).toBeGreaterThan(0)
    })
    expect(endings).toEqual([])
    stop()
    await readers(0)
  })

  test('ends a subscription that might miss something', async () => {
    const { endings } = await follow('subscription { sighted { planet { name gravity } } }')
    operations.reload(generation(needingLess))
    expect(endings).toEqual([['SUBSCRIPTION_SCHEMA_RELOAD']])
    await readers(0)
  })
})

test('after a schema reload new subscriptions know the new schema', async () => {
  operations.reload(generation(withoutField(/^ +fragile: .*$/m)))
  const ended = vi.fn()
  operations.begin(
    {
      query: 'subscription { passing { fragile } }',
      caller: { viewer: anonymous, expiresAt: Infinity },
      requestId: 'r',
    },
    { next: () => {}, end: ended },
  )
  expect(ended.mock.calls[0]![0][0].extensions.code).toBe('GRAPHQL_VALIDATION_FAILED')
})
