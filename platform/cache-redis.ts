import type { Redis } from 'ioredis'
import type { Cache } from './cache.ts'
import { unlessDown, type RedisConnections } from './redis.ts'

/** A cache that all processes share. */
export class RedisCache implements Cache {
  readonly #redis: Redis
  readonly #prefix: string

  constructor({ commands, prefix }: RedisConnections) {
    this.#redis = commands
    this.#prefix = `${prefix}:cache:`
  }

  async get(key: string): Promise<unknown> {
    const text = await unlessDown(this.#redis.get(this.#prefix + key))
    return typeof text === 'string' ? JSON.parse(text) : undefined
  }

  async set(key: string, value: unknown, ttlMs: number): Promise<void> {
    if (ttlMs < 1) return this.delete(key)
    await unlessDown(this.#redis.set(this.#prefix + key, JSON.stringify(value ?? null), 'PX', Math.floor(ttlMs)))
  }

  async delete(...keys: string[]): Promise<void> {
    if (keys.length > 0) await unlessDown(this.#redis.del(...keys.map((key) => this.#prefix + key)))
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}
