import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { anAccount, startSky, type Sky } from '../testing/router-under-test.ts'

const SIGHTED = 'subscription { seen: sighted { at planet { title: name gravity } } }'
const mars = { data: { seen: { at: 1, planet: { title: 'Mars', gravity: 67 } } } }
const SSE = 'text/event-stream'
const MULTIPART = 'multipart/mixed;subscriptionSpec="1.0", application/json'

let sky: Sky
const leaving: AbortController[] = []

/** What comes over a response, piece by piece, cut where `separator` ends a piece. */
async function* pieces(response: Response, separator: string): AsyncGenerator<string, void> {
  let text = ''
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    text += chunk
    for (let end = text.indexOf(separator); end >= 0; end = text.indexOf(separator)) {
      yield text.slice(0, end)
      text = text.slice(end + separator.length)
    }
  }
  if (text) yield text
}

async function open(accept: string, body: object | null, headers: Record<string, string> = {}, search = '') {
  const leave = new AbortController()
  leaving.push(leave)
  const response = await fetch(`${sky.url}/graphql${search}`, {
    method: body ? 'POST' : 'GET',
    headers: { accept, ...(body ? { 'content-type': 'application/json' } : {}), ...headers },
    ...(body ? { body: JSON.stringify(body) } : {}),
    signal: leave.signal,
  })
  return { response, leave: () => leave.abort() }
}

/** The events of an SSE response, comments left out. */
async function* events(response: Response) {
  for await (const piece of pieces(response, '\n\n')) {
    if (piece.startsWith(':')) continue
    const [, event, data] = /^event: (\w+)\ndata: (.*)$/.exec(piece) ?? []
    yield { event, ...(data ? { data: JSON.parse(data) } : {}) }
  }
}

/** The bodies of a multipart response, heartbeats left out unless asked for. */
async function* parts(response: Response, withHeartbeats = false) {
  for await (const piece of pieces(response, '\r\n--graphql')) {
    if (piece === '') continue
    if (piece === '--\r\n') return
    const [head, json] = piece.split('\r\n\r\n')
    expect(head).toBe('\r\ncontent-type: application/json')
    if (json !== '{}' || withHeartbeats) yield JSON.parse(json!)
  }
}

const readers = (count: number) => vi.waitFor(() => expect(sky.sightings.readers).toBe(count), { interval: 5 })

beforeEach(async () => {
  sky = await startSky('local', { isDevelopment: false, subscriptionLimits: { connectionsPerAddress: 3 } })
})
afterEach(async () => {
  for (const controller of leaving.splice(0)) controller.abort()
  await sky[Symbol.asyncDispose]()
})

describe('Server-Sent Events', () => {
  test('carry a subscription until the client leaves', async () => {
    const { response, leave } = await open(SSE, { query: SIGHTED })
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
    const heard = events(response)
    await readers(1)
    sky.sightings.see('p2')
    sky.sightings.see('p2')
    expect((await heard.next()).value).toEqual({ event: 'next', data: mars })
    expect((await heard.next()).value).toEqual({ event: 'next', data: mars })
    leave()
    await readers(0)
  })

  test('are asked for by GET too, as browsers do', async () => {
    const search = new URLSearchParams({ query: SIGHTED, variables: '{}' })
    const { response } = await open(SSE, null, {}, `?${search}`)
    await readers(1)
    sky.sightings.see('p2')
    expect((await events(response).next()).value).toEqual({ event: 'next', data: mars })
  })

  test('answer a query and end', async () => {
    const { response } = await open(SSE, { query: '{ planet(id: "p2") { gravity } }' })
    expect(await Array.fromAsync(events(response))).toEqual([
      { event: 'next', data: { data: { planet: { gravity: 67 } } } },
      { event: 'complete' },
    ])
  })

  test('tell what is wrong with an operation as an event', async () => {
    const cases = [
      ['subscription {', 'GRAPHQL_PARSE_FAILED'],
      ['subscription { nothing }', 'GRAPHQL_VALIDATION_FAILED'],
      ['subscription { secretSighted { at } }', 'UNAUTHENTICATED'],
    ]
    for (const [query, code] of cases) {
      const { response } = await open(SSE, { query })
      expect(response.status).toBe(200)
      expect(await Array.fromAsync(events(response))).toMatchObject([
        { event: 'next', data: { errors: [{ extensions: { code, requestId: expect.any(String) } }] } },
        { event: 'complete' },
      ])
    }
  })

  test('end when the token runs out', async () => {
    const authorization = `Bearer ${await sky.token(anAccount(), 3_000)}`
    const { response } = await open(SSE, { query: 'subscription { secretSighted { at } }' }, { authorization })
    expect(await Array.fromAsync(events(response))).toMatchObject([
      { event: 'next', data: { errors: [{ extensions: { code: 'SUBSCRIPTION_JWT_EXPIRED' } }] } },
      { event: 'complete' },
    ])
    await readers(0)
  })

  test('do not begin with a token that is not valid', async () => {
    const { response } = await open(SSE, { query: SIGHTED }, { authorization: 'Bearer nonsense' })
    expect(response.status).toBe(401)
    expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] })
  })

  test('change nothing by GET, nor for a page that did not ask its browser first', async () => {
    const query = 'mutation { renamePlanet(id: "p1", name: "X") { id } }'
    const { response } = await open(SSE, null, {}, `?${new URLSearchParams({ query })}`)
    expect(await Array.fromAsync(events(response))).toMatchObject([
      { data: { errors: [{ extensions: { code: 'BAD_USER_INPUT' } }] } },
      { event: 'complete' },
    ])
    const simple = await open(SSE, { query }, { 'content-type': 'text/plain' })
    expect(simple.response.status).toBe(415)
    expect(sky.asked.mutations).toEqual([])
  })

  test('are refused when the request is none', async () => {
    expect((await open(SSE, { nothing: 1 })).response.status).toBe(400)
    expect((await open(SSE, null, {}, '?query={a}&variables={')).response.status).toBe(400)
  })

  test('are as many for one address as sockets are', async () => {
    for (let held = 0; held < 3; held++) await open(SSE, { query: SIGHTED })
    await readers(3)
    const { response } = await open(SSE, { query: SIGHTED })
    expect(response.status).toBe(429)
    expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: 'SUBSCRIPTION_LIMIT_EXCEEDED' } }] })
  })

  test('end when the router stops, without a word of completion', async () => {
    const { response } = await open(SSE, { query: SIGHTED })
    await readers(1)
    await sky[Symbol.asyncDispose]()
    expect(await Array.fromAsync(events(response))).toEqual([])
    sky = await startSky('local')
  })
})

