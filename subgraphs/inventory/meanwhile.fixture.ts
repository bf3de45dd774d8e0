import { sql } from 'drizzle-orm'
import type { Db } from '#platform/database.ts'
import { until } from '../../tests/setup/until.ts'

/**
 * What `begin` begins while `hold` has been done and is not committed yet: it commits once each of them waits for it, and
 * `overtake` was done in between. As many as the pool has connections to spare.
 */
export async function meanwhile<T>(
  db: Db,
  hold: (tx: Db) => Promise<unknown>,
  begin: () => readonly Promise<T>[],
  overtake: () => Promise<unknown> = async () => {},
): Promise<T[]> {
  let begun: readonly Promise<T>[] = []
  await db.transaction(async (tx) => {
    await hold(tx)
    begun = begin()
    await untilWaiting(tx, begun.length)
    await overtake()
  })
  return await Promise.all(begun)
}

/** Until so many statements wait for what others have locked. */
export async function untilWaiting(db: Db, count: number): Promise<void> {
  await until(async () => {
    // Who waits is remembered until the end of a transaction, unless it is told to forget.
    await db.execute(sql`select pg_stat_clear_snapshot()`)
    const waiting = await db.execute(
      sql`select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`,
    )
    return waiting.length >= count
  })
}
