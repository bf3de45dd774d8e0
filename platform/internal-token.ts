import { SignJWT, jwtVerify } from 'jose'
import { LRUCache } from 'lru-cache'
import type { Viewer } from './viewer.ts'

/** Header that carries the token between our own parts. Stripped from everything that clients send. */
export const INTERNAL_TOKEN_HEADER = 'x-mercato-identity'
/** Headers that carry what the client came with; believed only beside an internal token or the router key. */
export const DEVICE_HEADERS = { ip: 'x-mercato-device-ip', userAgent: 'x-mercato-device-agent' } as const
const LIFETIME_SECONDS = 120
// A token is handed out again while at least half of its life is left, so that a busy router signs once a minute.
const REUSE_MS = (LIFETIME_SECONDS / 2) * 1000

export interface InternalTokens {
  /** A token that tells `audience` (a subgraph's name) who asks. */
  sign(viewer: Viewer, audience: string): Promise<string>
  /** The viewer of a token made for `audience`, or null when it is malformed, too old, or not for it. */
  verify(token: string, audience: string): Promise<Viewer | null>
}

/** HS256 with a secret that all parts share (`INTERNAL_TOKEN_SECRET`). */
export function internalTokens(secret: string): InternalTokens {
  const key = new TextEncoder().encode(secret)
  const signed = new LRUCache<string, string>({ max: 10_000, ttl: REUSE_MS })
  const verified = new LRUCache<string, Viewer>({ max: 10_000, ttl: REUSE_MS })
  return {
    async sign(viewer, audience) {
      const cacheKey = `${audience}\n${JSON.stringify(viewer)}`
      const known = signed.get(cacheKey)
      if (known) return known
      const token = await new SignJWT({ viewer: viewer })
        .setProtectedHeader({ alg: 'HS256' })
        .setIssuer('mercato')
        .setAudience(audience)
        .setIssuedAt()
        .setExpirationTime(`${LIFETIME_SECONDS}s`)
        .sign(key)
      signed.set(cacheKey, token)
      return token
    },
    async verify(token, audience) {
      const known = verified.get(`${audience}\n${token}`)
      if (known) return known
      try {
        const { payload } = await jwtVerify(token, key, { issuer: 'mercato', audience, algorithms: ['HS256'] })
        const viewer = payload.viewer as Viewer
        const leftMs = payload.exp! * 1000 - Date.now()
        verified.set(`${audience}\n${token}`, viewer, { ttl: Math.max(1, Math.min(REUSE_MS, leftMs)) })
        return viewer
      } catch {
        return null
      }
    },
  }
}
