import postgres from 'postgres'
import { describe, expect, test } from 'vitest'
import { freshDatabase } from './setup/fresh-database.ts'

describe('a fresh database', () => {
  test('has the migrated schemas and is nobody else’s', async () => {
    await using one = await freshDatabase()
    await using other = await freshDatabase()
    expect(one.url).not.toBe(other.url)
    const sql = postgres(one.url, { max: 1 })
    const schemas = await sql<{ nspname: string }[]>`select nspname from pg_namespace`
    await sql.end()
    expect(schemas.map(({ nspname }) => nspname)).toContain('events')
  })
})
