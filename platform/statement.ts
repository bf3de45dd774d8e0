import { sql, type SQL } from 'drizzle-orm'
import type { Db } from './database.ts'

/**
 * The parts of one statement by their names, as in `with due as (…), moved as (…)`. All of them see the data as it was
 * when the statement began, but for rows that they lock or change: those they take as they are by then. Parts that change
 * something always run, in an order that only what they read from each other decides.
 */
export type Parts = Record<string, SQL>

/** The parts for drizzle: `db.with(...withParts(db, parts)).select({ … }).from(partOf(db, 'moved'))`. */
export const withParts = (db: Db, parts: Parts) =>
  Object.entries(parts).map(([name, part]) => db.$with(name, {}).as(part))

/** One of the parts, to select from. Its columns are those of `alias(table, name)`, or `sql`. */
export const partOf = (db: Db, name: string) => db.$with(name, { one: sql<number>`1`.as('one') }).as(sql``)
