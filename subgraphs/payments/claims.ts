import { and, eq, sql } from 'drizzle-orm'
import type { Context } from '#platform/context.ts'
import { payments } from './tables.ts'

/** A guest signed in: the guest's payments become the account's. Doing it again changes nothing. */
export async function claimPayments(
  { db, now }: Pick<Context, 'db' | 'now'>,
  { guestId, userId }: { guestId: string; userId: string },
): Promise<void> {
  await db
    .update(payments)
    .set({ ownerKind: 'user', ownerId: userId, updatedAt: now(), version: sql`${payments.version} + 1` })
    .where(and(eq(payments.ownerKind, 'guest'), eq(payments.ownerId, guestId)))
}
