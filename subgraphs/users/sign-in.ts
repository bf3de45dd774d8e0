import { and, eq } from 'drizzle-orm'
import { z } from 'zod'
import type { Context } from '#platform/context.ts'
import { parseInput, reject } from '#platform/user-errors.ts'
import { isPassword } from './credential.ts'
import { claimGuest, followClaim } from './claims.ts'
import type { SessionCreateInput } from './schema.generated.ts'
import { openSession } from './sessions.ts'
import { identities, users } from './tables.ts'
import { admitSignIn, noteFailure, noteSuccess } from './throttle.ts'
import { authTokens } from './tokens.ts'
import { isUsable } from './user.ts'

// Looser than at registration: what cannot be right is wrong, not malformed.
const credentials = z.object({
  email: z.string().trim().toLowerCase().max(320),
  password: z.string().max(128),
})

/** Signs in by e-mail address and password. Asked by a guest, the account gets the guest's things. */
export async function signIn(ctx: Context, input: SessionCreateInput) {
  const { email, password } = parseInput(credentials, input)
  await admitSignIn(ctx, email)
  const [found] = await ctx.db
    .select({ user: users, hash: identities.passwordHash })
    .from(identities)
    .innerJoin(users, eq(users.id, identities.userId))
    .where(and(eq(identities.provider, 'PASSWORD'), eq(identities.subject, email)))
  const isRight = await isPassword(password, found?.hash ?? null)
  if (!found || !isRight) {
    await noteFailure(ctx, email)
    reject('CREDENTIALS_INVALID', 'E-mail address and password do not match.')
  }
  const { user } = found
  if (!isUsable(user)) reject('FORBIDDEN', 'This account is locked.')
  if (ctx.config.REQUIRE_VERIFIED_EMAIL && !user.emailVerifiedAt) {
    reject('FORBIDDEN', 'Confirm your e-mail address first.', ['email'])
  }
  await noteSuccess(ctx, email)
  const { opened, claim } = await ctx.db.transaction(async (tx) => ({
    claim: await claimGuest(tx, ctx, user.id, input.cartMergeStrategy ?? 'SUM_QUANTITIES'),
    opened: await openSession(tx, { now: ctx.now(), device: ctx.device }, { kind: 'user', id: user.id }),
  }))
  await followClaim(ctx, claim)
  return { authTokens: await authTokens(ctx, opened), user }
}
