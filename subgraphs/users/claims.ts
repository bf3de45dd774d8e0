import { setTimeout } from 'node:timers/promises'
import { and, eq, isNull } from 'drizzle-orm'
import type { Context } from '#platform/context.ts'
import type { Db } from '#platform/database.ts'
import { announce } from '#platform/facts.ts'
import { client, type Owner } from '#platform/viewer.ts'
import { mergeCart } from './calls/cart.ts'
import { GuestClaimed } from './events.ts'
import { tellRevoked } from './revocations.ts'
import type { CartMergeStrategy } from './schema.generated.ts'
import { endSessionsOf } from './sessions.ts'
import { guests } from './tables.ts'

const PATIENCE_MS = 3_000

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
  // Signing in neither fails with the cart nor waits for it for long: GuestClaimed has it merged as soon as it can be.
  await Promise.race([mergeCart(ctx, claim), setTimeout(PATIENCE_MS, undefined, { ref: false })]).catch(
    (err: unknown) => ctx.log.warn({ err, guestId: claim.guestId }, 'the cart is merged later'),
  )
}
