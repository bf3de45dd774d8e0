import { getTableColumns, type Table } from 'drizzle-orm'
import { toSnakeCase } from 'drizzle-orm/casing'

/** What `to_jsonb(row)` makes of a row. */
export type JsonRow = Record<string, unknown>

/** A row of `table` from its `to_jsonb`: what statements written by hand answer with, in the table's own types. */
export function rowOf<T extends Table>(table: T, json: JsonRow): T['$inferSelect'] {
  return Object.fromEntries(
    Object.entries(getTableColumns(table)).map(([key, column]) => {
      const value = json[toSnakeCase(key)] ?? null
      return [key, value === null ? null : column.mapFromDriverValue(value)]
    }),
  )
}
