import { and, asc, eq, inArray, sql, type Column, type SQL } from 'drizzle-orm'
import type { Context } from '#platform/context.ts'
import { Rejection } from '#platform/user-errors.ts'
import type { Recorded } from './ledger.ts'
import { payments, paymentTransactions } from './tables.ts'

const BATCH = 20
// What a pass begins after this is left to the next: one provider that does not answer costs many seconds a movement.
const PASS_MS = 30_000
const LONGEST_REST_SECONDS = 600

type Movement = Pick<Recorded, 'transaction' | 'payment'>

/**
 * Has `run` look at each movement that `which` says is due, the one that nobody looked at for longest first: those that
 * come to nothing keep no other waiting. They are looked at again after a tenth of their age, ten minutes at most. Several
 * processes share them. What is refused for now is left to a later pass.
 * @throws AggregateError at the end, of what went wrong otherwise.
 */
export async function eachDue(
  ctx: Context,
  which: SQL | undefined,
  run: (movement: Movement) => Promise<unknown>,
): Promise<void> {
  const failures: Error[] = []
  const began = performance.now()
  for (let count = BATCH; count === BATCH && performance.now() - began < PASS_MS;) {
    const movements = await take(ctx, which)
    count = movements.length
    failures.push(...(await attempted(ctx, movements, run)))
  }
  if (failures.length > 0) throw new AggregateError(failures, `${failures.length} payments cannot be looked into`)
}

/** Runs `run` on each movement, whatever comes of the others. Returns what went wrong beyond being refused for now. */
export async function attempted(
  { log }: Context,
  movements: readonly Movement[],
  run: (movement: Movement) => Promise<unknown>,
): Promise<Error[]> {
  const failures: Error[] = []
  for (const movement of movements) {
    const paymentId = movement.payment.id
    await run(movement).catch((error: unknown) => {
      if (error instanceof Rejection)
        log.warn({ paymentId }, 'a movement is still without an answer; it is tried again')
      else failures.push(new Error(`Payment ${paymentId}: ${String(error)}`, { cause: error }))
    })
  }
  return failures
}

const take = ({ db, now }: Context, which: SQL | undefined): Promise<Movement[]> =>
  db.transaction(async (tx) => {
    const { lookedAt, at, id } = paymentTransactions
    const since = (then: Column) => sql`extract(epoch from ${now().toISOString()}::timestamptz - ${then})`
    const isRested = sql`(${lookedAt} is null or ${since(lookedAt)} > least(${since(at)} / 10, ${LONGEST_REST_SECONDS}))`
    const due = await tx
      .select({ transaction: paymentTransactions, payment: payments })
      .from(paymentTransactions)
      .innerJoin(payments, eq(payments.id, paymentTransactions.paymentId))
      .where(and(which, isRested))
      .orderBy(sql`${lookedAt} nulls first`, asc(at))
      .limit(BATCH)
      .for('update', { skipLocked: true })
    const ids = due.map(({ transaction }) => transaction.id)
    if (due.length > 0) await tx.update(paymentTransactions).set({ lookedAt: now() }).where(inArray(id, ids))
    return due
  })
