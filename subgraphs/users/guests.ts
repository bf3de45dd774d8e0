import { and, eq, isNull } from 'drizzle-orm'
import { z } from 'zod'
import type { Context } from '#platform/context.ts'
import type { Db } from '#platform/database.ts'
import { announce } from '#platform/facts.ts'
import { parseInput, reject } from '#platform/user-errors.ts'
import { client, type Owner } from '#platform/viewer.ts'
import { mergeCart } from './calls/cart.ts'
import { GuestClaimed } from './events.ts'
import { tellRevoked } from './revocations.ts'
import type { CartMergeStrategy } from './schema.generated.ts'
import { endSessionsOf, openSession } from './sessions.ts'
import { hashOf, newSecret } from './session.ts'
import { guestLinks, guests } from './tables.ts'
import { authTokens } from './tokens.ts'

/** Makes a visitor a guest, with tokens of their own. */
export async function createGuestSession(ctx: Context) {
  const now = ctx.now()
  const opened = await ctx.db.transaction(async (tx) => {
    const [guest] = await tx.insert(guests).values({ createdAt: now }).returning()
    return await openSession(tx, now, { kind: 'guest', id: guest!.id })
  })
  return { authTokens: await authTokens(ctx, opened) }
}

const LINK_DAYS = 30

/**
 * A token for the link in a guest's mail; works for 30 days, as often as it is opened. Null when what was the guest's is
 * an account's by now.
 */
export async function linkForGuest(tx: Db, now: Date, guestId: string): Promise<string | null> {
  const [guest] = await tx
    .select()
    .from(guests)
    .where(and(eq(guests.id, guestId), isNull(guests.claimedBy)))
  if (!guest) return null
  const token = newSecret()
  const expiresAt = new Date(now.getTime() + LINK_DAYS * 86_400_000)
  await tx.insert(guestLinks).values({ hash: hashOf(token), guestId, expiresAt })
  return token
}

/** Opens a guest's session again by the token of a mailed link. */
export async function resumeGuestSession(ctx: Context, input: { readonly token: string }) {
  const { token } = parseInput(z.object({ token: z.string().max(512) }), input)
  const now = ctx.now()
  const opened = await ctx.db.transaction(async (tx) => {
    // Locked, so that a claim either ends this session too or is seen here.
    const [found] = await tx
      .select({ link: guestLinks, guest: guests })
      .from(guestLinks)
      .innerJoin(guests, eq(guests.id, guestLinks.guestId))
      .where(and(eq(guestLinks.hash, hashOf(token)), isNull(guests.claimedBy)))
      .for('share', { of: guests })
    if (!found) reject('NOT_FOUND', 'This link is unknown, or its guest has an account now.', ['token'])
    if (found.link.expiresAt <= now) reject('TOKEN_EXPIRED', 'This link is too old.', ['token'])
    return await openSession(tx, now, { kind: 'guest', id: found.guest.id })
  })
  return { authTokens: await authTokens(ctx, opened) }
}

/** What became an account's. */
export interface Claim {
  guestId: string
  userId: string
  strategy: CartMergeStrategy
  endedSessions: string[]
}

/**
 * Makes what the asking guest has the account's: announced in the transaction that signs in, and the guest's sessions
 * end with it. Null when nobody asks as a guest, or as one whose things are an account's already. Go on with
 * `followClaim` after the commit.
 */
export async function claimGuest(
  tx: Db,
  ctx: Context,
  userId: string,
  strategy: CartMergeStrategy,
): Promise<Claim | null> {
  const viewer = client(ctx.viewer)
  if (viewer.kind !== 'guest') return null
  const [claimed] = await tx
    .update(guests)
    .set({ claimedBy: userId })
    .where(and(eq(guests.id, viewer.id), isNull(guests.claimedBy)))
    .returning()
  if (!claimed) return null
  const guest: Owner = { kind: 'guest', id: viewer.id }
  const endedSessions = await endSessionsOf(tx, ctx.now(), guest, 'CLAIM')
  await announce(tx, ctx, GuestClaimed, {
    entityId: guest.id,
    entityVersion: 1,
    owner: { kind: 'user', id: userId },
    data: { guestId: guest.id, userId, cartMergeStrategy: strategy },
  })
  return { guestId: guest.id, userId, strategy, endedSessions }
}

/** Has the cart merged before the buyer looks at it, and the guest's tokens refused. */
export async function followClaim(ctx: Context, claim: Claim | null): Promise<void> {
  if (!claim) return
  await tellRevoked(ctx, claim.endedSessions)
  // Signing in must not fail with the cart: GuestClaimed has it merged as soon as it can be.
  await mergeCart(ctx, claim).catch((err: unknown) =>
    ctx.log.warn({ err, guestId: claim.guestId }, 'the cart is merged later'),
  )
}
