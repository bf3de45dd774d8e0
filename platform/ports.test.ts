import { setTimeout as pause } from 'node:timers/promises'
import pino from 'pino'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { RedisLive } from './live-redis.ts'
import { LiveOverflow } from './live.ts'
import { openPorts, type Ports } from './ports.ts'
import { connectRedis } from './redis.ts'
import { redisServerProgram, startRedisServer } from './redis-server.ts'

const log = pino({ level: 'silent' })
const canSkipRedis = !redisServerProgram() && !process.env.CI

describe('ports in process', () => contract(() => openPorts({ log })))

describe.skipIf(canSkipRedis)('ports on Redis (skipped without redis-server on the PATH)', () => {
  const servers = new AsyncDisposableStack()
  let redisUrl: string
  beforeAll(async () => {
    redisUrl = servers.use(await startRedisServer()).url
  })
  afterAll(() => servers.disposeAsync())

  contract(() => openPorts({ redisUrl, log }))

  test('processes share live updates, cache and counters', async () => {
    await using here = await openPorts({ redisUrl, log })
    await using there = await openPorts({ redisUrl, log })
    const reader = await here.live.subscribe(['shared'])
    await there.live.publish('shared', 1)
    expect(await reader.next()).toEqual({ done: false, value: { topic: 'shared', message: 1 } })

    await there.cache.set('shared', 'kept', 60_000)
    expect(await here.cache.get('shared')).toBe('kept')

    const once = { points: 1, windowMs: 60_000 }
    await there.rateLimit.consume('shared', once)
    expect(await here.rateLimit.consume('shared', once)).toMatchObject({ isAllowed: false })
  })

  test('shops that share a Redis share nothing else', async () => {
    await using ours = await openPorts({ redisUrl, log })
    await using theirs = await openPorts({ redisUrl, redisPrefix: 'another-shop', log })
    const reader = await ours.live.subscribe(['apart'])
    await theirs.live.publish('apart', 'of theirs')
    await ours.live.publish('apart', 'of ours')
    expect(await reader.next()).toMatchObject({ value: { topic: 'apart', message: 'of ours' } })

    await theirs.cache.set('apart', 'of theirs', 60_000)
    expect(await ours.cache.get('apart')).toBeUndefined()

    const once = { points: 1, windowMs: 60_000 }
    await theirs.rateLimit.consume('apart', once)
    expect(await ours.rateLimit.consume('apart', once)).toMatchObject({ isAllowed: true })
  })

  test('a topic is unsubscribed when its last reader leaves, and can be read again', async () => {
    await using ports = await openPorts({ redisUrl, log })
    const first = await ports.live.subscribe(['left'])
    const second = await ports.live.subscribe(['left'])
    await first.return?.()
    await ports.live.publish('left', 'for the second')
    expect(await second.next()).toMatchObject({ value: { message: 'for the second' } })
    expect(await channels(redisUrl)).toContain('mercato:live:left')
    await second.return?.()
    await expect.poll(() => channels(redisUrl)).not.toContain('mercato:live:left')
    const third = await ports.live.subscribe(['left'])
    await ports.live.publish('left', 'for the third')
    expect(await third.next()).toMatchObject({ value: { message: 'for the third' } })
  })
})

