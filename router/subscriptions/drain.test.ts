import { once } from 'node:events'
import { connect } from 'node:net'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { initialised, rawSocket, type RawSocket } from '../testing/raw-socket.ts'
import { startSky, type Sky } from '../testing/router-under-test.ts'

let sky: Sky
let clients: RawSocket[]

beforeEach(async () => {
  sky = await startSky('local')
  clients = await Promise.all(Array.from({ length: 120 }, () => initialised(sky.url)))
})
afterEach(async () => {
  for (const { socket } of clients) socket.terminate()
  await sky[Symbol.asyncDispose]()
})

const readiness = async () => (await fetch(`${sky.url}/health/ready`)).status
const isOpen = ({ socket }: RawSocket) => socket.readyState === socket.OPEN

test('a router that stops says so, takes nobody new, and sends its clients away a batch at a time', async () => {
  expect(await readiness()).toBe(200)
  const closings = clients.map(({ closed }) => closed)
  const stopped = sky[Symbol.asyncDispose]()
  await closings[0]
  expect(clients.filter(isOpen).length).toBeGreaterThan(0)
  expect(await readiness()).toBe(503)
  const late = rawSocket(sky.url)
  const [error] = await once(late.socket, 'error')
  expect(error.message).toMatch(/503/)
  const body = JSON.stringify({ query: 'subscription { sighted { at } }' })
  const headers = { accept: 'text/event-stream', 'content-type': 'application/json' }
  expect((await fetch(`${sky.url}/graphql`, { method: 'POST', headers, body })).status).toBe(503)
  expect(new Set((await Promise.all(closings)).map(({ code }) => code))).toEqual(new Set([1001]))
  await stopped
})

test('a router that stops waits for no client that does not answer', async () => {
  for (const { socket } of clients) socket.pause()
  const began = performance.now()
  await sky[Symbol.asyncDispose]()
  expect(performance.now() - began).toBeLessThan(6_000)
  await vi.waitFor(() => expect(sky.sightings.readers).toBe(0))
})

test('a router that stops waits for no stream that is not read', async () => {
  const stuck = connect(Number(new URL(sky.url).port), '127.0.0.1').pause()
  const aliases = Array.from({ length: 200 }, (_, at) => `${'n'.repeat(300)}${at}: name`).join(' ')
  const body = JSON.stringify({ query: `subscription { approaching { id ${aliases} } }` })
  stuck.write(
    'POST /graphql HTTP/1.1\r\nhost: localhost\r\naccept: text/event-stream\r\ncontent-type: application/json\r\n' +
      `content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  )
  await vi.waitFor(() => expect(sky.sightings.readers).toBe(1))
  for (let event = 0; event < 500; event++) {
    sky.sightings.see('p1')
    await new Promise((done) => setTimeout(done, 1))
  }
  const began = performance.now()
  await sky[Symbol.asyncDispose]()
  expect(performance.now() - began).toBeLessThan(6_000)
  stuck.destroy()
})
