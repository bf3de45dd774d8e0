export interface Allowance {
  isAllowed: boolean
  /** Milliseconds until the next try may succeed; 0 when allowed. */
  retryAfterMs: number
}

/** Counts tries per key. Drivers: `rate-limit-memory.ts` and `rate-limit-redis.ts`, both on rate-limiter-flexible. */
export interface RateLimit extends AsyncDisposable {
  /** Takes `cost` of the `points` a key has per `windowMs`. */
  consume(key: string, limit: { points: number; windowMs: number; cost?: number }): Promise<Allowance>
  /** Forgets what a key used, such as after a successful sign-in. */
  reset(key: string): Promise<void>
}
