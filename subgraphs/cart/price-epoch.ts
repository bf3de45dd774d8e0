import { sql, type SQL } from 'drizzle-orm'
import type { Db } from '#platform/database.ts'
import { priceEpoch } from './tables.ts'

/** What prices carts have today: it grows with every change of the catalogue, of promotions and of taxes. */
export const currentEpoch = sql<number>`coalesce((select ${priceEpoch.epoch} from ${priceEpoch}), 0)`

/**
 * Prices changed: what carts came to until now counts no more. Its row is locked after all others, as a checkout that
 * uses an offer up does it in the same order.
 */
export async function raiseEpoch(db: Db): Promise<void> {
  await db.execute(raised(sql`from (values (true)) as always`))
}

/** The same as a part of a statement, once if `from` has rows. Counted, so that all of them are locked before this one. */
export const raised = (from: SQL): SQL => sql`
  insert into ${priceEpoch} as e (is_only, epoch) select true, 1 ${from} having count(*) > 0
  on conflict (is_only) do update set epoch = e.epoch + 1`
