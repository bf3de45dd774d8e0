import { sql, type SQL } from 'drizzle-orm'
import { toSnakeCase } from 'drizzle-orm/casing'
import type { PgTable } from 'drizzle-orm/pg-core'

/**
 * An INSERT of `rows` for each row of `from`, to be one part of a statement: with no row there, nothing is inserted.
 * `amend` changes a row, as jsonb by column name, with what only the statement knows. Columns that the first row lacks get
 * their defaults.
 */
export function insertFrom<T extends PgTable>(
  table: T,
  rows: readonly T['$inferInsert'][],
  from: SQL,
  amend: (row: SQL) => SQL = (row) => row,
): SQL {
  const named = rows.map((row) =>
    Object.fromEntries(Object.entries(row).map(([key, value]) => [toSnakeCase(key), value])),
  )
  const names = Object.keys(named[0] ?? {})
  const listOf = (prefix: string) => sql.raw(names.map((name) => `${prefix}"${name}"`).join(', '))
  return sql`insert into ${table} (${listOf('')}) select ${listOf('r.')} from ${from},
    jsonb_array_elements(${JSON.stringify(named)}::jsonb) as given(item),
    jsonb_populate_record(null::${table}, ${amend(sql`given.item`)}) as r`
}
