import { and, eq, sql } from 'drizzle-orm'
import type { Context } from '#platform/context.ts'
import type { Db } from '#platform/database.ts'
import { claims, payments } from './tables.ts'

/** A guest signed in: the guest's payments, later ones included, become the account's. Again it changes nothing. */
export async function claimPayments(
  { db, now }: Pick<Context, 'db' | 'now'>,
  { guestId, userId }: { guestId: string; userId: string },
): Promise<void> {
  await db.transaction(async (tx) => {
    await lockGuest(tx, guestId)
    await tx.insert(claims).values({ guestId, userId }).onConflictDoNothing()
    await tx
      .update(payments)
      .set({ ownerKind: 'user', ownerId: userId, updatedAt: now(), version: sql`${payments.version} + 1` })
      .where(and(eq(payments.ownerKind, 'guest'), eq(payments.ownerId, guestId)))
  })
}

/** The account that a guest became; null for one who has not signed in. Stays so until `tx` ends. */
export async function claimantOf(tx: Db, guestId: string): Promise<string | null> {
  await lockGuest(tx, guestId)
  const [claim] = await tx.select().from(claims).where(eq(claims.guestId, guestId))
  return claim?.userId ?? null
}

// A payment being made and a sign-in wait for each other: one of them sees what the other did.
const lockGuest = (tx: Db, guestId: string) =>
  tx.execute(sql`select pg_advisory_xact_lock(hashtextextended(${`payments.guest:${guestId}`}, 0))`)
