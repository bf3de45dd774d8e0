import { createHash } from 'node:crypto'
import { and, eq, sql, type SQL } from 'drizzle-orm'
import type { IdempotencyTable } from './columns.ts'
import { isTaken, type Db } from './database.ts'
import { keyProblems, reject, Rejection } from './user-errors.ts'

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
  const requestHash = hashOf({ key, request })
  return await db.transaction(async (tx) => {
    // A second call waits here, on the primary key, until the first commits or rolls back.
    const claimed = await tx
      .insert(table)
      .values({ scope, key, requestHash, reply: {}, createdAt: now() })
      .onConflictDoNothing()
      .returning({ key: table.key })
    const mine = and(eq(table.scope, scope), eq(table.key, key))
    if (claimed.length === 0) {
      const earlier = await earlierReply<T>(tx, table, { scope, key, requestHash })
      return { reply: earlier!.reply, isReplay: true }
    }
    const reply = await run(tx)
    await tx.update(table).set({ reply: reply }).where(mine)
    return { reply, isReplay: false }
  })
}

/**
 * The same for a command whose whole effect is one statement. `act` sends it with `remember(reply, from)` among its parts:
 * an INSERT that keeps the key and `reply`, an SQL expression of jsonb, once there is a row in `from`, the effect:
 *
 * ```ts
 * await idempotentStatement(ctx, keys, keyed, async (remember) => {
 *   const [row] = await ctx.db.execute<{ id: string }>(sql`
 *     with closed as (update carts set status = 'CONVERTED' where id = ${id} and status = 'FROZEN' returning id),
 *       remembered as (${remember(sql`jsonb_build_object('id', closed.id)`, sql`closed`)})
 *     select id from closed`)
 *   return row
 * })
 * ```
 *
 * `act` returns its reply, or undefined when a guard held it back: then nothing is kept, and the answer is null unless
 * the key was used before. A second call with the key fails on it, effect and all, and gets the first one's reply.
 * @throws Rejection IDEMPOTENCY_KEY_REUSED when the key came with another request.
 */
export async function idempotentStatement<T>(
  { db, now }: { db: Db; now(): Date },
  table: IdempotencyTable,
  { scope, key, request }: Keyed,
  act: (remember: (reply: SQL, from: SQL) => SQL) => Promise<T | undefined>,
): Promise<{ reply: T; isReplay: boolean } | null> {
  const requestHash = hashOf({ key, request })
  const createdAt = now().toISOString()
  const remember = (reply: SQL, from: SQL) =>
    sql`insert into ${table} (scope, key, request_hash, reply, created_at)
      select ${scope}, ${key}, ${requestHash}, ${reply}, ${createdAt}::timestamptz from ${from}`
  const reply = await act(remember).catch((error: unknown) => {
    if (!isTaken(error, 'idempotency_keys_scope_key_pk')) throw error
    return undefined
  })
  if (reply !== undefined) return { reply, isReplay: false }
  const earlier = await earlierReply<T>(db, table, { scope, key, requestHash })
  return earlier && { ...earlier, isReplay: true }
}

/** Of what was asked. @throws Rejection INVALID when the key cannot be one. */
function hashOf({ key, request }: Pick<Keyed, 'key' | 'request'>): string {
  const problems = keyProblems(key)
  if (problems.length > 0) throw new Rejection(problems)
  return createHash('sha256').update(JSON.stringify(request)).digest('hex')
}

/** What a key was answered with before; null when it was not used. @throws Rejection IDEMPOTENCY_KEY_REUSED */
async function earlierReply<T>(
  db: Db,
  table: IdempotencyTable,
  { scope, key, requestHash }: Pick<Keyed, 'scope' | 'key'> & { requestHash: string },
): Promise<{ reply: T } | null> {
  const mine = and(eq(table.scope, scope), eq(table.key, key))
  const [earlier] = await db.select().from(table).where(mine)
  if (!earlier) return null
  if (earlier.requestHash !== requestHash) {
    reject('IDEMPOTENCY_KEY_REUSED', 'This key was used before with different input.', ['idempotencyKey'])
  }
  return { reply: earlier.reply as T }
}
