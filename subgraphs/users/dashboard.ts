import { and, count, countDistinct, eq, gte, isNotNull, lt, sql } from 'drizzle-orm'
import type { Context } from '#platform/context.ts'
import type { Period } from '#platform/period.ts'
import { requireScope } from '#platform/viewer.ts'
import type { UserStats } from './schema.generated.ts'
import { sessions, users } from './tables.ts'

/** What the store knows of a period's accounts. Sessions that ended long ago are forgotten, and those people with them. */
export async function userStats(ctx: Context, { from, to }: Period): Promise<UserStats> {
  requireScope(ctx.viewer, 'admin:read')
  const opened = ctx.db
    .select({ registered: count(), verified: count(sql`case when ${isNotNull(users.emailVerifiedAt)} then 1 end`) })
    .from(users)
    .where(and(gte(users.createdAt, from), lt(users.createdAt, to)))
  const ended = sql`coalesce(${sessions.revokedAt}, least(${sessions.expiresAt}, ${ctx.now().toISOString()}::timestamptz))`
  const signedIn = ctx.db
    .select({ active: countDistinct(sessions.ownerId) })
    .from(sessions)
    .where(and(eq(sessions.ownerKind, 'user'), lt(sessions.createdAt, to), gte(ended, from.toISOString())))
  const [[accounts], [people]] = await Promise.all([opened, signedIn])
  return { ...accounts!, ...people! }
}
