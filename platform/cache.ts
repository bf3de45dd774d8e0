/**
 * What may be forgotten at any time. Values are JSON. Keys say what they are of: `inventory:product:…`; hits and misses are
 * counted under the first two words. Drivers: `cache-memory.ts` (bounded LRU) and `cache-redis.ts`.
 */
export interface Cache extends AsyncDisposable {
  /** A copy of the value, or undefined when it is unknown, expired or the store cannot be reached. Never throws for an outage. */
  get(key: string): Promise<unknown>
  /** Keeps `value` for `ttlMs` at most; a `ttlMs` under 1 keeps nothing. Never throws for an outage. */
  set(key: string, value: unknown, ttlMs: number): Promise<void>
  /** Never throws for an outage: what must not outlive a change needs a short `ttlMs` as well. */
  delete(...keys: string[]): Promise<void>
}
