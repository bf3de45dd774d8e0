import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { internalTokens } from '#platform/internal-token.ts'
import { remoteTransport } from '#platform/transport-remote.ts'
import { eventually } from './testing/eventually.ts'
import { initialised } from './testing/raw-socket.ts'
import { startSky, type Sky } from './testing/router-under-test.ts'

// One subgraph does what none should; whoever does not need it must not notice.

const tokens = internalTokens('a secret of the tests that is long enough')
const MEGABYTE = 1024 * 1024

let answer: RequestListener
let stack: AsyncDisposableStack
let sky: Sky
let held = 0
let start: (patienceMs: number) => Promise<void>
beforeEach(async () => {
  stack = new AsyncDisposableStack()
  held = 0
  const server = createServer((request, response) => {
    held++
    response.once('close', () => held--)
    answer(request, response)
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  stack.defer(async () => {
    server.closeAllConnections()
    await new Promise((done) => server.close(done))
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/graphql`
  start = async (patienceMs) => {
    sky = stack.use(
      await startSky('remote', { patienceMs }, (transport, name) =>
        name === 'moons' ? remoteTransport({ name, url, tokens }) : transport,
      ),
    )
  }
  await start(9_000)
})
afterEach(() => stack.disposeAsync())

const page = '{ planets { name moons { name } discoverer { name } } }'
const others = async () => {
  const { data, errors } = await sky.ask('{ planet(id: "p2") { name discoverer { name } } }')
  expect(errors).toBeUndefined()
  expect(data!.planet).toEqual({ name: 'Mars', discoverer: { name: 'Asaph Hall' } })
}
const withoutMoons = async (code: string) => {
  const { status, data, errors } = await sky.ask(page)
  expect(status).toBe(200)
  expect(data!.planets[1]).toEqual({ name: 'Mars', moons: null, discoverer: { name: 'Asaph Hall' } })
  expect(errors!.map(({ path }) => path)).toEqual([0, 1, 2].map((at) => ['planets', at, 'moons']))
  expect(errors![0]!.extensions).toEqual({ code, service: 'moons', requestId: expect.any(String) })
  expect(JSON.stringify(errors)).not.toMatch(/127\.0\.0\.1|JSON|bytes/)
}

describe('a subgraph that answers', () => {
  test.each([
    ['with a page', '<html>Bad gateway</html>'],
    ['with half a document', '{"data":{"_entities":[{"mo'],
    ['with something else', '[1,2,3]'],
    ['with nothing', ''],
  ])('%s counts as one that does not', async (_what, body) => {
    answer = (_request, response) => response.end(body)
    await withoutMoons('SUBGRAPH_UNAVAILABLE')
    await others()
  })

  test('with fewer entities than it was asked for, or other things than objects, leaves those out', async () => {
    answer = (_request, response) => response.end('{"data":{"_entities":[{"__typename":"Planet","moons":[]},7]}}')
    const { data } = await sky.ask(page)
    expect(data!.planets.map(({ moons }: { moons: unknown }) => moons)).toEqual([[], null, null])
  })

  test('with 50 megabytes is cut off, and the memory of it is not kept', async () => {
    let sent = 0
    answer = (_request, response) => {
      const chunk = Buffer.alloc(MEGABYTE, 'x')
      const more = () => {
        while (sent < 50 && !response.destroyed) {
          sent++
          if (!response.write(chunk)) return void response.once('drain', more)
        }
        response.end()
      }
      more()
    }
    await withoutMoons('SUBGRAPH_UNAVAILABLE')
    expect(sent).toBeLessThan(50)
    await eventually(() => expect(held).toBe(0))
    await others()
  })

  test('never, is waited for until the deadline and no longer', async () => {
    await start(1_000)
    answer = () => {}
    await withoutMoons('SUBGRAPH_TIMEOUT')
    await eventually(() => expect(held).toBe(0))
  })

  test('slowly keeps nobody waiting who does not need it', async () => {
    const release: (() => void)[] = []
    answer = (_request, response) => release.push(() => response.end('{"data":{"moon":null}}'))
    const waiting = Array.from({ length: 10 }, (_, at) => sky.ask(`{ moon(id: "m${at}") { name } }`))
    await eventually(() => expect(held).toBe(10))
    for (let each = 0; each < 20; each++) await others()
    expect(held).toBe(10)
    for (const end of release) end()
    for (const { status } of await Promise.all(waiting)) expect(status).toBe(200)
  })

  test('a word at a time, without an end, is waited for no longer either', async () => {
    await start(1_000)
    const timers: NodeJS.Timeout[] = []
    answer = (_request, response) => {
      response.write('{"data":{')
      timers.push(setInterval(() => response.write(' '), 50))
    }
    await withoutMoons('SUBGRAPH_TIMEOUT')
    await eventually(() => expect(held).toBe(0))
    for (const timer of timers) clearInterval(timer)
  })

  test('not for a query whose client has gone, is let go too', async () => {
    answer = () => {}
    const leaving = new AbortController()
    const body = JSON.stringify({ query: page })
    const headers = { 'content-type': 'application/json' }
    const asked = fetch(`${sky.url}/graphql`, { method: 'POST', headers, body, signal: leaving.signal })
    const outcome = expect(asked).rejects.toThrow()
    await eventually(() => expect(held).toBe(1))
    leaving.abort()
    await outcome
    await eventually(() => expect(held).toBe(0))
  })
})

describe('a subgraph that is killed', () => {
  test('in the middle of a query takes its own fields along, by code, and the rest of the page arrives', async () => {
    answer = (request) => request.socket.destroy()
    await withoutMoons('SUBGRAPH_UNAVAILABLE')
    const asked = sky.ask('{ slow(ms: 20000) vault { gold } astronomers { name } }')
    await eventually(() => expect(sky.subgraph('planets').received.length).toBeGreaterThan(1))
    await sky.subgraph('planets').kill()
    const { data, errors } = await asked
    expect(data).toMatchObject({ slow: null, astronomers: [{ name: 'Asaph Hall' }, { name: 'Johann Galle' }] })
    expect(errors).toContainEqual(
      expect.objectContaining({
        path: ['slow'],
        extensions: { code: 'SUBGRAPH_UNAVAILABLE', service: 'planets', requestId: expect.any(String) },
      }),
    )
  })

  test('in the middle of an event takes its own fields of that event along, and the next event comes', async () => {
    answer = (request) => request.socket.destroy()
    await using raw = await initialised(sky.url)
    raw.send({
      id: '1',
      type: 'subscribe',
      payload: { query: 'subscription { sighted { planet { name moons { name } } } }' },
    })
    await eventually(() => expect(sky.sightings.readers).toBe(1))
    for (const [id, name] of [
      ['p1', 'Venus'],
      ['p2', 'Mars'],
    ] as const) {
      sky.sightings.see(id)
      expect((await raw.next()).payload).toMatchObject({
        data: { sighted: { planet: { name, moons: null } } },
        errors: [
          { path: ['sighted', 'planet', 'moons'], extensions: { code: 'SUBGRAPH_UNAVAILABLE', service: 'moons' } },
        ],
      })
    }
  })
})
