import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { startSky, type Sky } from './testing/router-under-test.ts'

describe('a subgraph that is dead', () => {
  let sky: Sky
  beforeEach(async () => {
    sky = await startSky('remote')
  })
  afterEach(() => sky[Symbol.asyncDispose]())

  test('leaves null and a code where its fields would be, and the rest of the page', async () => {
    await sky.subgraph('moons').kill()
    const { status, data, errors } = await sky.ask('{ planets { title: name pull: gravity discoverer { name } } }')
    expect(status).toBe(200)
    expect(data!.planets[1]).toEqual({ title: 'Mars', pull: null, discoverer: { name: 'Asaph Hall' } })
    expect(errors!.map(({ path }) => path)).toEqual([0, 1, 2].map((index) => ['planets', index, 'pull']))
    expect(errors![0]).toEqual({
      message: 'A part of the service cannot be reached.',
      path: ['planets', 0, 'pull'],
      extensions: { code: 'SUBGRAPH_UNAVAILABLE', service: 'moons', requestId: expect.any(String) },
    })
    await sky.subgraph('moons').revive()
    expect((await sky.ask('{ planets { gravity } }')).errors).toBeUndefined()
  })

  test('explains the fields that are computed from its own', async () => {
    await sky.subgraph('planets').kill()
    const { data, errors } = await sky.ask('{ moon(id: "m1") { name planet { gravity moons { name } } } }')
    expect(data!.moon).toEqual({
      name: 'Phobos',
      planet: { gravity: null, moons: [{ name: 'Phobos' }, { name: 'Deimos' }] },
    })
    expect(errors).toMatchObject([
      { path: ['moon', 'planet', 'gravity'], extensions: { code: 'SUBGRAPH_UNAVAILABLE', service: 'planets' } },
    ])
  })

  test('takes a list of its own along when that may not be null', async () => {
    await sky.subgraph('planets').kill()
    const { data, errors } = await sky.ask('{ planets { name } }')
    expect(data).toBeNull()
    expect(errors).toMatchObject([{ path: ['planets'], extensions: { code: 'SUBGRAPH_UNAVAILABLE' } }])
  })

  test('is named by the readiness of the router, which stays ready until all are dead', async () => {
    const ready = async () => {
      const response = await fetch(`${sky.url}/health/ready`)
      return [response.status, ((await response.json()) as { subgraphs: object }).subgraphs]
    }
    await sky.subgraph('moons').kill()
    expect(await ready()).toEqual([200, { planets: 'up', moons: 'down', astronomers: 'up' }])
    expect((await fetch(`${sky.url}/health/live`)).status).toBe(200)
  })
})

describe.each(['local', 'remote'] as const)('a request that takes too long, subgraphs %s', (way) => {
  test('ends with SUBGRAPH_TIMEOUT for what is late', async () => {
    await using sky = await startSky(way, { patienceMs: 200 })
    const { data, errors } = await sky.ask('{ slow(ms: 2000) moon(id: "m1") { name } }')
    expect(data).toEqual({ slow: null, moon: { name: 'Phobos' } })
    expect(errors).toMatchObject([{ path: ['slow'], extensions: { code: 'SUBGRAPH_TIMEOUT', service: 'planets' } }])
  })
})

test('a client that leaves does not stop its mutation half way', async () => {
  await using sky = await startSky('remote')
  const leaving = new AbortController()
  const query = 'mutation { slowlyRename(id: "p1", ms: 300) hireAstronomer(id: "a3") }'
  const answer = fetch(`${sky.url}/graphql`, {
    method: 'POST',
    signal: leaving.signal,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query }),
  })
  const outcome = expect(answer).rejects.toThrow()
  await expect.poll(() => sky.asked.mutations).toEqual(['begin p1'])
  leaving.abort()
  await outcome
  await expect.poll(() => sky.asked.mutations).toEqual(['begin p1', 'hire a3'])
})
