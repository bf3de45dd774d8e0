import { createHash } from 'node:crypto'
import { and, eq } from 'drizzle-orm'
import type { Db } from './database.ts'
import type { IdempotencyTable } from './columns.ts'
import { reject } from './user-errors.ts'

export interface Keyed {
  /** Whose key and which command: keys of different callers and commands never meet. */
  scope: string
  /** 1 to 128 characters, chosen by the caller. */
  key: string
  /** What was asked; the same key with another request is refused. */
  request: unknown
}

/**
 * Carries a command out once per key. Effect, key and reply commit in one transaction; a second call waits for the first
 * and gets its reply. A rejected or crashed try leaves nothing behind, so the key may be sent again.
 * @throws Rejection IDEMPOTENCY_KEY_REUSED when the key came with another request.
 */
export async function idempotent<T>(
  { db, now }: { db: Db; now(): Date },
  table: IdempotencyTable,
  { scope, key, request }: Keyed,
  run: (tx: Db) => Promise<T>,
): Promise<{ reply: T; isReplay: boolean }> {
  if (key.length < 1 || key.length > 128) {
    reject('INVALID', 'A key has 1 to 128 characters.', ['idempotencyKey'])
  }
  const requestHash = createHash('sha256').update(JSON.stringify(request)).digest('hex')
  return await db.transaction(async (tx) => {
    // A second call waits here, on the primary key, until the first commits or rolls back.
    const claimed = await tx
      .insert(table)
      .values({ scope, key, requestHash, reply: {}, createdAt: now() })
      .onConflictDoNothing()
      .returning({ key: table.key })
    const mine = and(eq(table.scope, scope), eq(table.key, key))
    if (claimed.length === 0) {
      const [earlier] = await tx.select().from(table).where(mine)
      if (earlier?.requestHash !== requestHash) {
        reject('IDEMPOTENCY_KEY_REUSED', 'This key was used before with different input.', ['idempotencyKey'])
      }
      return { reply: earlier.reply as T, isReplay: true }
    }
    const reply = await run(tx)
    await tx.update(table).set({ reply: reply }).where(mine)
    return { reply, isReplay: false }
  })
}
