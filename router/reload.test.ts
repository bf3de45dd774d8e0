import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createLogger } from '#platform/log.ts'
import type { Transport } from '#platform/transport.ts'
import { followSupergraph } from './supergraph-file.ts'
import { eventually } from './testing/eventually.ts'
import { initialised } from './testing/raw-socket.ts'
import { startSky, type Sky } from './testing/router-under-test.ts'

let sky: Sky
let present: string
const disposed: string[] = []
/** What holds up whoever asks for `requestId`, and how many it does. */
let gate = Promise.resolve()
let waiting = 0
/** A way that can be held up, and tells when it is closed. */
const watched = (transport: Transport, name: string): Transport => ({
  async execute(request) {
    if (request.query.includes('requestId')) {
      waiting++
      await gate
    }
    return await transport.execute(request)
  },
  subscribe: (request) => transport.subscribe(request),
  async [Symbol.asyncDispose]() {
    disposed.push(name)
    await transport[Symbol.asyncDispose]()
  },
})

beforeEach(async () => {
  disposed.length = 0
  waiting = 0
  gate = Promise.resolve()
  sky = await startSky('remote', {}, watched)
  present = sky.sdl
})
afterEach(() => sky[Symbol.asyncDispose]())

const withoutFragile = () => present.replace(/^ +fragile: .*$/m, '')
/** The same subgraphs with one at another address, where the same program listens. */
const withMoonsElsewhere = () => present.replace(sky.subgraph('moons').url, `${sky.subgraph('moons').url}?elsewhere`)

describe('another supergraph', () => {
  test('is served from when it is ready, and no query fails meanwhile', async () => {
    let isOver = false
    const answers: unknown[] = []
    const ask = async () => {
      while (!isOver) answers.push(await sky.ask('{ planets { name gravity discoverer { name } } }'))
    }
    const asking = [ask(), ask(), ask()]
    for (const next of [withoutFragile(), present, withMoonsElsewhere()]) {
      const before = answers.length
      await sky.router.reload(next)
      await eventually(() => expect(answers.length).toBeGreaterThan(before + 3))
    }
    isOver = true
    await Promise.all(asking)
    expect(answers.filter((answer) => Object(answer).errors || Object(answer).status !== 200)).toEqual([])
  })

  test('has its own schema for every way to ask', async () => {
    const query = '{ planet(id: "p1") { fragile } }'
    expect((await sky.ask(query)).data).toEqual({ planet: { fragile: 'fragile p1' } })
    await sky.router.reload(withoutFragile())
    expect((await sky.ask(query)).errors).toMatchObject([{ extensions: { code: 'GRAPHQL_VALIDATION_FAILED' } }])
    const fields = (await sky.ask('{ __type(name: "Planet") { fields { name } } }')).data!.__type.fields
    expect(fields).not.toContainEqual({ name: 'fragile' })
    await using raw = await initialised(sky.url)
    raw.send({ id: '1', type: 'subscribe', payload: { query } })
    expect(await raw.next()).toMatchObject({
      type: 'error',
      payload: [{ extensions: { code: 'GRAPHQL_VALIDATION_FAILED' } }],
    })
  })

  test('is refused when it cannot be served, and the one before stays', async () => {
    for (const bad of ['type Query {', 'type Query { a: Int }', present.replace('type Planet', 'type Comet')]) {
      await expect(sky.router.reload(bad)).rejects.toThrow()
      expect((await sky.ask('{ planet(id: "p1") { fragile } }')).errors).toBeUndefined()
    }
    await sky.router.reload(withoutFragile())
    expect((await sky.ask('{ planet(id: "p1") { fragile } }')).errors).toBeDefined()
    expect(disposed).toEqual([])
  })
})

describe('what is under way when the supergraph changes', () => {
  test('ends where it began: a way that is gone is closed when the last who uses it is', async () => {
    const { promise, resolve: release } = Promise.withResolvers<void>()
    gate = promise
    const late = sky.ask('{ requestId planet(id: "p2") { moons { name } } }')
    await eventually(() => expect(waiting).toBe(1))
    await sky.router.reload(withMoonsElsewhere())
    expect(disposed).toEqual([])
    release()
    expect(await late).toMatchObject({
      data: { planet: { moons: [{ name: 'Phobos' }, { name: 'Deimos' }] } },
    })
    await eventually(() => expect(disposed).toEqual(['moons']))
    expect((await sky.ask('{ planet(id: "p2") { moons { name } } }')).errors).toBeUndefined()
  })

  test('goes on when it is a subscription that is still valid, and the others end by code, on the same socket', async () => {
    await using raw = await initialised(sky.url)
    const subscribe = (id: string, query: string) => raw.send({ id, type: 'subscribe', payload: { query } })
    subscribe('stays', 'subscription { sighted { planet { name gravity } } }')
    await eventually(() => expect(sky.sightings.readers).toBe(1))
    subscribe('ends', 'subscription { sighted { planet { fragile } } }')
    await eventually(() => expect(sky.sightings.readers).toBe(2))
    await sky.router.reload(withoutFragile())
    expect(await raw.next()).toMatchObject({
      id: 'ends',
      type: 'error',
      payload: [{ extensions: { code: 'SUBSCRIPTION_SCHEMA_RELOAD' } }],
    })
    await eventually(() => expect(sky.sightings.readers).toBe(1))
    sky.sightings.see('p2')
    const planet = { name: 'Mars', gravity: 67 }
    expect(await raw.next()).toEqual({ id: 'stays', type: 'next', payload: { data: { sighted: { planet } } } })
  })
})

describe('a file with the supergraph', () => {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mercato-supergraph-'))
  })
  afterEach(() => rm(folder, { recursive: true }))

  test('is served anew when it changes, and what is wrong with it is logged', async () => {
    const lines: string[] = []
    const log = createLogger({ level: 'info', pretty: false, name: 'test' }, { write: (line) => void lines.push(line) })
    const file = join(folder, 'supergraph.graphql')
    const replace = async (sdl: string) => {
      await writeFile(`${file}.new`, sdl)
      await rename(`${file}.new`, file)
    }
    await replace(present)
    using _ = followSupergraph({ file, router: sky.router, log, everyMs: 20 })
    const errors = async () => (await sky.ask('{ planet(id: "p1") { fragile } }')).errors?.[0]?.extensions.code
    await replace('type Query {')
    await eventually(() => expect(lines.join()).toContain('the old one stays'))
    expect(await errors()).toBeUndefined()
    await replace(withoutFragile())
    await eventually(async () => expect(await errors()).toBe('GRAPHQL_VALIDATION_FAILED'))
  })
})