describe('multipart', () => {
  test('carries a subscription until the client leaves', async () => {
    const { response, leave } = await open(MULTIPART, { query: SIGHTED })
    expect(response.headers.get('content-type')).toBe('multipart/mixed;boundary="graphql";subscriptionSpec="1.0"')
    const heard = parts(response)
    await readers(1)
    sky.sightings.see('p2')
    expect((await heard.next()).value).toEqual({ payload: mars })
    leave()
    await readers(0)
  })

  test('is asked for the way Apollo Client does it', async () => {
    const { response } = await open('multipart/mixed;boundary=graphql;subscriptionSpec=1.0,application/json', {
      query: SIGHTED,
    })
    await readers(1)
    sky.sightings.see('p2')
    expect((await parts(response).next()).value).toEqual({ payload: mars })
  })

  test('tells errors of an event inside, errors of the stream beside the payload', async () => {
    const failing = await open(MULTIPART, { query: 'subscription { sighted(fail: true) { at } }' })
    await readers(1)
    sky.sightings.see('p1')
    expect((await parts(failing.response).next()).value).toMatchObject({
      payload: { data: { sighted: null }, errors: [{ extensions: { code: 'CLOUDY' } }] },
    })
    failing.leave()

    const refused = await open(MULTIPART, { query: 'subscription { secretSighted { at } }' })
    expect(await Array.fromAsync(parts(refused.response))).toMatchObject([
      { payload: { errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] } },
    ])

    const authorization = `Bearer ${await sky.token(anAccount(), 3_000)}`
    const expiring = await open(MULTIPART, { query: 'subscription { secretSighted { at } }' }, { authorization })
    expect(await Array.fromAsync(parts(expiring.response))).toMatchObject([
      { payload: null, errors: [{ extensions: { code: 'SUBSCRIPTION_JWT_EXPIRED' } }] },
    ])
  })

  test('has a heartbeat when there is nothing to say', async () => {
    await sky[Symbol.asyncDispose]()
    sky = await startSky('local', { subscriptionLimits: { heartbeatMs: 50 } })
    const heard = parts((await open(MULTIPART, { query: SIGHTED })).response, true)
    expect((await heard.next()).value).toEqual({})
    expect((await heard.next()).value).toEqual({})
    const comments = pieces((await open(SSE, { query: SIGHTED })).response, '\n\n')
    expect((await comments.next()).value).toBe(':')
    expect((await comments.next()).value).toBe(':')
  })

  test.each([
    'multipart/mixed;deferSpec=20220824,application/json',
    'application/graphql-response+json, application/json, text/event-stream, multipart/mixed',
  ])('is not what those get who accept %s', async (accept) => {
    const { response } = await open(accept, { query: '{ __typename }' })
    expect(response.headers.get('content-type')).toMatch(/^application\/.*json/)
    expect(await response.json()).toEqual({ data: { __typename: 'Query' } })
  })
})
