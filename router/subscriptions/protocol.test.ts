import { once } from 'node:events'
import { connect as connectPlain } from 'node:net'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { initialised, rawSocket, type RawSocket } from '../testing/raw-socket.ts'
import { anAccount, startSky, type Sky } from '../testing/router-under-test.ts'

// The graphql-transport-ws protocol, message by message, without a client library.

const SIGHTED = 'subscription { sighted { at } }'
const subscribe = (id: string, query = SIGHTED) => ({ id, type: 'subscribe', payload: { query } })

let sky: Sky
const opened: RawSocket[] = []
const connect = async (options?: Parameters<typeof rawSocket>[1]) => {
  const raw = rawSocket(sky.url, options)
  opened.push(raw)
  await once(raw.socket, 'open')
  return raw
}
const acknowledged = async (payload?: Record<string, unknown>) => {
  const raw = await initialised(sky.url, payload)
  opened.push(raw)
  return raw
}
const readers = (count: number) => vi.waitFor(() => expect(sky.sightings.readers).toBe(count), { interval: 5 })

beforeEach(async () => {
  sky = await startSky('local', {
    isDevelopment: false,
    subscriptionLimits: { initMs: 1_500, frameBytes: 10_000, connectionsPerAddress: 5, connectionsPerCaller: 2 },
  })
})
afterEach(async () => {
  for (const { socket } of opened.splice(0)) socket.terminate()
  await sky[Symbol.asyncDispose]()
})

describe('a socket is closed', () => {
  test('with 4400 for what is no message', async () => {
    const wrong = [
      'hello',
      '[]',
      { type: 'start', id: '1' },
      { type: 'subscribe', id: '', payload: { query: SIGHTED } },
      { type: 'subscribe', id: '1' },
      { type: 'subscribe', id: '1', payload: { query: SIGHTED, variables: [] } },
    ]
    for (const message of wrong) {
      const raw = await acknowledged()
      raw.send(message)
      expect(await raw.closed).toEqual({ code: 4400, reason: 'Invalid message received' })
    }
  })

  test('with 4400 for bytes instead of text', async () => {
    const raw = await acknowledged()
    raw.socket.send(Buffer.from(JSON.stringify({ type: 'ping' })))
    expect(await raw.closed).toMatchObject({ code: 4400 })
  })

  test('with 4401 for an operation before it was acknowledged', async () => {
    const raw = await connect()
    raw.send(subscribe('1'))
    expect(await raw.closed).toEqual({ code: 4401, reason: 'Unauthorized' })
  })

  test('with 4403 for a token that is not valid', async () => {
    const raw = await connect()
    raw.send({ type: 'connection_init', payload: { authorization: 'Bearer nonsense' } })
    expect(await raw.closed).toEqual({ code: 4403, reason: 'Forbidden' })
  })

  test('with 4406 for no subprotocol', async () => {
    const none = await connect({ protocol: '' })
    expect(await none.closed).toEqual({ code: 4406, reason: 'Subprotocol not acceptable' })
  })

  test('with 4406 for an older protocol, in a handshake that promises none', async () => {
    const { port } = new URL(sky.url)
    const plain = connectPlain(Number(port), '127.0.0.1')
    plain.write(
      'GET /graphql HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n' +
        'sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\nsec-websocket-protocol: graphql-ws\r\n\r\n',
    )
    let received = Buffer.alloc(0)
    plain.on('data', (chunk) => (received = Buffer.concat([received, chunk])))
    const end = () => received.indexOf('\r\n\r\n')
    await vi.waitFor(() => expect(received.length).toBeGreaterThan(end() + 8))
    expect(received.toString('latin1', 0, end())).not.toMatch(/sec-websocket-protocol/i)
    // A close frame: its opcode, its length, its code.
    expect(received[end() + 4]).toBe(0x88)
    expect(received.readUInt16BE(end() + 6)).toBe(4406)
    plain.destroy()
  })

  test('with 4408 when it is not initialised in time, though it pings and is answered', async () => {
    const raw = await connect()
    raw.send({ type: 'ping' })
    expect(await raw.next()).toEqual({ type: 'pong' })
    expect(await raw.closed).toEqual({ code: 4408, reason: 'Connection initialisation timeout' })
  })

  test('with 4409 for an id that is in use', async () => {
    const raw = await acknowledged()
    raw.send(subscribe('one'))
    await readers(1)
    raw.send(subscribe('one'))
    expect(await raw.closed).toEqual({ code: 4409, reason: 'Subscriber for one already exists' })
    await readers(0)
  })

  test('with 4409 for an id whose operation has not begun yet, because its token is looked at', async () => {
    const raw = await acknowledged()
    const extensions = { authorization: `Bearer ${await sky.token(anAccount())}` }
    for (let twice = 0; twice < 2; twice++) {
      raw.send({ id: 'one', type: 'subscribe', payload: { query: SIGHTED, extensions } })
    }
    expect(await raw.closed).toMatchObject({ code: 4409 })
    await readers(0)
  })

  test('with 4429 when it is initialised twice', async () => {
    const raw = await acknowledged()
    raw.send({ type: 'connection_init' })
    expect(await raw.closed).toEqual({ code: 4429, reason: 'Too many initialisation requests' })
  })

  test('with 4429 when its address, or its user, has too many', async () => {
    const authorization = `Bearer ${await sky.token(anAccount())}`
    const mine = [await acknowledged({ authorization }), await acknowledged({ authorization })]
    const third = await connect()
    third.send({ type: 'connection_init', payload: { authorization } })
    expect(await third.closed).toEqual({ code: 4429, reason: 'Too many connections' })
    mine[0]!.socket.close()
    await mine[0]!.closed
    await acknowledged({ authorization })

    for (let others = 0; others < 3; others++) await acknowledged()
    expect(await (await connect()).closed).toMatchObject({ code: 4429 })
  })

  test('with 1009 for a frame that is too large', async () => {
    const raw = await acknowledged()
    raw.send({ type: 'ping', payload: { much: 'x'.repeat(10_000) } })
    expect(await raw.closed).toMatchObject({ code: 1009 })
  })
})