describe.skipIf(canSkipRedis)('when Redis dies (skipped without redis-server on the PATH)', () => {
  test('the cache misses, limits are counted in process, and all is well again when it is back', async () => {
    const first = await startRedisServer()
    await using ports = await openPorts({ redisUrl: first.url, log })
    await ports.cache.set('known', 1, 60_000)
    expect(await ports.health()).toEqual({ redis: true })
    await first[Symbol.asyncDispose]()

    expect(await ports.cache.get('known')).toBeUndefined()
    await ports.cache.set('known', 2, 60_000)
    await ports.cache.delete('known')
    await ports.live.publish('nobody', {})
    const twice = { points: 2, windowMs: 60_000 }
    const tries = [1, 2, 3].map(() => ports.rateLimit.consume('client', twice))
    expect((await Promise.all(tries)).map(({ isAllowed }) => isAllowed)).toEqual([true, true, false])
    await ports.rateLimit.reset('client')
    expect(await ports.rateLimit.consume('client', twice)).toMatchObject({ isAllowed: true })
    expect(await ports.health()).toEqual({ redis: false })

    await using second = await startRedisServer({ port: first.port })
    expect(second.port).toBe(first.port)
    await expect.poll(() => ports.health(), { timeout: 5000 }).toEqual({ redis: true })
    await ports.cache.set('known', 3, 60_000)
    expect(await ports.cache.get('known')).toBe(3)
  })

  test('a reader hears again what is published after it is back', async () => {
    const first = await startRedisServer()
    await using ports = await openPorts({ redisUrl: first.url, log })
    const reader = await ports.live.subscribe(['orders', 'carts'])
    await first[Symbol.asyncDispose]()

    await using second = await startRedisServer({ port: first.port })
    await expect.poll(() => channels(second.url)).toHaveLength(2)
    await using other = await openPorts({ redisUrl: second.url, log })
    await other.live.publish('carts', 'after')
    expect(await reader.next()).toMatchObject({ value: { topic: 'carts', message: 'after' } })
  })

  test('new readers wait for it, and those who leave meanwhile leave nothing behind', async () => {
    const first = await startRedisServer()
    await using redis = await connectRedis(first.url, log)
    await using live = new RedisLive(redis)
    await live.subscribe(['orders'])
    await first[Symbol.asyncDispose]()
    await expect.poll(() => redis.subscriber.status).not.toBe('ready')
    let standing = 0
    const readers = [['orders'], ['carts']].map((topics) => live.subscribe(topics).finally(() => standing++))
    const leaving = new AbortController()
    const left = live.subscribe(['left'], { signal: leaving.signal })
    leaving.abort()
    await pause(0)
    expect(standing).toBe(0)

    await using second = await startRedisServer({ port: first.port })
    await Promise.all(readers)
    await expect.poll(() => redis.commands.status).toBe('ready')
    await live.publish('orders', 'after')
    await live.publish('carts', 'after')
    for (const reader of readers) expect(await (await reader).next()).toMatchObject({ value: { message: 'after' } })
    expect(await (await left).next()).toMatchObject({ done: true })
    expect(await channels(second.url)).toEqual(['mercato:live:carts', 'mercato:live:orders'])
  })

  test('one that hangs is noticed, by the listening connection too', async () => {
    await using server = await startRedisServer()
    await using redis = await connectRedis(server.url, log, { heartbeatMs: 50 })
    await using live = new RedisLive(redis)
    const reader = await live.subscribe(['orders'])
    server.signal('SIGSTOP')
    await expect.poll(() => redis.subscriber.status, { timeout: 10_000 }).not.toBe('ready')
    expect(await redis.isUp()).toBe(false)

    server.signal('SIGCONT')
    await expect.poll(() => redis.isUp(), { timeout: 10_000 }).toBe(true)
    await expect.poll(() => channels(server.url)).toEqual(['mercato:live:orders'])
    await live.publish('orders', 'after')
    expect(await reader.next()).toMatchObject({ value: { message: 'after' } })
  })

  test('opening the ports does not wait for it', async () => {
    const gone = await startRedisServer()
    await gone[Symbol.asyncDispose]()
    await using ports = await openPorts({ redisUrl: gone.url, log })
    expect(await ports.health()).toEqual({ redis: false })
    expect(await ports.cache.get('anything')).toBeUndefined()
  })
})

/** What Redis has subscriptions to. */
async function channels(redisUrl: string): Promise<string[]> {
  await using redis = await connectRedis(redisUrl, log)
  return (await redis.commands.pubsub('CHANNELS')).map(String).toSorted((a, b) => (a < b ? -1 : 1))
}

