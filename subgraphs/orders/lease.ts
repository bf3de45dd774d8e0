import { and, eq, sql, type SQL } from 'drizzle-orm'
import type { Context } from '#platform/context.ts'
import type { Db } from '#platform/database.ts'
import { checkouts, type CheckoutRow } from './tables.ts'

/** The right to carry a checkout on: whoever took it last has it. */
export interface Lease {
  checkoutId: string
  token: number
}

/** Somebody else carries the checkout on. */
export class LeaseLost extends Error {
  override name = 'LeaseLost'
}

/** When a lease taken now may be taken over. */
export const leaseEnd = ({ now, config }: Pick<Context, 'now' | 'config'>): Date =>
  new Date(now().getTime() + config.CHECKOUT_LEASE_SECONDS * 1000)

export const leaseOf = ({ id, leaseToken }: CheckoutRow): Lease => ({ checkoutId: id, token: leaseToken })

/**
 * Changes a checkout as the holder of its lease, and renews the lease unless `set` says otherwise.
 * @throws LeaseLost when another took it over, or `guard` does not hold.
 */
export async function changeLeased(
  tx: Db,
  ctx: Pick<Context, 'now' | 'config'>,
  { checkoutId, token }: Lease,
  set: Partial<{ [K in keyof typeof checkouts.$inferInsert]: (typeof checkouts.$inferInsert)[K] | SQL }>,
  guard?: SQL,
): Promise<CheckoutRow> {
  const [row] = await tx
    .update(checkouts)
    .set({ leaseUntil: leaseEnd(ctx), ...set, version: sql`${checkouts.version} + 1`, updatedAt: ctx.now() })
    .where(and(eq(checkouts.id, checkoutId), eq(checkouts.leaseToken, token), guard))
    .returning()
  if (!row) throw new LeaseLost()
  return row
}

/** Tells whoever watches. */
export const tell = ({ live }: Pick<Context, 'live'>, { id, version }: CheckoutRow): Promise<void> =>
  live.publish(`checkout:${id}`, { sequence: version })
