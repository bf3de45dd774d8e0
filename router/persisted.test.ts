import { createHash } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { eventually } from './testing/eventually.ts'
import { initialised } from './testing/raw-socket.ts'
import { startSky, type Sky } from './testing/router-under-test.ts'

// Automatic persisted queries: an operation that was sent once with its hash may be named by the hash, over any transport.

const QUERY = '{ planet(id: "p2") { name } }'
const SUBSCRIPTION = 'subscription { sighted { at } }'
const extensionsFor = (text: string) => ({
  persistedQuery: { version: 1, sha256Hash: createHash('sha256').update(text).digest('hex') },
})
interface Payload {
  query?: string
  extensions: object
}

let sky: Sky
beforeEach(async () => {
  sky = await startSky('local')
})
afterEach(() => sky[Symbol.asyncDispose]())

/** What comes of an operation until it ends; of a subscription, its first event. */
const overSocket = async (payload: Payload): Promise<unknown> => {
  await using raw = await initialised(sky.url)
  raw.send({ id: '1', type: 'subscribe', payload })
  const { type, payload: answer } = await raw.next()
  return type === 'error' ? { errors: answer } : answer
}
const overEvents = async (payload: Payload): Promise<unknown> => {
  const headers = { 'content-type': 'application/json', accept: 'text/event-stream' }
  const leaving = new AbortController()
  const response = await fetch(`${sky.url}/graphql`, {
    method: 'POST',
    headers,
    body: JSON.stringify(payload),
    signal: leaving.signal,
  })
  let text = ''
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    text += chunk
    const [, json] = /data: (.+)\n\n/.exec(text) ?? []
    if (json) {
      leaving.abort()
      return JSON.parse(json)
    }
  }
  return null
}
const overHttp = async (payload: Payload): Promise<unknown> => {
  const headers = { 'content-type': 'application/json' }
  const response = await fetch(`${sky.url}/graphql`, { method: 'POST', headers, body: JSON.stringify(payload) })
  return await response.json()
}

const codeIn = (answer: unknown): unknown => Object(answer).errors?.[0]?.extensions.code

describe.each([
  ['a socket', overSocket],
  ['an event stream', overEvents],
])('over %s', (_name, ask) => {
  test('an operation that was sent with its hash is known by it, over HTTP too', async () => {
    const extensions = extensionsFor(QUERY)
    expect(codeIn(await ask({ extensions }))).toBe('PERSISTED_QUERY_NOT_FOUND')
    const mars = { data: { planet: { name: 'Mars' } } }
    expect(await ask({ query: QUERY, extensions })).toEqual(mars)
    expect(await ask({ extensions })).toEqual(mars)
    expect(await overHttp({ extensions })).toEqual(mars)
  })

  test('so is one that was sent over HTTP, and a subscription', async () => {
    await overHttp({ query: QUERY, extensions: extensionsFor(QUERY) })
    expect(await ask({ extensions: extensionsFor(QUERY) })).toEqual({ data: { planet: { name: 'Mars' } } })
    const payloads = [
      { query: SUBSCRIPTION, extensions: extensionsFor(SUBSCRIPTION) },
      { extensions: extensionsFor(SUBSCRIPTION) },
    ]
    for (const payload of payloads) {
      const event = ask(payload)
      await eventually(() => expect(sky.sightings.readers).toBe(1))
      sky.sightings.see('p1')
      expect(await event).toEqual({ data: { sighted: { at: 1 } } })
      await eventually(() => expect(sky.sightings.readers).toBe(0))
    }
  })

  test('a hash that is not that of the operation registers nothing', async () => {
    const extensions = extensionsFor(SUBSCRIPTION)
    expect(codeIn(await ask({ query: QUERY, extensions }))).toBe('BAD_USER_INPUT')
    expect(codeIn(await ask({ extensions }))).toBe('PERSISTED_QUERY_NOT_FOUND')
  })
})
