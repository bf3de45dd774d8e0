import { LRUCache } from 'lru-cache'
import type { JWTVerifyGetKey } from 'jose'
import type { Context } from '#platform/context.ts'
import { localKeys } from './keys.ts'
import { revokedLive, revokedSince } from './revocations.ts'

const POLL_MS = 2_000

/** What it takes to verify access tokens, for a router in the same process. */
export interface LocalIdentity extends AsyncDisposable {
  keys: JWTVerifyGetKey
  /** Known at once when the session ended in reach of `ctx.live`, else within two seconds. */
  isRevoked(sessionId: string): boolean
}

/** Starts to follow which sessions end, until it is disposed of. */
export async function localIdentity(ctx: Context): Promise<LocalIdentity> {
  // A token of a session that ended longer ago has ended too.
  const revoked = new LRUCache<string, true>({ max: 100_000, ttl: ctx.config.ACCESS_TOKEN_MINUTES * 60_000 })
  const ending = new AbortController()
  let cursor: string | null = null
  const collect = async (): Promise<void> => {
    const news = await revokedSince(ctx, cursor)
    cursor = news.cursor
    for (const { id } of news.sessions) revoked.set(id, true)
  }
  await collect()
  let isCollecting = false
  const timer = setInterval(() => {
    // One at a time: a slow database is not asked twice.
    if (isCollecting) return
    isCollecting = true
    collect()
      .catch((err: unknown) => ctx.log.warn({ err }, 'ended sessions are not known for now'))
      .finally(() => (isCollecting = false))
  }, POLL_MS)
  const following = (async () => {
    for await (const id of revokedLive(ctx, ending.signal)) revoked.set(id, true)
  })().catch((err: unknown) => ctx.log.warn({ err }, 'ended sessions are known by polling alone'))
  return {
    keys: localKeys(ctx),
    isRevoked: (sessionId) => revoked.has(sessionId),
    async [Symbol.asyncDispose]() {
      clearInterval(timer)
      ending.abort()
      await following
    },
  }
}
