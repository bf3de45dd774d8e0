import { createHash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import { CodedError } from '#platform/errors.ts'

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

  /**
   * The text of an operation as a request gives it: itself, which is registered when its hash comes with it, or by the
   * hash of one that was registered. A refusal when there is none.
   */
  read(query: string | null | undefined, extensions: unknown): string | CodedError {
    const { persistedQuery } = Object(extensions)
    if (persistedQuery === undefined) return query ?? new CodedError('BAD_USER_INPUT', 'There is no operation.')
    if (typeof query !== 'string') return this.named(extensions) ?? unknown()
    const { sha256Hash } = Object(persistedQuery)
    if (sha256Hash !== createHash('sha256').update(query).digest('hex')) return mismatch()
    this.#texts.set(`apq:${sha256Hash}`, query)
    return query
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

// What clients know this refusal by is its code, and for some its message.
const unknown = () => new CodedError('PERSISTED_QUERY_NOT_FOUND', 'PersistedQueryNotFound')
const mismatch = () => new CodedError('BAD_USER_INPUT', 'The hash is not that of the operation.')
