import { sql } from 'drizzle-orm'
import type { Db } from '#platform/database.ts'
import { until } from './until.ts'

/** How many statements on this database wait for what others have locked. */
export async function waiting(db: Db): Promise<number> {
  // Who waits is remembered until the end of a transaction, unless it is told to forget.
  await db.execute(sql`select pg_stat_clear_snapshot()`)
  const rows = await db.execute(
    sql`select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`,
  )
  return rows.length
}

/** Until so many do. */
export const untilWaiting = (db: Db, count = 1): Promise<true> => until(async () => (await waiting(db)) >= count)
