import { MemoryCache } from './cache-memory.ts'
import { RedisCache } from './cache-redis.ts'
import type { Cache } from './cache.ts'
import { MemoryLive } from './live-memory.ts'
import { RedisLive } from './live-redis.ts'
import type { Live } from './live.ts'
import type { Logger } from './log.ts'
import { MemoryRateLimit } from './rate-limit-memory.ts'
import { RedisRateLimit } from './rate-limit-redis.ts'
import type { RateLimit } from './rate-limit.ts'
import { connectRedis } from './redis.ts'
import { Tally } from './tally.ts'

/** What a process shares with the others through Redis. All of it may be lost. */
export interface Ports extends AsyncDisposable {
  live: Live
  cache: Cache
  rateLimit: RateLimit
  /** How often the cache knew something, and the limits let something pass, by the first two words of their keys. */
  counts: { cache: Tally; rateLimit: Tally }
  /** `{ redis: true }` when Redis answers; nothing to report in process. */
  health(): Promise<Record<string, boolean>>
}

interface PortsOptions {
  redisUrl?: string | undefined
  /** Keeps shops apart that share a Redis. */
  redisPrefix?: string | undefined
  log: Logger
}

/**
 * Opens the ports on Redis when there is a `redisUrl`, otherwise in this process, which will do only when the whole
 * supergraph is one process. Returns even when Redis is down: the ports work on without it until it is back.
 */
export async function openPorts({ redisUrl, redisPrefix, log }: PortsOptions): Promise<Ports> {
  await using opened = new AsyncDisposableStack()
  const redis = redisUrl ? opened.use(await connectRedis(redisUrl, log, { prefix: redisPrefix })) : undefined
  const live = opened.use(redis ? new RedisLive(redis) : new MemoryLive())
  const cache = opened.use(redis ? new RedisCache(redis) : new MemoryCache())
  const rateLimit = opened.use(redis ? new RedisRateLimit(redis) : new MemoryRateLimit())
  const counts = { cache: new Tally(), rateLimit: new Tally() }
  const all = opened.move()
  return {
    live,
    cache: counted(cache, counts.cache),
    rateLimit: countedLimits(rateLimit, counts.rateLimit),
    counts,
    health: async (): Promise<Record<string, boolean>> => (redis ? { redis: await redis.isUp() } : {}),
    async [Symbol.asyncDispose]() {
      await all.disposeAsync()
    },
  }
}

const nameIn = (key: string): string => key.split(':', 2).join(':')

const counted = (cache: Cache, counts: Tally): Cache => ({
  async get(key) {
    const value = await cache.get(key)
    counts.add(nameIn(key), value === undefined ? 'miss' : 'hit')
    return value
  },
  set: (key, value, ttlMs) => cache.set(key, value, ttlMs),
  delete: (...keys) => cache.delete(...keys),
  [Symbol.asyncDispose]: () => cache[Symbol.asyncDispose](),
})

const countedLimits = (rateLimit: RateLimit, counts: Tally): RateLimit => ({
  async consume(key, limit) {
    const allowance = await rateLimit.consume(key, limit)
    counts.add(nameIn(key), allowance.isAllowed ? 'allowed' : 'refused')
    return allowance
  },
  reset: (key) => rateLimit.reset(key),
  [Symbol.asyncDispose]: () => rateLimit[Symbol.asyncDispose](),
})
