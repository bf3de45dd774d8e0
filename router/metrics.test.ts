import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createLogger } from '#platform/log.ts'
import { Metrics } from '#platform/metrics.ts'
import { eventually } from './testing/eventually.ts'
import { initialised } from './testing/raw-socket.ts'
import { startSky, type Sky } from './testing/router-under-test.ts'

const log = createLogger({ level: 'silent', pretty: false, name: 'test' })

let sky: Sky
beforeEach(async () => {
  sky = await startSky('remote', { metrics: new Metrics({ isOpen: true, log }) })
})
afterEach(() => sky[Symbol.asyncDispose]())

/** Samples by their name and labels. */
const figures = async (): Promise<Record<string, number>> => {
  const text = await (await fetch(`${sky.url}/metrics`)).text()
  const lines = text.split('\n').filter((line) => line && !line.startsWith('#'))
  return Object.fromEntries(lines.map((line) => [line.replace(/ \S+$/, ''), Number(line.split(' ').at(-1))]))
}

describe('the figures of a router', () => {
  test('count operations by kind and outcome, and how long they took', async () => {
    await sky.ask('{ planet(id: "p1") { name } }')
    await sky.ask('{ planet(id: "p1") { name } }')
    await sky.ask('{ planet(id: "p2") { fragile } }')
    await sky.ask('mutation { renamePlanet(id: "p1", name: "X") { name } }')
    await sky.ask('mutation { destroyPlanet(id: "p1") }')
    await sky.ask('{ nothing }')
    expect(await figures()).toMatchObject({
      'mercato_router_operations_total{kind="query",outcome="ok"}': 2,
      'mercato_router_operations_total{kind="query",outcome="partial"}': 1,
      'mercato_router_operations_total{kind="mutation",outcome="ok"}': 1,
      'mercato_router_operations_total{kind="mutation",outcome="refused"}': 1,
      'mercato_router_operation_seconds_count{kind="query"}': 3,
      'mercato_router_responses_total{route="graphql",outcome="200"}': 4,
      'mercato_router_responses_total{route="graphql",outcome="400"}': 2,
      'mercato_router_cache_requests_total{cache="plans",outcome="hit"}': 1,
      'mercato_router_cache_requests_total{cache="documents",outcome="miss"}': expect.any(Number),
    })
  })

  test('count fetches by subgraph and outcome, and tell of a subgraph that is not asked for a while', async () => {
    await sky.ask('{ moon(id: "m1") { name } }')
    await sky.ask('{ planet(id: "p2") { fragile } }')
    await sky.subgraph('moons').kill()
    for (let each = 0; each < 25; each++) await sky.ask('{ moon(id: "m1") { name } }')
    const found = await figures()
    expect(found).toMatchObject({
      'mercato_router_fetches_total{subgraph="planets",outcome="ok"}': 1,
      'mercato_router_fetches_total{subgraph="moons",outcome="ok"}': 1,
      'mercato_router_fetches_total{subgraph="moons",outcome="errors"}': 1,
      'mercato_router_breaker_open{subgraph="moons"}': 1,
      'mercato_router_breaker_open{subgraph="planets"}': 0,
    })
    expect(found['mercato_router_fetches_total{subgraph="moons",outcome="unavailable"}']).toBeGreaterThanOrEqual(20)
  })

  test('count queries that share an answer', async () => {
    await Promise.all([1, 2, 3].map(() => sky.ask('{ slow(ms: 300) }')))
    const { 'mercato_router_shared_total{what="queries"}': shared } = await figures()
    expect(shared).toBeGreaterThan(0)
  })

  test('tell of sockets, subscriptions, their events and their ends', async () => {
    await using raw = await initialised(sky.url)
    const subscribe = (id: string, query: string) => raw.send({ id, type: 'subscribe', payload: { query } })
    subscribe('1', 'subscription { sighted { at } }')
    await eventually(() => expect(sky.sightings.readers).toBe(1))
    sky.sightings.see('p1')
    await raw.next()
    subscribe('2', 'subscription { secretSighted { at } }')
    await raw.next()
    expect(await figures()).toMatchObject({
      mercato_router_connections: 1,
      mercato_router_subscriptions: 1,
      'mercato_router_subscription_events_total{outcome="delivered"}': 1,
      'mercato_router_operations_total{kind="subscription",outcome="ok"}': 1,
      'mercato_router_operations_total{kind="subscription",outcome="refused"}': 1,
    })
    await sky.subgraph('planets').kill()
    expect(await raw.next()).toMatchObject({ id: '1', type: 'error' })
    expect(await figures()).toMatchObject({
      mercato_router_subscriptions: 0,
      'mercato_router_subscriptions_ended_total{code="SUBGRAPH_CONNECTION_LOST"}': 1,
    })
  })

  test('tell which supergraph is served', async () => {
    await sky.router.reload(sky.sdl.replace(/^ +fragile: .*$/m, ''))
    await expect(sky.router.reload('type Query {')).rejects.toThrow()
    expect(await figures()).toMatchObject({
      mercato_router_schema_generation: 2,
      'mercato_router_schema_reloads_total{outcome="loaded"}': 1,
      'mercato_router_schema_reloads_total{outcome="refused"}': 1,
    })
  })

  test('have no label that clients could choose', async () => {
    const before = Object.keys(await figures()).length
    for (let each = 0; each < 20; each++) {
      await sky.ask(`query Q${each} { name${each}: __typename }`, {
        headers: { 'x-request-id': `request-${each}-abc` },
      })
      await fetch(`${sky.url}/page-${each}`)
    }
    expect(Object.keys(await figures()).length - before).toBeLessThan(30)
    expect(JSON.stringify(await figures())).not.toMatch(/Q1|request-1|page-1/)
  })
})
