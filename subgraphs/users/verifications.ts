import { and, eq, gt, isNull, sql } from 'drizzle-orm'
import { z } from 'zod'
import type { Context } from '#platform/context.ts'
import type { Db } from '#platform/database.ts'
import { parseInput, reject } from '#platform/user-errors.ts'
import { email as emailShape } from './credential.ts'
import { confirmation, linkTo } from './letters.ts'
import { post } from './mails.ts'
import { hashOf, newSecret } from './session.ts'
import { openSession } from './sessions.ts'
import { users, verifications, type UserRow } from './tables.ts'
import { authTokens } from './tokens.ts'
import { isUsable } from './user.ts'

const LIFETIME_MS = 24 * 3_600_000

/** Mails `user` a link that confirms the address, in the transaction that makes it needed. It works once, for 24 h. */
export async function askToConfirm(tx: Db, ctx: Pick<Context, 'now' | 'config'>, user: UserRow): Promise<void> {
  const token = newSecret()
  const expiresAt = new Date(ctx.now().getTime() + LIFETIME_MS)
  await tx.insert(verifications).values({ hash: hashOf(token), userId: user.id, expiresAt })
  await post(tx, ctx, user.email, confirmation(linkTo(ctx.config, 'verify-email', token)))
}

/** Confirms an e-mail address by the token of the mailed link, and signs in. */
export async function verifyEmail(ctx: Context, input: { readonly token: string }) {
  const { token } = parseInput(z.object({ token: z.string().max(512) }), input)
  const now = ctx.now()
  const { opened, user } = await ctx.db.transaction(async (tx) => {
    const hash = hashOf(token)
    const [proof] = await tx
      .update(verifications)
      .set({ usedAt: now })
      .where(and(eq(verifications.hash, hash), isNull(verifications.usedAt), gt(verifications.expiresAt, now)))
      .returning()
    if (!proof) return await refuse(tx, hash)
    const [confirmed] = await tx
      .update(users)
      .set({
        emailVerifiedAt: sql`coalesce(${users.emailVerifiedAt}, ${now.toISOString()}::timestamptz)`,
        status: sql`case ${users.status} when 'PENDING_VERIFICATION' then 'ACTIVE' else ${users.status} end`,
        updatedAt: now,
        version: sql`${users.version} + 1`,
      })
      .where(eq(users.id, proof.userId))
      .returning()
    if (!confirmed || !isUsable(confirmed)) reject('TOKEN_INVALID', 'This link does not work any more.', ['token'])
    // Whoever confirmed by one letter needs no other.
    await tx
      .update(verifications)
      .set({ usedAt: now })
      .where(and(eq(verifications.userId, confirmed.id), isNull(verifications.usedAt)))
    return {
      user: confirmed,
      opened: await openSession(tx, { now, device: ctx.device }, { kind: 'user', id: confirmed.id }),
    }
  })
  return { user, authTokens: await authTokens(ctx, opened) }
}

async function refuse(tx: Db, hash: string): Promise<never> {
  const [known] = await tx.select().from(verifications).where(eq(verifications.hash, hash))
  if (!known || known.usedAt) reject('TOKEN_INVALID', 'This link is unknown or was used before.', ['token'])
  reject('TOKEN_EXPIRED', 'This link is too old. Ask for another.', ['token'])
}

const RESENDS = { points: 3, windowMs: 15 * 60_000 }

/** Mails the link again, if the address has an account that needs it; nobody is told whether it has. */
export async function resendConfirmation(ctx: Context, input: { readonly email: string }): Promise<void> {
  const { email } = parseInput(z.object({ email: emailShape }), input)
  // Past the limit nothing is sent and nobody is told: a stranger must neither fill a mailbox nor learn of an account.
  const { isAllowed } = await ctx.rateLimit.consume(`users:confirmation:${email}`, RESENDS)
  if (!isAllowed) return
  await ctx.db.transaction(async (tx) => {
    const [user] = await tx
      .select()
      .from(users)
      .where(and(eq(users.email, email), eq(users.status, 'PENDING_VERIFICATION')))
    if (user) await askToConfirm(tx, ctx, user)
  })
}
