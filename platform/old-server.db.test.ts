import postgres from 'postgres'
import { expect, test } from 'vitest'
import { migrate } from '../drizzle/migrate.ts'
import { freshDatabase } from '../tests/setup/fresh-database.ts'
import { loadConfig } from './config.ts'

test('a server that is too old is refused by name before anything is changed in it', async () => {
  await using database = await freshDatabase()
  const admin = postgres(database.url, { max: 1, onnotice: () => {} })
  // What the server says of itself is looked up like any function: the first one of the search path answers.
  await admin`create schema older`
  await admin`create function older.current_setting(text) returns text language sql return '170006'`
  await admin`drop schema events cascade`
  const config = loadConfig({ DATABASE_URL: `${database.url}?search_path=older,pg_catalog` })
  await expect(migrate(config, [])).rejects.toThrow(
    'The server at DATABASE_URL is PostgreSQL 17; 18 or newer is needed.',
  )
  const [events] = await admin`select from pg_namespace where nspname = 'events'`
  expect(events).toBeUndefined()
  await admin.end()
})
