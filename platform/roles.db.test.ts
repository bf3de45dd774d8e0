import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import postgres, { type Sql } from 'postgres'
import { freshDatabase, type FreshDatabase } from '../tests/setup/fresh-database.ts'
import { subgraphNames } from '../subgraphs/all.ts'
import { loadConfig } from './config.ts'
import { databaseUrl } from './database.ts'

let database: FreshDatabase
const connections = new Map<string, Sql>()
const as = (part: string): Sql => connections.get(part)!

beforeAll(async () => {
  database = await freshDatabase()
  const config = loadConfig({ DATABASE_URL: database.url })
  for (const part of [...subgraphNames, 'jobs']) connections.set(part, postgres(databaseUrl(part, config), { max: 1 }))
})
afterAll(async () => {
  for (const sql of connections.values()) await sql.end()
  await database[Symbol.asyncDispose]()
})

const refused = { code: '42501' }

/** All tables of a schema, as the superuser sees them. */
async function tablesOf(schema: string): Promise<string[]> {
  const admin = postgres(database.url, { max: 1 })
  try {
    const rows = await admin<
      { name: string }[]
    >`select table_name as name from information_schema.tables where table_schema = ${schema}`
    return rows.map(({ name }) => name)
  } finally {
    await admin.end()
  }
}

describe.each(subgraphNames)('the role of %s', (name) => {
  test('reads its own tables and nobody else’s', async () => {
    for (const owner of [...subgraphNames, 'events', 'jobs']) {
      const tables = await tablesOf(owner)
      expect(tables.length, owner).toBeGreaterThan(0)
      for (const table of tables) {
        const read = as(name).unsafe(`select * from ${owner}."${table}" limit 1`)
        if (owner === name) await read
        else await expect(read, `${owner}.${table}`).rejects.toMatchObject(refused)
      }
    }
  })

  test('may announce facts, and read, change or remove none', async () => {
    await as(name)`insert into events.outbox (event_id, name, event) values (gen_random_uuid(), 'Nothing', '{}')`
    await expect(
      as(
        name,
      )`insert into events.outbox (event_id, name, event) values (gen_random_uuid(), 'Nothing', '{}') returning event`,
    ).rejects.toMatchObject(refused)
    await expect(as(name)`update events.outbox set name = 'Something'`).rejects.toMatchObject(refused)
    await expect(as(name)`delete from events.outbox`).rejects.toMatchObject(refused)
  })

  test('makes no schema, no role, and nothing in the public schema', async () => {
    await expect(as(name).unsafe('create schema mine')).rejects.toMatchObject(refused)
    await expect(as(name).unsafe('create role another')).rejects.toMatchObject(refused)
    await expect(as(name).unsafe('create table public.mine (id int)')).rejects.toMatchObject(refused)
  })
})

test('the role of queues reads no table of a subgraph', async () => {
  for (const owner of subgraphNames) {
    const [table] = await tablesOf(owner)
    await expect(as('jobs').unsafe(`select * from ${owner}."${table}"`)).rejects.toMatchObject(refused)
  }
})
