import { eq, sql, type SQL } from 'drizzle-orm'
import type { PgUpdateSetSource } from 'drizzle-orm/pg-core'
import type { Context } from '#platform/context.ts'
import type { StepRecord } from './checkout.ts'
import { checkouts, checkoutSteps, orders, type CheckoutRow, type OrderRow } from './tables.ts'

/** What changes of a checkout at once. */
export interface Transition {
  set: PgUpdateSetSource<typeof checkouts>
  /** Steps of its attempt as they are from now on. */
  steps?: readonly StepRecord[]
  /** What else becomes true with it: parts of the statement by name. Each takes its rows from `moved`, which is the checkout
   * as it is then, or from another part that does. */
  effects?: Readonly<Record<string, SQL>>
}

export interface Moved {
  checkout: CheckoutRow
  /** Its order, if it was there before. */
  order: OrderRow | null
}

/**
 * Changes the checkout that `where` finds, with everything that becomes true by it, in one statement: a checkout that
 * moved meanwhile is not found, and then nothing at all is written. Null then.
 */
export async function transition(
  { db, now }: Pick<Context, 'db' | 'now'>,
  where: SQL | undefined,
  { set, steps = [], effects = {} }: Transition,
): Promise<Moved | null> {
  const changed = { ...set, version: sql`${checkouts.version} + 1`, updatedAt: now() }
  const moved = db.$with('moved').as(db.update(checkouts).set(changed).where(where).returning())
  const parts = Object.entries(steps.length > 0 ? { noted: noteSteps(steps), ...effects } : effects)
  const [row] = await db
    .with(moved, ...parts.map(([name, part]) => db.$with(name, {}).as(part)))
    .select()
    .from(moved)
    .leftJoin(orders, eq(orders.id, moved.orderId))
  return row ? { checkout: row.moved, order: row.orders } : null
}

const noteSteps = (steps: readonly StepRecord[]): SQL => sql`
  insert into ${checkoutSteps} (checkout_id, attempt, name, status, tries, started_at, finished_at, error, result)
  select moved.id, moved.attempt, name, s.status, tries, "startedAt", "finishedAt", error, result
  from moved, jsonb_to_recordset(${JSON.stringify(steps)}::jsonb) as s(name text, status text, tries integer,
    "startedAt" timestamptz, "finishedAt" timestamptz, error text, result jsonb)
  on conflict (checkout_id, attempt, name) do update
  set status = excluded.status, tries = excluded.tries, finished_at = excluded.finished_at, error = excluded.error,
    result = excluded.result`
