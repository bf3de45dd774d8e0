import { sql } from 'drizzle-orm'
import type { Db } from '#platform/database.ts'
import { invariants } from './invariants.ts'

/** Rows that break what always holds of the stock, and which of it; none when all is well. */
export async function stockProblems(db: Db): Promise<unknown[]> {
  const broken = await Promise.all(
    invariants.map(async ({ name, sql: query }) =>
      (await db.execute(sql.raw(query))).map((row) => ({ invariant: name, ...row })),
    ),
  )
  return broken.flat()
}
