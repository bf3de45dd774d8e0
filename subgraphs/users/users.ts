import { and, eq, inArray, sql } from 'drizzle-orm'
import { z } from 'zod'
import type { Context } from '#platform/context.ts'
import { isId } from '#platform/ids.ts'
import { parseInput, reject, rejectStale } from '#platform/user-errors.ts'
import type { Owner } from '#platform/viewer.ts'
import { email, hashPassword, password } from './credential.ts'
import { claimGuest, followClaim } from './claims.ts'
import type { ProfileUpdateInput, UserRegisterInput } from './schema.generated.ts'
import { identities, users, type IdentityRow, type UserRow } from './tables.ts'
import { initialDisplayName } from './user.ts'
import { askToConfirm } from './verifications.ts'

const name = z.string().trim().min(1, 'A name has 1 to 100 characters.').max(100, 'A name has 1 to 100 characters.')
const optionalName = name.nullish().transform((given) => given ?? null)

const registration = z.object({ email, password, firstName: optionalName, lastName: optionalName })

/** Opens an account, not confirmed yet. Asked by a guest, the account gets the guest's things. */
export async function registerUser(ctx: Context, input: UserRegisterInput): Promise<UserRow> {
  const { email: address, password: secret, ...names } = parseInput(registration, input)
  const passwordHash = await hashPassword(secret)
  const now = ctx.now()
  const { user, claim } = await ctx.db.transaction(async (tx) => {
    const [added] = await tx
      .insert(users)
      .values({
        ...names,
        email: address,
        displayName: initialDisplayName(names),
        status: 'PENDING_VERIFICATION',
        roles: ['CUSTOMER'],
        createdAt: now,
        updatedAt: now,
      })
      .onConflictDoNothing({ target: users.email })
      .returning()
    if (!added) reject('CONFLICT', 'This e-mail address has an account. Sign in instead.', ['email'])
    await tx
      .insert(identities)
      .values({ userId: added.id, provider: 'PASSWORD', subject: address, linkedAt: now, passwordHash })
    await askToConfirm(tx, ctx, added)
    return { user: added, claim: await claimGuest(tx, ctx, added.id, input.cartMergeStrategy ?? 'SUM_QUANTITIES') }
  })
  await followClaim(ctx, claim)
  return user
}

const profile = z.object({
  firstName: name.nullish(),
  lastName: name.nullish(),
  displayName: z
    .string('Others see this name; it cannot be cleared.')
    .trim()
    .min(1, 'This name has 1 to 80 characters.')
    .max(80, 'This name has 1 to 80 characters.')
    .optional(),
  phone: z
    .string()
    .regex(/^\+[1-9]\d{6,14}$/, 'A phone number has E.164 form, such as +493012345678.')
    .nullish(),
  locale: z.string().max(35).refine(isLanguageTag, 'A language is a BCP 47 tag, such as de-DE.').nullish(),
})

function isLanguageTag(tag: string): boolean {
  try {
    return new Intl.Locale(tag).toString().length > 0
  } catch {
    return false
  }
}

/** Changes the profile; what is left out stays, null clears. */
export async function updateProfile(ctx: Context, { id }: Owner, input: ProfileUpdateInput): Promise<UserRow> {
  const changes = parseInput(profile, input)
  const { expectedVersion } = input
  const [user] = await ctx.db
    .update(users)
    .set({ ...changes, updatedAt: ctx.now(), version: sql`${users.version} + 1` })
    .where(and(eq(users.id, id), expectedVersion == null ? undefined : eq(users.version, expectedVersion)))
    .returning()
  if (user) return user
  const [current] = await readUsers(ctx, [id])
  return current ? rejectStale(current.version) : reject('NOT_FOUND', 'There is no such account.')
}

/** Accounts by id, in any order. Malformed and unknown ids have none. */
export async function readUsers({ db }: Pick<Context, 'db'>, ids: readonly string[]): Promise<UserRow[]> {
  const known = ids.filter(isId)
  return known.length === 0 ? [] : await db.select().from(users).where(inArray(users.id, known))
}

/** Ways to sign in to these accounts, oldest first. */
export async function readIdentities({ db }: Pick<Context, 'db'>, userIds: readonly string[]): Promise<IdentityRow[]> {
  return await db
    .select()
    .from(identities)
    .where(inArray(identities.userId, [...userIds]))
    .orderBy(identities.linkedAt, identities.id)
}