describe('an acknowledged socket', () => {
  test('answers a ping with its payload', async () => {
    const raw = await acknowledged()
    raw.send({ type: 'ping' })
    expect(await raw.next()).toEqual({ type: 'pong' })
    raw.send({ type: 'ping', payload: { at: 7 } })
    expect(await raw.next()).toEqual({ type: 'pong', payload: { at: 7 } })
    raw.send({ type: 'pong' })
  })

  test('sends the events of a subscription until the client completes it, and then lets its id be used again', async () => {
    const raw = await acknowledged()
    for (let round = 0; round < 2; round++) {
      raw.send(subscribe('again'))
      await readers(1)
      sky.sightings.see('p1')
      expect(await raw.next()).toEqual({ id: 'again', type: 'next', payload: { data: { sighted: { at: 1 } } } })
      raw.send({ id: 'again', type: 'complete' })
      await readers(0)
    }
    sky.sightings.see('p1')
    raw.send({ type: 'ping' })
    expect(await raw.next()).toEqual({ type: 'pong' })
  })

  test('says nothing of a query that is completed before its answer, nor in the place of the next with its id', async () => {
    const raw = await acknowledged()
    raw.send(subscribe('q', '{ slow(ms: 150) }'))
    raw.send({ id: 'q', type: 'complete' })
    raw.send(subscribe('q', '{ whoami }'))
    expect(await raw.next()).toMatchObject({ id: 'q', type: 'next', payload: { data: { whoami: expect.any(String) } } })
    expect(await raw.next()).toEqual({ id: 'q', type: 'complete' })
    // By when this one has its answer, the first would have had its own.
    raw.send(subscribe('later', '{ slow(ms: 300) }'))
    expect(await raw.next()).toMatchObject({ id: 'later', type: 'next' })
  })

  test('ignores the completion of what it does not know', async () => {
    const raw = await acknowledged()
    raw.send({ id: 'nobody', type: 'complete' })
    raw.send({ type: 'ping' })
    expect(await raw.next()).toEqual({ type: 'pong' })
  })

  test('completes a query after its answer', async () => {
    const raw = await acknowledged()
    raw.send(subscribe('q', '{ planet(id: "p1") { name } }'))
    expect(await raw.next()).toEqual({ id: 'q', type: 'next', payload: { data: { planet: { name: 'Venus' } } } })
    expect(await raw.next()).toEqual({ id: 'q', type: 'complete' })
  })

  test('says no more of an operation after its error', async () => {
    const raw = await acknowledged()
    raw.send(subscribe('e', 'subscription { nothing }'))
    expect(await raw.next()).toEqual({
      id: 'e',
      type: 'error',
      payload: [
        expect.objectContaining({
          extensions: { code: 'GRAPHQL_VALIDATION_FAILED', requestId: expect.any(String) },
        }),
      ],
    })
    raw.send(subscribe('e', 'subscription { secretSighted { at } }'))
    expect(await raw.next()).toMatchObject({ type: 'error', payload: [{ extensions: { code: 'UNAUTHENTICATED' } }] })
    raw.send({ type: 'ping' })
    expect(await raw.next()).toEqual({ type: 'pong' })
    expect(raw.hasMore()).toBe(false)
  })

  test('carries ids that need escaping', async () => {
    const raw = await acknowledged()
    const id = '"\\ü\n'
    raw.send(subscribe(id))
    await readers(1)
    sky.sightings.see('p1')
    expect(await raw.next()).toMatchObject({ id, type: 'next' })
  })
})

test('a socket whose client does not answer pings is let go', async () => {
  await sky[Symbol.asyncDispose]()
  sky = await startSky('local', { subscriptionLimits: { keepAliveMs: 500 } })
  const raw = await acknowledged()
  raw.send(subscribe('1'))
  await readers(1)
  const silent = await acknowledged()
  silent.send(subscribe('1'))
  await readers(2)
  silent.socket.pause()
  await vi.waitFor(() => expect(sky.sightings.readers).toBe(1), { timeout: 5_000 })
  expect(raw.socket.readyState).toBe(raw.socket.OPEN)
})

test('a socket that has been open for long enough is sent away, to come back', async () => {
  await sky[Symbol.asyncDispose]()
  sky = await startSky('local', { subscriptionLimits: { keepAliveMs: 50, lifetimeMs: 100 } })
  expect(await (await acknowledged()).closed).toEqual({ code: 1001, reason: 'Connected for long enough' })
})
