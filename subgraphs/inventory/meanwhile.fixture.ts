import type { Db } from '#platform/database.ts'
import { untilWaiting } from '../../tests/setup/waiting.ts'

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
