import { getTableColumns, is, SQL, sql } from 'drizzle-orm'
import { toSnakeCase } from 'drizzle-orm/casing'
import type { PgColumn, PgUpdateSetSource } from 'drizzle-orm/pg-core'
import type { Context } from '#platform/context.ts'
import { rowOf, type JsonRow } from '#platform/rows.ts'
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
  const parts = Object.entries(steps.length > 0 ? { noted: noteSteps(steps), ...effects } : effects)
  const others = parts.map(([name, part]) => sql`, ${sql.identifier(name)} as (${part})`)
  // Written by hand: building and reading it column by column took a third of the time that a checkout takes.
  const [row] = await db.execute<{ checkout: JsonRow; ordered: JsonRow | null }>(sql`
    with moved as (
      update ${checkouts} set ${assignments({ ...set, updatedAt: now() })}, version = ${checkouts.version} + 1
      where ${where} returning *
    )${sql.join(others)}
    select to_jsonb(moved) as checkout, to_jsonb(o) as ordered
    from moved left join ${orders} o on o.id = moved.order_id`)
  return row ? { checkout: rowOf(checkouts, row.checkout), order: row.ordered && rowOf(orders, row.ordered) } : null
}

function assignments(set: PgUpdateSetSource<typeof checkouts>): SQL {
  const columns: Record<string, PgColumn> = getTableColumns(checkouts)
  const each = Object.entries(set).map(([key, value]) => {
    const given = is(value, SQL) ? value : sql.param(value, columns[key])
    return sql`${sql.identifier(toSnakeCase(key))} = ${given}`
  })
  return sql.join(each, sql`, `)
}

const noteSteps = (steps: readonly StepRecord[]): SQL => sql`
  insert into ${checkoutSteps} (checkout_id, attempt, name, status, tries, started_at, finished_at, error, result)
  select moved.id, moved.attempt, name, s.status, tries, "startedAt", "finishedAt", error, result
  from moved, jsonb_to_recordset(${JSON.stringify(steps)}::jsonb) as s(name text, status text, tries integer,
    "startedAt" timestamptz, "finishedAt" timestamptz, error text, result jsonb)
  on conflict (checkout_id, attempt, name) do update
  set status = excluded.status, tries = excluded.tries, finished_at = excluded.finished_at, error = excluded.error,
    result = excluded.result`
