import { connect, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { memoryInUse } from '../testing/memory.ts'
import { initialised, type RawSocket } from '../testing/raw-socket.ts'
import { startSky, type Sky } from '../testing/router-under-test.ts'

let sky: Sky
let raw: RawSocket | undefined
let plain: Socket | undefined

const limits = { waitingEvents: 50, keepAliveMs: 1_000, heartbeatMs: 300 }
// Long enough that the buffers of the kernel, some megabytes, are soon full.
const PADDING = 'x'.repeat(50_000)
const wide = (field: string) =>
  `subscription { ${field} { ${Array.from({ length: 100 }, (_, at) => `${'n'.repeat(200)}${at}: name`).join(' ')} id } }`
const readers = (count: number) =>
  vi.waitFor(() => expect(sky.sightings.readers).toBe(count), { timeout: 10_000, interval: 5 })
const flood = async (count: number) => {
  for (let each = 0; each < count; each++) {
    sky.sightings.see(each % 2 ? 'p1' : 'p2')
    if (each % 10 === 9) await new Promise((done) => setImmediate(done))
  }
}

beforeEach(async () => {
  sky = await startSky('local', { limits: { aliases: 1_000 }, subscriptionLimits: limits })
})
afterEach(async () => {
  raw?.socket.terminate()
  plain?.destroy()
  await sky[Symbol.asyncDispose]()
})

const subscribe = (id: string, query: string) => raw!.send({ id, type: 'subscribe', payload: { query } })

describe('a client that stops reading', () => {
  test('loses a stream that may skip nothing, by code, and is heard again when it reads', async () => {
    await sky[Symbol.asyncDispose]()
    sky = await startSky('local', {
      limits: { aliases: 1_000 },
      subscriptionLimits: { ...limits, keepAliveMs: 30_000 },
    })
    raw = await initialised(sky.url)
    subscribe('all', wide('passing'))
    await readers(1)
    raw.socket.pause()
    const before = memoryInUse()
    await flood(2_000)
    await readers(0)
    // Some 50 MB were meant for it. What the kernel holds is not counted, nor what is beyond the limits kept.
    expect(memoryInUse() - before).toBeLessThan(16)
    raw.socket.resume()
    let last = await raw.next()
    while (last.type === 'next') last = await raw.next()
    expect(last).toMatchObject({
      id: 'all',
      type: 'error',
      payload: [{ extensions: { code: 'SUBSCRIPTION_LIMIT_EXCEEDED' } }],
    })
    raw.send({ type: 'ping' })
    expect(await raw.next()).toEqual({ type: 'pong' })
  })

  test('keeps a stream whose newest events win, and gets those when it reads', async () => {
    await sky[Symbol.asyncDispose]()
    sky = await startSky('local', {
      limits: { aliases: 1_000 },
      subscriptionLimits: { ...limits, keepAliveMs: 30_000 },
    })
    raw = await initialised(sky.url)
    subscribe('newest', wide('approaching'))
    await readers(1)
    raw.socket.pause()
    await flood(2_000)
    sky.sightings.see('p3')
    expect(sky.sightings.readers).toBe(1)
    raw.socket.resume()
    const ids: string[] = []
    while (ids.at(-1) !== 'p3') ids.push((await raw.next()).payload.data.approaching.id)
    expect(ids.length).toBeLessThan(2_000)
  })

  test('is let go when it goes on like that', async () => {
    raw = await initialised(sky.url)
    subscribe('newest', wide('approaching'))
    await readers(1)
    raw.socket.pause()
    await flood(2_000)
    await readers(0)
  })

  test('and asks on is let go', async () => {
    await sky[Symbol.asyncDispose]()
    sky = await startSky('local', { subscriptionLimits: { ...limits, keepAliveMs: 30_000, bufferedBytes: 1_000_000 } })
    raw = await initialised(sky.url)
    subscribe('1', 'subscription { passing { id } }')
    await readers(1)
    raw.socket.pause()
    for (let each = 0; each < 400; each++) raw.send({ type: 'ping', payload: { PADDING } })
    await readers(0)
  })

  test('of Server-Sent Events is let go', async () => {
    const { port } = new URL(sky.url)
    plain = connect(Number(port), '127.0.0.1').pause()
    const body = JSON.stringify({ query: wide('approaching') })
    plain.write(
      `POST /graphql HTTP/1.1\r\nhost: localhost\r\naccept: text/event-stream\r\ncontent-type: application/json\r\n` +
        `content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    )
    await readers(1)
    await flood(2_000)
    await readers(0)
  })
})
