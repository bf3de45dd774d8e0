import { LRUCache } from 'lru-cache'

// Of the text of all operations together.
const MAX_CHARACTERS = 10_000_000

/** Operations that clients registered by their hash (automatic persisted queries), as Apollo Server keeps them. */
export class PersistedQueries {
  readonly #texts = new LRUCache<string, string>({
    maxSize: MAX_CHARACTERS,
    sizeCalculation: ({ length }) => length || 1,
  })

  /** The text of an operation, when a request names one by `extensions.persistedQuery` and it is known. */
  named(extensions: unknown): string | undefined {
    const { version, sha256Hash } = Object(Object(extensions).persistedQuery)
    return version === 1 && typeof sha256Hash === 'string' ? this.#texts.get(`apq:${sha256Hash}`) : undefined
  }

  async get(key: string): Promise<string | undefined> {
    return this.#texts.get(key)
  }

  async set(key: string, value: string): Promise<void> {
    this.#texts.set(key, value)
  }

  async delete(key: string): Promise<boolean> {
    return this.#texts.delete(key)
  }
}
