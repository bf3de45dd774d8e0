export interface Limit {
  /** What a key may use per window; a whole number. */
  points: number
  /** Rounded up to whole seconds. The window begins with a key's first try. */
  windowMs: number
  /** What this try uses; a whole number, 1 by default. */
  cost?: number
}

export interface Allowance {
  isAllowed: boolean
  /** Milliseconds until the next try may succeed; 0 when allowed. */
  retryAfterMs: number
}

/** Counts tries per key. Drivers: `rate-limit-memory.ts` and `rate-limit-redis.ts`, both on rate-limiter-flexible. */
export interface RateLimit extends AsyncDisposable {
  /**
   * Takes `cost` of the `points` a key has per `windowMs`; refused tries count too. Name the limit in the key
   * (`users:sign-in:a@b.example`): one key has one window, and what was let pass is counted under its first two words. Never throws for an outage: this process then counts by itself.
   */
  consume(key: string, limit: Limit): Promise<Allowance>
  /** Forgets what a key used, such as after a successful sign-in. */
  reset(key: string): Promise<void>
}