/** What every driver promises. */
function contract(open: () => Promise<Ports>): void {
  let ports: Ports
  beforeAll(async () => {
    ports = await open()
  })
  afterAll(() => ports[Symbol.asyncDispose]())

  describe('live updates', () => {
    test('reach every reader of the topic, in order, and nobody else', async () => {
      const [one, two, elsewhere] = await Promise.all(
        [['a', 'b'], ['a'], ['c']].map((topics) => ports.live.subscribe(topics)),
      )
      for (let n = 0; n < 50; n++) await ports.live.publish(n % 2 ? 'a' : 'b', { n })
      await ports.live.publish('c', 'last')
      for (let n = 0; n < 50; n++) {
        expect(await one!.next()).toEqual({ done: false, value: { topic: n % 2 ? 'a' : 'b', message: { n } } })
      }
      for (let n = 1; n < 50; n += 2) expect(await two!.next()).toMatchObject({ value: { message: { n } } })
      expect(await elsewhere!.next()).toMatchObject({ value: { topic: 'c', message: 'last' } })
    })

    test('are copies: no reader sees what another or the publisher changes', async () => {
      const one = await ports.live.subscribe(['copies'])
      const two = await ports.live.subscribe(['copies'])
      const published = { list: [1] }
      await ports.live.publish('copies', published)
      published.list.push(2)
      const { value } = await one.next()
      value.message.list.push(3)
      expect(await two.next()).toMatchObject({ value: { message: { list: [1] } } })
    })

    test('published before a subscription stands are not delivered to it', async () => {
      await ports.live.publish('history', 'before')
      const reader = await ports.live.subscribe(['history'])
      await ports.live.publish('history', 'after')
      expect(await reader.next()).toMatchObject({ value: { message: 'after' } })
    })

    test('wake a reader that waits', async () => {
      const reader = await ports.live.subscribe(['waited'])
      const waiting = [reader.next(), reader.next()]
      await ports.live.publish('waited', 1)
      await ports.live.publish('waited', 2)
      expect(await Promise.all(waiting)).toMatchObject([{ value: { message: 1 } }, { value: { message: 2 } }])
    })

    test('end with the signal, even for a reader that waits', async () => {
      const stop = new AbortController()
      const reader = await ports.live.subscribe(['stopped'], { signal: stop.signal })
      const waiting = reader.next()
      stop.abort()
      expect(await waiting).toMatchObject({ done: true })
      expect(await reader.next()).toMatchObject({ done: true })
    })

    test('never begin when the signal has aborted', async () => {
      const reader = await ports.live.subscribe(['stopped'], { signal: AbortSignal.abort() })
      expect(await reader.next()).toMatchObject({ done: true })
    })

    test('end when the reader leaves its loop', async () => {
      const reader = await ports.live.subscribe(['left early'])
      await ports.live.publish('left early', 1)
      await ports.live.publish('left early', 2)
      for await (const { message } of reader) {
        expect(message).toBe(1)
        break
      }
      expect(await reader.next()).toMatchObject({ done: true })
    })

    test('end when the port closes', async () => {
      await using own = new AsyncDisposableStack()
      const { live } = own.use(await open())
      const waiting = (await live.subscribe(['closing'])).next()
      await own.disposeAsync()
      expect(await waiting).toMatchObject({ done: true })
    })

    test('overflow a reader that falls too far behind, and only that one', async () => {
      const slow = await ports.live.subscribe(['flood'], { capacity: 2 })
      const fast = await ports.live.subscribe(['flood'])
      for (const n of [1, 2, 3]) await ports.live.publish('flood', n)
      for (const n of [1, 2, 3]) expect(await fast.next()).toMatchObject({ value: { message: n } })
      await expect(slow.next()).rejects.toThrow(LiveOverflow)
      expect(await slow.next()).toMatchObject({ done: true })
    })
  })

  describe('cache', () => {
    test('gives back copies of JSON values', async () => {
      const value = { list: [1, 'two', null], nested: { is: true } }
      await ports.cache.set('value', value, 60_000)
      const first = await ports.cache.get('value')
      expect(first).toEqual(value)
      expect(first).not.toBe(await ports.cache.get('value'))
    })

    test('tells a kept null from an unknown key', async () => {
      await ports.cache.set('null', null, 60_000)
      expect(await ports.cache.get('null')).toBeNull()
      expect(await ports.cache.get('unknown')).toBeUndefined()
    })

    test('forgets when the time is up', async () => {
      await ports.cache.set('short', 1, 30)
      await ports.cache.set('never', 1, 0)
      expect(await ports.cache.get('short')).toBe(1)
      expect(await ports.cache.get('never')).toBeUndefined()
      await expect.poll(() => ports.cache.get('short'), { interval: 10 }).toBeUndefined()
    })

    test('deletes several keys', async () => {
      for (const key of ['x', 'y', 'z']) await ports.cache.set(key, key, 60_000)
      await ports.cache.delete('x', 'y')
      await ports.cache.delete()
      expect(await Promise.all(['x', 'y', 'z'].map((key) => ports.cache.get(key)))).toEqual([undefined, undefined, 'z'])
    })
  })

  describe('rate limit', () => {
    const limit = { points: 3, windowMs: 60_000 }

    test('allows the points of a window and says when to come back', async () => {
      for (let n = 0; n < 3; n++) {
        expect(await ports.rateLimit.consume('steady', limit)).toEqual({ isAllowed: true, retryAfterMs: 0 })
      }
      const refused = await ports.rateLimit.consume('steady', limit)
      expect(refused.isAllowed).toBe(false)
      expect(refused.retryAfterMs).toBeGreaterThan(50_000)
      expect(refused.retryAfterMs).toBeLessThanOrEqual(60_000)
    })

    test('counts cost, and each key by itself', async () => {
      expect(await ports.rateLimit.consume('costly', { ...limit, cost: 3 })).toMatchObject({ isAllowed: true })
      expect(await ports.rateLimit.consume('costly', limit)).toMatchObject({ isAllowed: false })
      expect(await ports.rateLimit.consume('another', limit)).toMatchObject({ isAllowed: true })
    })

    test('lets exactly the points through when tries come at once', async () => {
      const tries = await Promise.all(Array.from({ length: 20 }, () => ports.rateLimit.consume('burst', limit)))
      expect(tries.filter(({ isAllowed }) => isAllowed)).toHaveLength(3)
    })

    test('forgets on reset', async () => {
      await ports.rateLimit.consume('forgiven', { ...limit, cost: 4 })
      await ports.rateLimit.reset('forgiven')
      expect(await ports.rateLimit.consume('forgiven', limit)).toMatchObject({ isAllowed: true })
    })

    test('begins a new window when one is over', async () => {
      const short = { points: 1, windowMs: 1000 }
      await ports.rateLimit.consume('again', short)
      const { isAllowed, retryAfterMs } = await ports.rateLimit.consume('again', short)
      expect(isAllowed).toBe(false)
      await pause(retryAfterMs + 5)
      expect(await ports.rateLimit.consume('again', short)).toMatchObject({ isAllowed: true })
    })
  })
}
