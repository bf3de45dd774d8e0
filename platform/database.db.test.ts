import { sql } from 'drizzle-orm'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { freshDatabase } from '../tests/setup/fresh-database.ts'
import { openDatabase, type Database } from './database.ts'

let stack: AsyncDisposableStack
let database: Database
beforeEach(async () => {
  stack = new AsyncDisposableStack()
  const { url } = stack.use(await freshDatabase())
  // One connection, so that each statement follows the one before on it.
  database = stack.use(openDatabase(url, { name: 'test', max: 1 }))
})
afterEach(() => stack.disposeAsync())

/** Sends three rows, then fails. */
const failing = sql`select 12 / (4 - x) as share from generate_series(1, 9) x`

describe('a statement that fails after it has sent rows', () => {
  test.each([
    ['outside a transaction', (db: Database['db']) => db.execute(failing)],
    ['inside one', (db: Database['db']) => db.transaction((tx) => tx.execute(failing))],
  ])('%s leaves nothing behind for the next', async (_where, fail) => {
    await expect(fail(database.db)).rejects.toThrow()
    const numbers = await database.db.execute(sql`select x from generate_series(1, 2) x`)
    expect([...numbers]).toEqual([{ x: 1 }, { x: 2 }])
    expect(numbers.count).toBe(2)
    await expect(fail(database.db)).rejects.toThrow()
    expect([...(await database.db.execute(sql`select 1 as x where false`))]).toEqual([])
    await expect(fail(database.db)).rejects.toThrow()
    expect((await database.db.execute(sql`create temporary table t as select 1 as x union select 2`)).length).toBe(0)
    await expect(fail(database.db)).rejects.toThrow()
    expect([...(await database.db.execute(sql`update t set x = x + 1 returning x`))]).toEqual([{ x: 2 }, { x: 3 }])
  })
})
