import type { Context } from '#platform/context.ts'
import { periodOf } from '#platform/period.ts'
import { payload } from '#platform/user-errors.ts'
import { client, requireAccount, requireScope, type User } from '#platform/viewer.ts'
import { createAddress, deleteAddress, updateAddress } from './addresses.ts'
import { userStats } from './dashboard.ts'
import { createGuestSession, resumeGuestSession } from './guests.ts'
import { addressById, addressPageOf, identitiesOf, sessionsOf, userById } from './loaders.ts'
import type { Resolvers } from './schema.generated.ts'
import { revokeAllSessions, revokeSession } from './sessions.ts'
import { signIn } from './sign-in.ts'
import type { AddressRow, UserRow } from './tables.ts'
import { refreshSession } from './tokens.ts'
import { isOpenTo } from './user.ts'
import { registerUser, updateProfile } from './users.ts'
import { resendConfirmation, verifyEmail } from './verifications.ts'

/** A field for the person and for staff who may read people; null for everybody else. */
const own =
  <A, R>(field: (user: UserRow, args: A, ctx: Context) => R) =>
  (user: UserRow, args: A, ctx: Context): R | null =>
    isOpenTo(ctx.viewer, user) ? field(user, args, ctx) : null

const addressOf = (id: string | null, ctx: Context) => (id === null ? null : addressById(ctx).load(id))

// Which entries are the defaults stands at the account, which this request may have read before it changed them.
function changed(ctx: Context, address: AddressRow) {
  userById(ctx).clear(address.userId)
  return { address }
}

const account = ({ viewer }: Context): User | null => {
  const asked = client(viewer)
  return asked.kind === 'user' ? asked : null
}

const viewerOf = (ctx: Context) => {
  const id = account(ctx)?.id
  return id ? userById(ctx).load(id) : null
}

export const resolvers: Resolvers = {
  Query: {
    viewer: (_, _args, ctx) => viewerOf(ctx),
    user: (_, { id }, ctx) => (requireScope(ctx.viewer, 'users:read'), userById(ctx).load(id)),
    adminDashboard: (_, period, ctx) => (requireScope(ctx.viewer, 'admin:read'), periodOf(period)),
  },
  Mutation: {
    userRegister: (_, { input }, ctx) => payload(async () => ({ user: await registerUser(ctx, input) })),
    emailVerify: (_, { input }, ctx) => payload(() => verifyEmail(ctx, input)),
    emailVerificationResend: (_, { input }, ctx) =>
      payload(async () => (await resendConfirmation(ctx, input), { ok: true }), { ok: false }),
    profileUpdate: (_, { input }, ctx) =>
      payload(async () => ({ user: await updateProfile(ctx, requireAccount(ctx.viewer), input) })),
    sessionCreate: (_, { input }, ctx) => payload(() => signIn(ctx, input)),
    guestSessionCreate: (_, _args, ctx) => payload(() => createGuestSession(ctx)),
    guestSessionResume: (_, { input }, ctx) => payload(() => resumeGuestSession(ctx, input)),
    sessionRefresh: (_, { input }, ctx) => payload(() => refreshSession(ctx, input)),
    sessionRevoke: (_, { input }, ctx) =>
      payload(async () => (await revokeSession(ctx, requireAccount(ctx.viewer), input), { ok: true }), { ok: false }),
    sessionRevokeAll: (_, _args, ctx) =>
      payload(async () => ({ revokedCount: await revokeAllSessions(ctx, requireAccount(ctx.viewer)) })),
    addressCreate: (_, { input }, ctx) =>
      payload(async () => changed(ctx, await createAddress(ctx, requireAccount(ctx.viewer), input))),
    addressUpdate: (_, { input }, ctx) =>
      payload(async () => changed(ctx, await updateAddress(ctx, requireAccount(ctx.viewer), input))),
    addressDelete: (_, { input }, ctx) =>
      payload(async () => ({ deletedId: await deleteAddress(ctx, requireAccount(ctx.viewer), input) })),
  },
  User: {
    __resolveReference: ({ id }, ctx) => userById(ctx).load(id),
    email: own(({ email }) => email),
    emailVerifiedAt: own(({ emailVerifiedAt }) => emailVerifiedAt),
    firstName: own(({ firstName }) => firstName),
    lastName: own(({ lastName }) => lastName),
    phone: own(({ phone }) => phone),
    locale: own(({ locale }) => locale),
    status: own(({ status }) => status),
    roles: own(({ roles }) => roles),
    addresses: own(({ id: userId }, args, ctx) => addressPageOf(ctx).load({ userId, args })),
    defaultShippingAddress: own(({ defaultShippingAddressId: id }, _, ctx) => addressOf(id, ctx)),
    defaultBillingAddress: own(({ defaultBillingAddressId: id }, _, ctx) => addressOf(id, ctx)),
    sessions: own(({ id }, _, ctx) => sessionsOf(ctx).load(id)),
    identities: own(({ id }, _, ctx) => identitiesOf(ctx).load(id)),
    updatedAt: own(({ updatedAt }) => updatedAt),
    version: own(({ version }) => version),
  },
  AdminDashboard: { __resolveReference: periodOf, users: (period, _, ctx) => userStats(ctx, period) },
  Address: {
    isDefaultShipping: async ({ id, userId }, _, ctx) =>
      (await userById(ctx).load(userId))?.defaultShippingAddressId === id,
    isDefaultBilling: async ({ id, userId }, _, ctx) =>
      (await userById(ctx).load(userId))?.defaultBillingAddressId === id,
  },
  Session: { isCurrent: ({ id }, _, ctx) => id === account(ctx)?.sessionId },
}
