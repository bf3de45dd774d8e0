/** What may be forgotten at any time. Values are JSON. Drivers: `cache-memory.ts` (bounded LRU) and `cache-redis.ts`. */
export interface Cache extends AsyncDisposable {
  /** The value, or undefined when it is unknown, expired or the store cannot be reached. Never throws for an outage. */
  get(key: string): Promise<unknown>
  set(key: string, value: unknown, ttlMs: number): Promise<void>
  delete(...keys: string[]): Promise<void>
}
