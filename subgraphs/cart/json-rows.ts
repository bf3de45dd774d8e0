import { Column, is, sql, type GetColumnData, type SQL } from 'drizzle-orm'

type Fields = Record<string, Column | SQL>
type Row<F extends Fields> = {
  [K in keyof F]: F[K] extends Column ? GetColumnData<F[K]> : F[K] extends SQL<infer T> ? T : never
}

/**
 * Rows as one JSON value, `[]` when there are none, for a select that reads rows of several tables in one statement:
 * `select({ cart: carts, lines: jsonRows(getTableColumns(cartLines), sql`from … where … order by …`) })`. A column's value
 * is what a select of it gives; an expression's is as JSON has it.
 */
export function jsonRows<F extends Fields>(fields: F, from: SQL): SQL<Row<F>[]> {
  const entries = Object.entries(fields)
  const pairs = entries.map(([key, field]) => {
    // A number of JSON is a double; what numeric columns hold comes as text, digits and all.
    const value = is(field, Column) && field.columnType === 'PgNumeric' ? sql`${field}::text` : field
    return sql`${sql.raw(`'${key}'`)}, ${value}`
  })
  const decoded = (row: Record<string, unknown>) =>
    Object.fromEntries(
      entries.map(([key, field]) => {
        const value = row[key]
        return [key, is(field, Column) && value !== null ? field.mapFromDriverValue(value) : value]
      }),
    ) as Row<F>
  return sql<Row<F>[]>`(select coalesce(jsonb_agg(row), '[]') from
    (select jsonb_build_object(${sql.join(pairs, sql`, `)}) as row ${from}) rows)`.mapWith(
    (rows: Record<string, unknown>[]) => rows.map(decoded),
  )
}
