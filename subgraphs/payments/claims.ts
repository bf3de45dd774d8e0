import { and, eq, sql } from 'drizzle-orm'
import type { Context } from '#platform/context.ts'
import { claims, payments } from './tables.ts'

/** A guest signed in: the guest's payments, later ones included, become the account's. Again it changes nothing. */
export async function claimPayments(
  { db, now }: Pick<Context, 'db' | 'now'>,
  { guestId, userId }: { guestId: string; userId: string },
): Promise<void> {
  await db.transaction(async (tx) => {
    // Waits for a payment that is being made; the next one waits for this. The first account stays.
    await tx
      .insert(claims)
      .values({ guestId, userId })
      .onConflictDoUpdate({
        target: claims.guestId,
        set: { userId: sql`coalesce(${claims.userId}, excluded.user_id)` },
      })
    await tx
      .update(payments)
      .set({ ownerKind: 'user', ownerId: userId, updatedAt: now(), version: sql`${payments.version} + 1` })
      .where(and(eq(payments.ownerKind, 'guest'), eq(payments.ownerId, guestId)))
  })
}
