// Brings a database up to date: roles, schemas, tables, queues. `npm run db:migrate`, and part of `npm start`.
import { readFileSync } from 'node:fs'
import { readMigrationFiles } from 'drizzle-orm/migrator'
import postgres, { type Sql } from 'postgres'
import { loadConfig, type Config } from '#platform/config.ts'
import { databaseUrl, roleOf, rolePassword } from '#platform/database.ts'
import { runProgram } from '#platform/program.ts'
import { QUEUE_SCHEMA, installQueues } from '#platform/queues.ts'
import type { Subgraph } from '#platform/subgraph.ts'
import { loadAllSubgraphs } from '../subgraphs/all.ts'

type DatabaseConfig = Pick<Config, 'DATABASE_URL' | 'DATABASE_ROLE_SECRET' | 'databaseUrls'>
type Progress = (line: string) => void

// Statements call uuidv7() and return what a row was before they changed it: both are new in this version.
const OLDEST_SERVER = 18

// Any number will do as long as nobody else takes it: one migration at a time.
const LOCK = 7_266_119
const folderOf = (name: string) => new URL(`./${name}`, import.meta.url).pathname

/**
 * Migrates the database at `config.DATABASE_URL`, whose user must be allowed to create roles and schemas. Safe to run
 * again and by several processes at once.
 * @throws when the server is too old.
 */
export async function migrate(
  config: DatabaseConfig,
  subgraphs: readonly Subgraph[],
  progress: Progress = () => {},
): Promise<void> {
  if (!config.DATABASE_URL) throw new Error('Set DATABASE_URL to a user that may create roles and schemas')
  const admin = postgres(config.DATABASE_URL, { max: 1, onnotice: () => {} })
  try {
    await requireServer(admin)
    await admin`select pg_advisory_lock(${LOCK})`
    await prepareRoles(admin, subgraphs, config.DATABASE_ROLE_SECRET)
    await Promise.all(
      subgraphs.map(async ({ name }) => {
        const count = await migrateSchema(databaseUrl(name, config), name)
        if (count > 0) progress(`${name}: ${count} migration${count === 1 ? '' : 's'}`)
      }),
    )
    const consumers = Object.fromEntries(subgraphs.map(({ name, reactions }) => [name, reactions ?? []]))
    await installQueues(databaseUrl('jobs', config), consumers)
  } finally {
    await admin.end()
  }
}

async function requireServer(admin: Sql): Promise<void> {
  const [row] = await admin<{ version: number }[]>`
    select current_setting('server_version_num')::int / 10000 as version`
  if (row!.version >= OLDEST_SERVER) return
  throw new Error(`The server at DATABASE_URL is PostgreSQL ${row!.version}; ${OLDEST_SERVER} or newer is needed.`)
}

// One role and one schema per subgraph; the jobs role has the outbox and the queues.
async function prepareRoles(admin: Sql, subgraphs: readonly Subgraph[], secret: string): Promise<void> {
  const parts = [...subgraphs.map(({ name }) => name), 'jobs']
  const [{ name: database } = { name: '' }] = await admin<{ name: string }[]>`select current_database() as name`
  for (const part of parts) {
    const role = roleOf(part)
    // Roles belong to the cluster: another database of it may be preparing the same one.
    await admin.unsafe(
      `do $$ begin create role ${role} login; exception when duplicate_object or unique_violation then null; end $$`,
    )
    await admin.unsafe(
      `alter role ${role} with login password '${rolePassword(part, secret)}' nosuperuser nocreatedb nocreaterole`,
    )
    await admin.unsafe(`grant ${role} to current_user`)
    await admin.unsafe(`grant connect on database "${database}" to ${role}`)
  }
  for (const { name } of subgraphs)
    await admin.unsafe(`create schema if not exists ${name} authorization ${roleOf(name)}`)
  for (const schema of ['events', QUEUE_SCHEMA]) {
    await admin.unsafe(`create schema if not exists ${schema} authorization ${roleOf('jobs')}`)
  }
  await admin.unsafe('revoke create on schema public from public')
  for (const extension of ['pg_trgm', 'unaccent', 'btree_gin']) {
    await admin.unsafe(`create extension if not exists ${extension} schema public`)
  }
  await admin.begin(async (tx) => {
    await tx.unsafe(`set local role ${roleOf('jobs')}`)
    await tx.unsafe(readFileSync(new URL('./events.sql', import.meta.url), 'utf8')).simple()
    for (const { name } of subgraphs) {
      await tx.unsafe(`grant usage on schema events to ${roleOf(name)}`)
      await tx.unsafe(`grant insert on events.outbox to ${roleOf(name)}`)
    }
  })
}

// drizzle's own migrator creates the schema it notes its migrations in, which a subgraph's role may not.
async function migrateSchema(url: string, name: string): Promise<number> {
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  try {
    return await sql.begin(async (tx) => {
      await tx.unsafe(
        `create table if not exists ${name}.migrations (hash text primary key, at timestamptz not null default now())`,
      )
      const done = new Set(
        (await tx.unsafe<{ hash: string }[]>(`select hash from ${name}.migrations`)).map(({ hash }) => hash),
      )
      const missing = readMigrationFiles({ migrationsFolder: folderOf(name) }).filter(({ hash }) => !done.has(hash))
      for (const { sql: statements, hash } of missing) {
        for (const statement of statements) await tx.unsafe(statement)
        await tx.unsafe(`insert into ${name}.migrations (hash) values ($1)`, [hash])
      }
      return missing.length
    })
  } finally {
    await sql.end()
  }
}

/** @throws when the schema of a subgraph lacks a migration of this version of the code. */
export async function assertMigrated(url: string, name: string): Promise<void> {
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  try {
    const expected = readMigrationFiles({ migrationsFolder: folderOf(name) }).map(({ hash }) => hash)
    const rows = await sql.unsafe<{ hash: string }[]>(`select hash from ${name}.migrations`).catch((error: unknown) => {
      // Neither role nor table before the first migration; a server that does not answer is another matter.
      if (error instanceof postgres.PostgresError) return []
      throw error
    })
    const done = new Set(rows.map(({ hash }) => hash))
    if (!expected.every((hash) => done.has(hash))) {
      throw new Error(
        `The tables of ${name} are not up to date. Run \`npm run db:migrate\` first, with the same DATABASE_ROLE_SECRET.`,
      )
    }
  } finally {
    await sql.end()
  }
}

/** Name of the migrated, unseeded database that test files copy. */
export const TEMPLATE = 'mercato_template'

/** Creates the template in the cluster of `adminUrl`. */
export async function migrateTemplate(adminUrl: string, config: Pick<Config, 'DATABASE_ROLE_SECRET'>): Promise<void> {
  const admin = postgres(adminUrl, { max: 1 })
  await admin.unsafe(`create database ${TEMPLATE}`)
  await admin.end()
  const url = new URL(adminUrl)
  url.pathname = TEMPLATE
  await migrate({ ...config, DATABASE_URL: url.href, databaseUrls: {} }, await loadAllSubgraphs())
}

if (import.meta.main) {
  if (process.argv.includes('--help')) {
    console.log(
      'npm run db:migrate\n\nCreates roles, schemas, tables and queues in the database at DATABASE_URL. Safe to run again.',
    )
  } else {
    await runProgram(async () => {
      await migrate(loadConfig(), await loadAllSubgraphs(), (line) => console.log(line))
      console.log('The database is up to date.')
    })
  }
}
