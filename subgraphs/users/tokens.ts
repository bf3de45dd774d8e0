import { and, eq, gt, isNull } from 'drizzle-orm'
import { z } from 'zod'
import { signAccessToken } from '#platform/access-token.ts'
import type { Context } from '#platform/context.ts'
import type { Db } from '#platform/database.ts'
import { parseInput, reject } from '#platform/user-errors.ts'
import type { Device } from '#platform/viewer.ts'
import { signingKey } from './keys.ts'
import { tellRevoked } from './revocations.ts'
import { scopesOf } from './role.ts'
import { hashOf, refreshEnd, standingOf, successorOf } from './session.ts'
import { endSessions, type OpenSession } from './sessions.ts'
import { refreshTokens, sessions, users, type RefreshTokenRow } from './tables.ts'
import { isUsable } from './user.ts'

function invalid(): never {
  reject('TOKEN_INVALID', 'This token is unknown or used up. Sign in again.', ['refreshToken'])
}

/**
 * What a client keeps of a session; the contract's `AuthTokens`. The access token carries the roles of this moment.
 * Ed25519 signs the same text the same way, so equal arguments give equal tokens.
 * @throws Rejection TOKEN_INVALID when the account cannot be used any more.
 */
export async function authTokens(
  ctx: Pick<Context, 'db' | 'now' | 'config'>,
  { session, refreshToken, at }: OpenSession,
) {
  const { ownerId: id, id: sessionId } = session
  const [account] = session.ownerKind === 'user' ? await ctx.db.select().from(users).where(eq(users.id, id)) : []
  if (session.ownerKind === 'user' && !(account && isUsable(account))) invalid()
  // A JWT counts whole seconds.
  const issuedAt = new Date(Math.floor(at.getTime() / 1000) * 1000)
  const expiresAt = new Date(issuedAt.getTime() + ctx.config.ACCESS_TOKEN_MINUTES * 60_000)
  const who = account
    ? { kind: 'user' as const, id, sessionId, roles: account.roles, scopes: scopesOf(account.roles) }
    : { kind: 'guest' as const, id, sessionId }
  return {
    accessToken: await signAccessToken(who, { ...(await signingKey(ctx)), issuedAt, expiresAt }),
    accessTokenExpiresAt: expiresAt,
    refreshToken,
    refreshTokenExpiresAt: refreshEnd(at),
    tokenType: 'Bearer',
  }
}

/** Exchanges a refresh token for new tokens of its session. Rotates: each works once, see `standingOf`. */
export async function refreshSession(ctx: Context, input: { readonly refreshToken: string }) {
  const { refreshToken } = parseInput(z.object({ refreshToken: z.string().max(512) }), input)
  const now = ctx.now()
  const hash = hashOf(refreshToken)
  const renewed = await ctx.db.transaction(async (tx) => {
    // Of two that come with one token the second waits here, and finds it used.
    const [token] = await tx
      .update(refreshTokens)
      .set({ usedAt: now })
      .where(and(eq(refreshTokens.hash, hash), isNull(refreshTokens.usedAt), gt(refreshTokens.expiresAt, now)))
      .returning()
    return token
      ? await goOn(tx, { now, device: ctx.device }, token, successorOf(refreshToken, ctx.config.ENCRYPTION_SECRET))
      : null
  })
  return { authTokens: await authTokens(ctx, renewed ?? (await answerAgain(ctx, now, hash, refreshToken))) }
}

async function goOn(
  tx: Db,
  { now, device }: { now: Date; device: Device },
  { sessionId }: RefreshTokenRow,
  refreshToken: string,
): Promise<OpenSession> {
  const expiresAt = refreshEnd(now)
  const [session] = await tx
    .update(sessions)
    .set({ lastUsedAt: now, expiresAt, ...(device.ip !== null && device) })
    .where(and(eq(sessions.id, sessionId), isNull(sessions.revokedAt)))
    .returning()
  if (!session) invalid()
  await tx.insert(refreshTokens).values({ hash: hashOf(refreshToken), sessionId, expiresAt })
  return { session, refreshToken, at: now }
}

// For a token that cannot be exchanged: used, ended, or nobody's.
async function answerAgain(ctx: Context, now: Date, hash: string, refreshToken: string): Promise<OpenSession> {
  const [found] = await ctx.db
    .select({ token: refreshTokens, session: sessions })
    .from(refreshTokens)
    .innerJoin(sessions, eq(sessions.id, refreshTokens.sessionId))
    .where(eq(refreshTokens.hash, hash))
  if (!found) invalid()
  const { token, session } = found
  const standing = standingOf(token, session, now)
  if (standing === 'REPEATED') {
    return { session, refreshToken: successorOf(refreshToken, ctx.config.ENCRYPTION_SECRET), at: token.usedAt! }
  }
  if (standing === 'STOLEN') {
    await tellRevoked(ctx, await endSessions(ctx.db, now, eq(sessions.id, session.id), 'TOKEN_REUSE'))
    ctx.log.warn({ sessionId: session.id }, 'a refresh token came again; its session was ended')
  }
  if (standing === 'EXPIRED') reject('TOKEN_EXPIRED', 'This token is too old. Sign in again.', ['refreshToken'])
  return invalid()
}
