import { and, eq, isNull } from 'drizzle-orm'
import { z } from 'zod'
import type { Context } from '#platform/context.ts'
import type { Db } from '#platform/database.ts'
import { parseInput, reject } from '#platform/user-errors.ts'
import { openSession } from './sessions.ts'
import { hashOf, newSecret } from './session.ts'
import { guestLinks, guests } from './tables.ts'
import { authTokens } from './tokens.ts'

const LINK_DAYS = 30

/** Makes a visitor a guest, with tokens of their own. */
export async function createGuestSession(ctx: Context) {
  const now = ctx.now()
  const opened = await ctx.db.transaction(async (tx) => {
    const [guest] = await tx.insert(guests).values({ createdAt: now }).returning()
    return await openSession(tx, { now, device: ctx.device }, { kind: 'guest', id: guest!.id })
  })
  return { authTokens: await authTokens(ctx, opened) }
}

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
    const [link] = await tx
      .select()
      .from(guestLinks)
      .where(eq(guestLinks.hash, hashOf(token)))
    if (!link) unknownLink()
    if (link.expiresAt <= now) reject('TOKEN_EXPIRED', 'This link is too old.', ['token'])
    // Locked, so that a claim either ends the new session too or is seen here.
    const [guest] = await tx
      .select()
      .from(guests)
      .where(and(eq(guests.id, link.guestId), isNull(guests.claimedBy)))
      .for('share')
    if (!guest) unknownLink()
    return await openSession(tx, { now, device: ctx.device }, { kind: 'guest', id: guest.id })
  })
  return { authTokens: await authTokens(ctx, opened) }
}

function unknownLink(): never {
  reject('NOT_FOUND', 'This link is unknown, or its guest has an account now.', ['token'])
}
