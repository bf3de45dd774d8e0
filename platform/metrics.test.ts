import pino from 'pino'
import { describe, expect, test } from 'vitest'
import { Metrics } from './metrics.ts'
import { Tally } from './tally.ts'

const log = pino({ level: 'silent' })
const open = () => new Metrics({ isOpen: true, log })
const textOf = async (metrics: Metrics) => await (await metrics.answer(undefined)).text()

describe('figures', () => {
  test('are read when they are asked for', async () => {
    const metrics = open()
    let waiting = 3
    metrics.gauge({ name: 'waiting', help: 'Who waits', read: () => waiting })
    expect(await textOf(metrics)).toContain('# HELP waiting Who waits\n# TYPE waiting gauge\nwaiting 3\n')
    waiting = 0
    expect(await textOf(metrics)).toContain('\nwaiting 0\n')
  })

  test('of one name come from several, by label', async () => {
    const metrics = open()
    for (const [subgraph, value] of Object.entries({ orders: 2, cart: 5 })) {
      const read = async () => [{ labels: { subgraph }, value }]
      metrics.gauge({ name: 'stuck', help: 'What stands still', labels: ['subgraph'], read })
    }
    const text = await textOf(metrics)
    expect(text.match(/^stuck.*$/gm)).toEqual(['stuck{subgraph="orders"} 2', 'stuck{subgraph="cart"} 5'])
  })

  test('that only grow are told as what was counted, not as what came since the last time', async () => {
    const metrics = open()
    const counts = new Tally()
    const read = () => counts.samples('cache')
    metrics.counter({ name: 'asked_total', help: 'What was asked', labels: ['cache', 'outcome'], read })
    for (const outcome of ['hit', 'miss', 'hit']) counts.add('inventory:product', outcome)
    for (let scrape = 0; scrape < 2; scrape++) {
      expect((await textOf(metrics)).match(/^asked_total.*$/gm)).toEqual([
        'asked_total{cache="inventory:product",outcome="hit"} 2',
        'asked_total{cache="inventory:product",outcome="miss"} 1',
      ])
    }
  })

  test('that cannot be read are left out, and the others are there', async () => {
    const metrics = open()
    metrics.gauge({ name: 'broken', help: 'Fails', read: () => Promise.reject(new Error('no database')) })
    metrics.gauge({ name: 'hanging', help: 'Hangs', read: () => new Promise<number>(() => {}) })
    metrics.gauge({ name: 'fine', help: 'Is', read: () => 1 })
    const text = await textOf(metrics)
    expect(text).toMatch(/^fine 1$/m)
    expect(text).not.toMatch(/^(broken|hanging) /m)
  })

  test('of a process tell the lag of its event loop', async () => {
    const metrics = open()
    metrics.addProcess()
    expect(await textOf(metrics)).toMatch(/^nodejs_eventloop_lag_seconds \d/m)
  })
})

test('names beyond a hundred are counted together', () => {
  const counts = new Tally()
  for (let id = 0; id < 1_000; id++) counts.add(`product-${id}`, 'hit')
  const samples = counts.samples('cache')
  expect(samples.length).toBe(101)
  expect(samples.at(-1)).toEqual({ labels: { cache: 'others', outcome: 'hit' }, value: 900 })
})

describe('who may read', () => {
  const status = async (options: { token?: string; isOpen: boolean }, authorization?: string) =>
    (await new Metrics({ ...options, log }).answer(authorization)).status

  test('is everybody where it is open, and nobody where it is not', async () => {
    expect(await status({ isOpen: true })).toBe(200)
    expect(await status({ isOpen: false })).toBe(404)
  })

  test('is who shows the token where there is one', async () => {
    const options = { isOpen: true, token: 'only-for-prometheus' }
    expect(await status(options)).toBe(401)
    expect(await status(options, 'Bearer only-for-prometheuz')).toBe(401)
    expect(await status(options, 'Bearer only-for-prometheus')).toBe(200)
  })
})
