import postgres from 'postgres'
import { inject } from 'vitest'
import { uuidv7 } from '#platform/ids.ts'
import { TEMPLATE } from '../../drizzle/migrate.ts'

export interface FreshDatabase extends AsyncDisposable {
  /** Superuser's address; parts connect with their own roles. */
  url: string
}

/** A migrated, empty database of this test's own. */
export async function freshDatabase(): Promise<FreshDatabase> {
  const adminUrl = inject('databaseUrl')
  const name = `test_${uuidv7().replaceAll('-', '')}`
  await admin(adminUrl, `create database ${name} template ${TEMPLATE}`)
  const url = new URL(adminUrl)
  url.pathname = name
  return {
    url: url.href,
    [Symbol.asyncDispose]: () => admin(adminUrl, `drop database if exists ${name} with (force)`),
  }
}

async function admin(url: string, statement: string): Promise<void> {
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  try {
    await sql.unsafe(statement)
  } finally {
    await sql.end()
  }
}
