import { createClient, type Client, type ExecutionResult, type SubscribePayload } from 'graphql-ws'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { WebSocket } from 'ws'
import { anAccount, startSky, type Sky } from '../testing/router-under-test.ts'

const SIGHTED = 'subscription { seen: sighted { at planet { title: name gravity discoverer { name } } } }'
const mars = { seen: { at: 1, planet: { title: 'Mars', gravity: 67, discoverer: { name: 'Asaph Hall' } } } }

interface Ending {
  code: string
  requestId: unknown
  path?: unknown
}

/** What one operation got: events in order, and how it ended. */
function follow(client: Client, payload: SubscribePayload) {
  const events: ExecutionResult[] = []
  const { promise: ended, resolve } = Promise.withResolvers<Ending | 'complete' | { close: number }>()
  const stop = client.subscribe(payload, {
    next: (event) => events.push(event as ExecutionResult),
    complete: () => resolve('complete'),
    error: (error) => {
      if (!Array.isArray(error)) return resolve({ close: Object(error).code })
      const [{ path, extensions }] = error
      resolve({ code: extensions.code, requestId: extensions.requestId, ...(path ? { path } : {}) })
    },
  })
  return { events, ended, stop }
}

let sky: Sky
let clients: Client[]
const connect = (connectionParams: Record<string, unknown> = {}): Client => {
  const url = `${sky.url.replace('http', 'ws')}/graphql`
  const client = createClient({
    url,
    connectionParams,
    webSocketImpl: WebSocket,
    retryAttempts: 0,
    lazyCloseTimeout: 1_000,
  })
  clients.push(client)
  return client
}
const readers = (count: number) =>
  vi.waitFor(() => expect(sky.sightings.readers).toBe(count), { timeout: 5_000, interval: 5 })

beforeEach(() => {
  clients = []
})
afterEach(async () => {
  for (const client of clients) await client.dispose()
  await sky[Symbol.asyncDispose]()
})

describe.each(['local', 'remote'] as const)('a subscription whose subgraphs are %s', (way) => {
  beforeEach(async () => {
    sky = await startSky(way)
  })

  test('is completed by the other subgraphs for every reader, in order', async () => {
    const client = connect()
    const [one, two] = [follow(client, { query: SIGHTED }), follow(connect(), { query: SIGHTED })]
    await readers(2)
    for (const id of ['p2', 'p1', 'p3', 'p2']) sky.sightings.see(id)
    await vi.waitFor(() => expect([one.events.length, two.events.length]).toEqual([4, 4]))
    expect(one.events[0]).toEqual({ data: mars })
    expect(one.events).toEqual(two.events)
    const titles = one.events.map(({ data }) => (data as typeof mars).seen.planet.title)
    expect(titles).toEqual(['Mars', 'Venus', 'Neptune', 'Mars'])
    one.stop()
    await readers(1)
    expect(await one.ended).toBe('complete')
  })

  test('tells an error of an event at the client’s path and goes on', async () => {
    const { events } = follow(connect(), { query: 'subscription { seen: sighted(fail: true) { at } }' })
    await readers(1)
    sky.sightings.see('p1')
    sky.sightings.see('p1')
    await vi.waitFor(() => expect(events.length).toBe(2))
    expect(events[0]).toEqual({
      data: { seen: null },
      errors: [
        {
          message: 'Clouds.',
          path: ['seen'],
          extensions: { code: 'CLOUDY', service: 'planets', requestId: expect.any(String) },
        },
      ],
    })
  })

  test('that needs an account does not begin without one', async () => {
    const refused = follow(connect(), { query: 'subscription { secret: secretSighted { at } }' })
    expect(await refused.ended).toEqual({ code: 'UNAUTHENTICATED', requestId: expect.any(String), path: ['secret'] })
    expect(sky.sightings.readers).toBe(0)
  })

  test('ends when its token runs out, and goes on with a newer one on the same socket', async () => {
    const account = anAccount()
    const client = connect({ Authorization: `Bearer ${await sky.token(account, 1_500)}` })
    const query = 'subscription { secretSighted { at } }'
    const first = follow(client, { query })
    await readers(1)
    expect(await first.ended).toMatchObject({ code: 'SUBSCRIPTION_JWT_EXPIRED' })
    await readers(0)
    expect(await follow(client, { query }).ended).toMatchObject({ code: 'UNAUTHENTICATED' })
    const again = follow(client, { query, extensions: { authorization: `Bearer ${await sky.token(account)}` } })
    await readers(1)
    sky.sightings.see('p1')
    await vi.waitFor(() => expect(again.events).toEqual([{ data: { secretSighted: { at: 2 } } }]))
  })

  test('ends when its session is revoked', async () => {
    const account = anAccount()
    const followed = follow(connect({ authorization: `Bearer ${await sky.token(account)}` }), { query: SIGHTED })
    await readers(1)
    sky.revoked.add(account.sessionId)
    expect(await followed.ended).toMatchObject({ code: 'SUBSCRIPTION_JWT_EXPIRED' })
    await readers(0)
  })

  test('shares its socket with queries and mutations', async () => {
    const client = connect({ authorization: `Bearer ${await sky.token(anAccount())}` })
    const query = follow(client, { query: '{ planet(id: "p2") { gravity } }' })
    const mutation = follow(client, { query: 'mutation { destroyPlanet(id: "p1") }' })
    expect(await query.ended).toBe('complete')
    expect(await mutation.ended).toBe('complete')
    expect([query.events, mutation.events]).toEqual([
      [{ data: { planet: { gravity: 67 } } }],
      [{ data: { destroyPlanet: true } }],
    ])
  })
})

