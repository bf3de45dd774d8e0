import { LRUCache } from 'lru-cache'
import type { Cache } from './cache.ts'

/** Characters of keys and JSON texts kept at most: up to 128 MB. */
const MAX_SIZE = 64 * 1024 * 1024

/** A cache of this process. Keeps JSON texts, so that nobody's change to a value reaches another. */
export class MemoryCache implements Cache {
  readonly #texts = new LRUCache<string, string>({
    maxSize: MAX_SIZE,
    sizeCalculation: (text, key) => text.length + key.length,
  })

  async get(key: string): Promise<unknown> {
    const text = this.#texts.get(key)
    return text === undefined ? undefined : JSON.parse(text)
  }

  async set(key: string, value: unknown, ttlMs: number): Promise<void> {
    if (ttlMs < 1) this.#texts.delete(key)
    else this.#texts.set(key, JSON.stringify(value ?? null), { ttl: Math.floor(ttlMs) })
  }

  async delete(...keys: string[]): Promise<void> {
    for (const key of keys) this.#texts.delete(key)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#texts.clear()
  }
}
