import { RateLimiterMemory, type RateLimiterAbstract } from 'rate-limiter-flexible'
import type { Allowance, Limit, RateLimit } from './rate-limit.ts'

/**
 * Counts a try and judges it. `penalty` counts as `consume` does but leaves the judgement to us, so that one limiter
 * serves limits of every size, and `reset` knows where a key is counted.
 */
export async function count(
  limiter: RateLimiterAbstract,
  key: string,
  { points, windowMs, cost = 1 }: Limit,
): Promise<Allowance> {
  const customDuration = Math.max(1, Math.ceil(windowMs / 1000))
  const { consumedPoints, msBeforeNext } = await limiter.penalty(key, cost, { customDuration })
  const isAllowed = consumedPoints <= points
  return { isAllowed, retryAfterMs: isAllowed ? 0 : Math.max(1, msBeforeNext) }
}

/** Counts in this process alone. */
export class MemoryRateLimit implements RateLimit {
  readonly #limiter = new RateLimiterMemory({ points: 1, duration: 1 })

  consume(key: string, limit: Limit): Promise<Allowance> {
    return count(this.#limiter, key, limit)
  }

  async reset(key: string): Promise<void> {
    await this.#limiter.delete(key)
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}