describe('a socket', () => {
  beforeEach(async () => {
    sky = await startSky('local', { isDevelopment: false })
  })

  test('with a token that is not valid is closed with 4403', async () => {
    expect(await follow(connect({ authorization: 'Bearer nonsense' }), { query: SIGHTED }).ended).toEqual({
      close: 4403,
    })
    const extensions = { authorization: 'Bearer nonsense' }
    expect(await follow(connect(), { query: SIGHTED, extensions }).ended).toEqual({ close: 4403 })
  })

  test('of a foreign page is not opened, one of our own is', async () => {
    const open = (origin: string) =>
      new Promise((resolve) => {
        const socket = new WebSocket(`${sky.url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws', { origin })
        socket.once('error', ({ message }) => resolve(message))
        socket.once('open', () => (socket.terminate(), resolve('open')))
      })
    expect(await open('https://evil.example')).toMatch(/403/)
    expect(await open(sky.url)).toBe('open')
  })

  test('carries a limited number of operations', async () => {
    const client = connect()
    for (let i = 0; i < 100; i++) follow(client, { query: SIGHTED })
    expect(await follow(client, { query: SIGHTED }).ended).toMatchObject({ code: 'SUBSCRIPTION_LIMIT_EXCEEDED' })
    await readers(100)
  })

  test('tells what is wrong with an operation by code', async () => {
    const client = connect()
    const cases = [
      ['subscription {', 'GRAPHQL_PARSE_FAILED'],
      ['subscription { nothing }', 'GRAPHQL_VALIDATION_FAILED'],
      [
        'subscription ($x: Boolean!) { sighted { at } more: sighted @include(if: $x) { at } }',
        'GRAPHQL_VALIDATION_FAILED',
      ],
      ['subscription ($x: Boolean!) { sighted @include(if: $x) { at } }', 'GRAPHQL_VALIDATION_FAILED'],
      ['subscription ($x: Boolean!) { sighted(fail: $x) { at } }', 'BAD_USER_INPUT'],
      ['query A { whoami } query B { whoami }', 'BAD_USER_INPUT'],
    ] as const
    for (const [query, code] of cases)
      expect({ query, ended: await follow(client, { query }).ended }).toMatchObject({ query, ended: { code } })
  })

  test('is closed with 1001 when the router stops', async () => {
    const followed = follow(connect(), { query: SIGHTED })
    await readers(1)
    await sky[Symbol.asyncDispose]()
    expect(await followed.ended).toEqual({ close: 1001 })
    expect(sky.sightings.readers).toBe(0)
    sky = await startSky('local')
  })
})

describe('a subgraph that dies', () => {
  beforeEach(async () => {
    sky = await startSky('remote')
  })

  test('ends the subscriptions that followed it and leaves socket and others alone', async () => {
    const client = connect()
    const lost = follow(client, { query: SIGHTED })
    await readers(1)
    expect(sky.subgraph('planets').sockets()).toBe(1)
    await sky.subgraph('planets').kill()
    expect(await lost.ended).toMatchObject({ code: 'SUBGRAPH_CONNECTION_LOST' })
    expect(await follow(client, { query: SIGHTED }).ended).toMatchObject({ code: 'SUBGRAPH_UNAVAILABLE' })
    const query = follow(client, { query: '{ moon(id: "m1") { name } }' })
    await query.ended
    expect(query.events).toEqual([{ data: { moon: { name: 'Phobos' } } }])

    await sky.subgraph('planets').revive()
    const again = follow(client, { query: SIGHTED })
    await readers(1)
    sky.sightings.see('p2')
    await vi.waitFor(() => expect(again.events).toEqual([{ data: mars }]))
  })

  test('takes only its own fields from the events of another', async () => {
    const { events } = follow(connect(), { query: SIGHTED })
    await readers(1)
    await sky.subgraph('astronomers').kill()
    sky.sightings.see('p2')
    await vi.waitFor(() => expect(events.length).toBe(1))
    expect(events[0]!.data).toEqual({ seen: { at: 1, planet: { title: 'Mars', gravity: 67, discoverer: null } } })
    expect(events[0]!.errors).toMatchObject([
      { path: ['seen', 'planet', 'discoverer'], extensions: { code: 'SUBGRAPH_UNAVAILABLE', service: 'astronomers' } },
    ])
  })

  test('has one socket, however many follow it', async () => {
    const client = connect()
    const followed = Array.from({ length: 20 }, () => follow(client, { query: SIGHTED }))
    await readers(20)
    expect(sky.subgraph('planets').sockets()).toBe(1)
    sky.sightings.see('p1')
    await vi.waitFor(() => expect(followed.every(({ events }) => events.length === 1)).toBe(true))
  })
})
