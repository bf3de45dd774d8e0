import { createHash } from 'node:crypto'
import type { JWTVerifyGetKey } from 'jose'
import { LRUCache } from 'lru-cache'
import { verifyAccessToken, type VerifiedToken } from '#platform/access-token.ts'
import { anonymous, type ApiKey, type Client } from '#platform/viewer.ts'

/** How the router learns who calls. */
export interface Identity {
  /** Keys that access tokens are signed with. */
  keys: JWTVerifyGetKey
  /** Whether a session was ended before its tokens ran out. */
  isRevoked(sessionId: string): boolean
  /** Whose an API key is; null when there is no such key. Without it no key is accepted. */
  apiKey?(key: string): Promise<ApiKey | null>
}

/** Who calls, and how long that may be believed. */
export interface Caller {
  viewer: Client
  /** Epoch milliseconds; Infinity for those who showed nothing that ends. */
  expiresAt: number
}

const nobody: Caller = { viewer: anonymous, expiresAt: Infinity }

/** Tells callers by what they show. A token is verified once and then known until it expires. */
export class Authenticator {
  readonly #identity: Identity | undefined
  // By hash, so that nobody finds tokens in a heap dump.
  readonly #verified = new LRUCache<string, VerifiedToken>({ max: 10_000 })

  constructor(identity: Identity | undefined) {
    this.#identity = identity
  }

  /**
   * The caller by HTTP headers or by the payload of `connection_init`, names in any letter case.
   * @returns null when they show something that is not valid (any more)
   */
  async authenticate(shown: Readonly<Record<string, unknown>>): Promise<Caller | null> {
    const { authorization, 'x-api-key': apiKey } = lowerCased(shown)
    if (isShown(authorization)) return await this.#byBearer(authorization)
    if (isShown(apiKey)) {
      const viewer = typeof apiKey === 'string' ? await this.#identity?.apiKey?.(apiKey) : null
      return viewer ? { viewer, expiresAt: Infinity } : null
    }
    return nobody
  }

  /** Whether a caller who was let in may stay. */
  isCurrent({ viewer, expiresAt }: Caller): boolean {
    if (expiresAt <= Date.now()) return false
    return !('sessionId' in viewer && this.#identity?.isRevoked(viewer.sessionId))
  }

  async #byBearer(authorization: unknown): Promise<Caller | null> {
    const token = typeof authorization === 'string' ? /^Bearer +(\S+)$/i.exec(authorization)?.[1] : undefined
    if (!token || !this.#identity) return null
    const key = createHash('sha256').update(token).digest('base64')
    const caller = this.#verified.get(key) ?? (await verifyAccessToken(token, this.#identity.keys))
    if (!caller) return null
    this.#verified.set(key, caller)
    return this.isCurrent(caller) ? caller : null
  }
}

const isShown = (value: unknown): boolean => value !== undefined && value !== null && value !== ''

const lowerCased = (record: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(record).map(([name, value]) => [name.toLowerCase(), value]))
