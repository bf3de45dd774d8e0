import type { Db } from './database.ts'

/**
 * A statement that is put together once for each database and sent many times. Putting it together takes drizzle two to
 * three times as long as sending it, so what every page needs is prepared:
 *
 * ```ts
 * const byId = prepared((db) => db.select().from(carts).where(eq(carts.id, sql.placeholder('id'))).prepare('cart by id'))
 * const [cart] = await byId(ctx.db).execute({ id })
 * ```
 *
 * Values that `$defaultFn` makes, such as ids, are made when it is put together: give them as placeholders.
 */
export function prepared<S extends object>(build: (db: Db) => S): (db: Db) => S {
  const statements = new WeakMap<Db, S>()
  return (db) => {
    let statement = statements.get(db)
    if (!statement) statements.set(db, (statement = build(db)))
    return statement
  }
}

/** Ids as the one value of a prepared statement: `= any(${sql.placeholder('ids')}::uuid[])`. They must be ids. */
export const idArray = (ids: readonly string[]): string => `{${ids.join(',')}}`
