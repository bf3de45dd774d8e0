import { createClient, type Client, type ExecutionResult } from 'graphql-ws'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { WebSocket } from 'ws'
import { anAccount, startSky, type Sky } from '../testing/router-under-test.ts'

const PASSING = 'subscription ($by: ID) { passing(by: $by) { name gravity discoverer { name } } }'
const mars = { data: { passing: { name: 'Mars', gravity: 67, discoverer: { name: 'Asaph Hall' } } } }

let sky: Sky
const clients: Client[] = []

async function connect(authorization?: string) {
  const client = createClient({
    url: `${sky.url.replace('http', 'ws')}/graphql`,
    connectionParams: { authorization },
    webSocketImpl: WebSocket,
    retryAttempts: 0,
  })
  clients.push(client)
  return client
}

async function follow(query: string, { as, by }: { as?: string; by?: string } = {}) {
  const events: ExecutionResult[] = []
  const client = await connect(as && `Bearer ${as}`)
  const { promise: ended, resolve } = Promise.withResolvers<unknown>()
  const stop = client.subscribe(
    { query, variables: { by } },
    {
      next: (event) => events.push(event as ExecutionResult),
      error: (error) => resolve(Array.isArray(error) ? error[0].extensions.code : error),
      complete: () => resolve('complete'),
    },
  )
  // A query on the same socket is answered after the subscription has begun.
  for await (const _ of client.iterate({ query: '{ __typename }' })) break
  return { events, ended, stop }
}

const upstreams = (count: number) => vi.waitFor(() => expect(sky.sightings.readers).toBe(count), { interval: 5 })

afterEach(async () => {
  for (const client of clients.splice(0)) await client.dispose()
  await sky[Symbol.asyncDispose]()
})

describe.each(['local', 'remote'] as const)('a live-only subscription whose subgraphs are %s', (way) => {
  beforeEach(async () => {
    sky = await startSky(way)
  })

  test('is one at its subgraph, for whoever asks the same', async () => {
    const mine = await sky.token(anAccount())
    const all = [
      await follow(PASSING),
      await follow(PASSING),
      await follow(PASSING, { as: mine }),
      await follow(PASSING, { as: await sky.token(anAccount()) }),
    ]
    await upstreams(1)
    sky.sightings.see('p2')
    for (const { events } of all) await vi.waitFor(() => expect(events).toEqual([mars]))

    const other = await follow(PASSING, { by: 'p1' })
    await upstreams(2)
    other.stop()
    await upstreams(1)
    for (const { stop } of all.slice(1)) stop()
    await upstreams(1)
    sky.sightings.see('p2')
    await vi.waitFor(() => expect(all[0]!.events).toEqual([mars, mars]))
    all[0]!.stop()
    await upstreams(0)
  })

  test('begins anew after everybody has left', async () => {
    const first = await follow(PASSING)
    await upstreams(1)
    first.stop()
    await upstreams(0)
    const second = await follow(PASSING)
    await upstreams(1)
    sky.sightings.see('p2')
    await vi.waitFor(() => expect(second.events).toEqual([mars]))
  })

  test('goes on for the others when one is revoked, or their token runs out', async () => {
    const [revoked, brief] = [anAccount(), anAccount()]
    const query = 'subscription { secretPassing { name } }'
    const first = await follow(query, { as: await sky.token(revoked) })
    const second = await follow(query, { as: await sky.token(brief, 3_000) })
    const third = await follow(query, { as: await sky.token(anAccount()) })
    await upstreams(1)
    sky.revoked.add(revoked.sessionId)
    expect(await first.ended).toBe('SUBSCRIPTION_JWT_EXPIRED')
    expect(await second.ended).toBe('SUBSCRIPTION_JWT_EXPIRED')
    await upstreams(1)
    sky.sightings.see('p1')
    await vi.waitFor(() => expect(third.events).toEqual([{ data: { secretPassing: { name: 'Venus' } } }]))
    expect([first.events, second.events]).toEqual([[], []])
  })

  test('shows nobody what only others may see', async () => {
    const query = 'subscription { passing { name discoverer { name email } } }'
    const theirs = await follow(query, { as: await sky.token(anAccount()) })
    const nobodys = await follow(query)
    await upstreams(1)
    sky.sightings.see('p2')
    const email = 'hall@observatory.example'
    await vi.waitFor(() => expect(theirs.events[0]).toMatchObject({ data: { passing: { discoverer: { email } } } }))
    await vi.waitFor(() =>
      expect(nobodys.events[0]).toMatchObject({
        data: { passing: { discoverer: { email: null } } },
        errors: [{ extensions: { code: 'UNAUTHENTICATED' } }],
      }),
    )
  })

  test('does not begin for those who may not, however many follow it already', async () => {
    const query = 'subscription { secretPassing { name } }'
    await follow(query, { as: await sky.token(anAccount()) })
    await upstreams(1)
    expect(await (await follow(query)).ended).toBe('UNAUTHENTICATED')
  })
})

describe('many who ask the same', () => {
  beforeEach(async () => {
    sky = await startSky('remote')
  })

  test('cost one completion of each event', async () => {
    const all = await Promise.all(Array.from({ length: 10 }, () => follow(PASSING)))
    await upstreams(1)
    sky.sightings.see('p2')
    for (const { events } of all) await vi.waitFor(() => expect(events).toEqual([mars]))
    expect(sky.subgraph('astronomers').received.length).toBe(1)
  })

  test('with claims of their own cost one completion each', async () => {
    for (let user = 0; user < 3; user++) {
      const token = await sky.token(anAccount())
      await follow(PASSING, { as: token })
      await follow(PASSING, { as: token })
    }
    await upstreams(1)
    const before = sky.subgraph('astronomers').received.length
    sky.sightings.see('p2')
    await vi.waitFor(() => expect(sky.subgraph('astronomers').received.length).toBe(before + 3))
  })

  test('all hear when the subgraph is lost', async () => {
    const all = await Promise.all(Array.from({ length: 3 }, () => follow(PASSING)))
    await upstreams(1)
    await sky.subgraph('planets').kill()
    for (const { ended } of all) expect(await ended).toBe('SUBGRAPH_CONNECTION_LOST')
    await sky.subgraph('planets').revive()
    const again = await follow(PASSING)
    await vi.waitFor(() => expect(sky.sightings.readers).toBeGreaterThan(0))
    sky.sightings.see('p2')
    await vi.waitFor(() => expect(again.events).toEqual([mars]))
  })
})

test('what is not live-only is never shared', async () => {
  sky = await startSky('local')
  await follow('subscription { sighted { at } }')
  await follow('subscription { sighted { at } }')
  await upstreams(2)
})
