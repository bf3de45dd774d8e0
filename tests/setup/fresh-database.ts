import { randomBytes } from 'node:crypto'
import postgres from 'postgres'
import { inject } from 'vitest'
import { TEMPLATE } from '../../drizzle/migrate.ts'

export interface FreshDatabase extends AsyncDisposable {
  /** The superuser's connection; the roles of the subgraphs are derived from it as everywhere. */
  url: string
}

/** A migrated, empty database of the test file's own, dropped on disposal. */
export async function freshDatabase(): Promise<FreshDatabase> {
  const adminUrl = inject('databaseUrl')
  const name = `test_${randomBytes(6).toString('hex')}`
  await asAdmin(adminUrl, `create database ${name} template ${TEMPLATE} strategy file_copy`)
  const url = new URL(adminUrl)
  url.pathname = name
  return {
    url: url.href,
    [Symbol.asyncDispose]: () => asAdmin(adminUrl, `drop database if exists ${name} with (force)`),
  }
}

async function asAdmin(url: string, statement: string): Promise<void> {
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  try {
    await sql.unsafe(statement)
  } finally {
    await sql.end()
  }
}
