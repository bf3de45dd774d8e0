import { RateLimiterMemory, RateLimiterRedis } from 'rate-limiter-flexible'
import { count } from './rate-limit-memory.ts'
import type { Allowance, Limit, RateLimit } from './rate-limit.ts'
import type { RedisConnections } from './redis.ts'

/** Counts for all processes together; each by itself while Redis is down. */
export class RedisRateLimit implements RateLimit {
  readonly #insurance = new RateLimiterMemory({ points: 1, duration: 1 })
  readonly #limiter: RateLimiterRedis

  constructor({ commands, prefix }: RedisConnections) {
    this.#limiter = new RateLimiterRedis({
      storeClient: commands,
      keyPrefix: `${prefix}:rate-limit`,
      points: 1,
      duration: 1,
      rejectIfRedisNotReady: true,
      insuranceLimiter: this.#insurance,
    })
  }

  consume(key: string, limit: Limit): Promise<Allowance> {
    return count(this.#limiter, key, limit)
  }

  async reset(key: string): Promise<void> {
    await Promise.all([this.#limiter.delete(key), this.#insurance.delete(key)])
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}
