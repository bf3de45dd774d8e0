import { and, asc, gt, isNotNull } from 'drizzle-orm'
import type { Context } from '#platform/context.ts'
import { sessions } from './tables.ts'

const TOPIC = 'users.revoked'

// Transactions commit in another order than their clocks were read: what was read once is read again for a while, and
// whoever collects session ids is not harmed by meeting one twice.
const OVERLAP_MS = 10_000

export interface Revocations {
  /** Pass it to get what came after. */
  cursor: string
  /** RFC 3339. */
  sessions: { id: string; revokedAt: string }[]
}

/** Tells whoever verifies tokens that `ids` have ended. A hint: those who miss it learn it from `revokedSince`. */
export async function tellRevoked({ live, now }: Pick<Context, 'live' | 'now'>, ids: readonly string[]): Promise<void> {
  const revokedAt = now().toISOString()
  for (const id of ids) await live.publish(TOPIC, { id, revokedAt })
}

/** Ids of sessions as they end, from those who `tellRevoked`. */
export async function* revokedLive({ live }: Pick<Context, 'live'>, signal: AbortSignal): AsyncGenerator<string> {
  for await (const { message } of await live.subscribe([TOPIC], { signal })) yield (message as { id: string }).id
}

/**
 * Sessions that ended since `cursor`, oldest first; without one, all whose access tokens may still be in use. Some may
 * come again.
 */
export async function revokedSince(
  { db, now, config }: Pick<Context, 'db' | 'now' | 'config'>,
  cursor: string | null,
): Promise<Revocations> {
  const oldest = now().getTime() - config.ACCESS_TOKEN_MINUTES * 60_000
  const seen = cursor === null ? NaN : Date.parse(cursor) - OVERLAP_MS
  const since = new Date(Math.max(oldest, Number.isNaN(seen) ? oldest : seen))
  const rows = await db
    .select({ id: sessions.id, revokedAt: sessions.revokedAt })
    .from(sessions)
    .where(and(isNotNull(sessions.revokedAt), gt(sessions.revokedAt, since)))
    .orderBy(asc(sessions.revokedAt))
  const revoked = rows.map(({ id, revokedAt }) => ({ id, revokedAt: revokedAt!.toISOString() }))
  return { cursor: revoked.at(-1)?.revokedAt ?? cursor ?? since.toISOString(), sessions: revoked }
}
