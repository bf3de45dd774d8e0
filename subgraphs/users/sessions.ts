import { and, desc, eq, gt, inArray, isNull, lt, type SQL } from 'drizzle-orm'
import type { Context } from '#platform/context.ts'
import type { Db } from '#platform/database.ts'
import { isId } from '#platform/ids.ts'
import { reject } from '#platform/user-errors.ts'
import type { Owner, User, Device } from '#platform/viewer.ts'
import { tellRevoked } from './revocations.ts'
import { hashOf, newSecret, refreshEnd } from './session.ts'
import { refreshTokens, sessions, type SessionRow } from './tables.ts'

// An old token that turns up again can be told from one that never was for so long.
const KEPT_MS = 30 * 86_400_000

/** A session and the refresh token that goes on with it. */
export interface OpenSession {
  session: SessionRow
  refreshToken: string
  /** When its newest tokens were made. */
  at: Date
}

/** Opens a session for `owner`, in the transaction that gives the right to it. */
export async function openSession(
  tx: Db,
  { now, device }: { now: Date; device: Device },
  { kind, id }: Owner,
): Promise<OpenSession> {
  const expiresAt = refreshEnd(now)
  const [session] = await tx
    .insert(sessions)
    .values({ ownerKind: kind, ownerId: id, ...device, createdAt: now, lastUsedAt: now, expiresAt })
    .returning()
  const refreshToken = newSecret()
  await tx.insert(refreshTokens).values({ hash: hashOf(refreshToken), sessionId: session!.id, expiresAt })
  return { session: session!, refreshToken, at: now }
}

const isOf = ({ kind, id }: Owner) => and(eq(sessions.ownerKind, kind), eq(sessions.ownerId, id))

/** Ends the sessions that are `which` and still go on; their ids. Tell of them with `tellRevoked` after the commit. */
export async function endSessions(
  tx: Db,
  now: Date,
  which: SQL | undefined,
  revokedFor: NonNullable<SessionRow['revokedFor']>,
): Promise<string[]> {
  const ended = await tx
    .update(sessions)
    .set({ revokedAt: now, revokedFor })
    .where(and(which, isNull(sessions.revokedAt)))
    .returning({ id: sessions.id })
  return ended.map(({ id }) => id)
}

/** Ends all sessions of `owner` for `reason`; see `endSessions`. */
export const endSessionsOf = (tx: Db, now: Date, owner: Owner, reason: NonNullable<SessionRow['revokedFor']>) =>
  endSessions(tx, now, isOf(owner), reason)

/** Ends one of the account's sessions, the one it asks with unless another is named. */
export async function revokeSession(
  ctx: Context,
  account: User,
  { sessionId }: { readonly sessionId?: string | null },
): Promise<void> {
  const id = sessionId ?? account.sessionId
  const mine = and(eq(sessions.id, id), isOf(account))
  const [known] = isId(id) ? await ctx.db.select({ id: sessions.id }).from(sessions).where(mine) : []
  if (!known) reject('NOT_FOUND', 'You have no such session.', ['sessionId'])
  await tellRevoked(ctx, await endSessions(ctx.db, ctx.now(), mine, 'SIGN_OUT'))
}

/** Ends all the account's sessions; how many went on until now. */
export async function revokeAllSessions(ctx: Context, account: User): Promise<number> {
  const ended = await endSessionsOf(ctx.db, ctx.now(), account, 'SIGN_OUT')
  await tellRevoked(ctx, ended)
  return ended.length
}

/** Sessions of these accounts that go on, last used first. */
export async function readSessions(
  { db, now }: Pick<Context, 'db' | 'now'>,
  userIds: readonly string[],
): Promise<SessionRow[]> {
  return await db
    .select()
    .from(sessions)
    .where(
      and(
        eq(sessions.ownerKind, 'user'),
        inArray(sessions.ownerId, [...userIds]),
        isNull(sessions.revokedAt),
        gt(sessions.expiresAt, now()),
      ),
    )
    .orderBy(desc(sessions.lastUsedAt), desc(sessions.id))
}

/** Deletes sessions that ended long ago; their refresh tokens go with them. */
export async function forgetSessions({ db, now }: Pick<Context, 'db' | 'now'>): Promise<void> {
  const cutoff = new Date(now().getTime() - KEPT_MS)
  await db.delete(sessions).where(lt(sessions.expiresAt, cutoff))
  await db.delete(refreshTokens).where(lt(refreshTokens.expiresAt, cutoff))
}
