import { createHmac } from 'node:crypto'
import { drizzle } from 'drizzle-orm/postgres-js'
import type { PgDatabase } from 'drizzle-orm/pg-core'
import type { PostgresJsQueryResultHKT } from 'drizzle-orm/postgres-js'
import postgres, { type Sql } from 'postgres'
import type { Config } from './config.ts'

/** A connection pool or an open transaction: what a use case reads and writes through. */
export type Db = PgDatabase<PostgresJsQueryResultHKT>

export interface Database extends AsyncDisposable {
  db: Db
  sql: Sql
}

/** Called with the text of each statement sent, for counting and tracing. */
export type OnStatement = (text: string) => void

// drizzle passes `prepare: false`, with which postgres.js describes each statement first: two round trips instead of one.
function prepared(client: Sql): Sql {
  return new Proxy(client, {
    get(target, property) {
      if (property === 'unsafe') {
        return (text: string, parameters?: never[], options?: object) =>
          target.unsafe(text, parameters, { ...options, prepare: true })
      }
      if (property === 'begin' || property === 'savepoint') {
        const open = Reflect.get(target, property) as (...args: unknown[]) => unknown
        return (...args: unknown[]) => {
          const body = args.pop() as (tx: Sql) => unknown
          return open.call(target, ...args, (tx: Sql) => body(prepared(tx)))
        }
      }
      return Reflect.get(target, property) as unknown
    },
  })
}

/** Opens a pool of at most `max` connections as the role in `url`. */
export function openDatabase(
  url: string,
  options: { name: string; max?: number; onStatement?: OnStatement },
): Database {
  const { name, max = 10, onStatement } = options
  const sql = postgres(url, {
    max,
    // A connection that idles for long is one that a restarted server has forgotten.
    idle_timeout: 300,
    connect_timeout: 10,
    connection: { application_name: `mercato ${name}`, timezone: 'UTC' },
    onnotice: () => {},
    ...(onStatement ? { debug: (_connection: number, query: string) => onStatement(query) } : {}),
  })
  return {
    db: drizzle(prepared(sql), { casing: 'snake_case' }),
    sql,
    async [Symbol.asyncDispose]() {
      await sql.end({ timeout: 5 })
    },
  }
}

/** The PostgreSQL role of one part: a subgraph's, or `jobs`. */
export const roleOf = (part: string): string => `mercato_${part}`

/** The password of a role: derived, so that no process needs more than the one secret. */
export function rolePassword(part: string, secret: string): string {
  return createHmac('sha256', secret).update(`role:${part}`).digest('hex')
}

/**
 * Where a part connects: `<PART>_DATABASE_URL` when set, otherwise `databaseUrl` with the part's own role.
 * @throws when neither is configured.
 */
export function databaseUrl(
  part: string,
  config: Pick<Config, 'DATABASE_URL' | 'DATABASE_ROLE_SECRET' | 'databaseUrls'>,
): string {
  const own = config.databaseUrls[part]
  if (own) return own
  if (!config.DATABASE_URL) throw new Error(`Set DATABASE_URL or ${part.toUpperCase()}_DATABASE_URL`)
  const url = new URL(config.DATABASE_URL)
  url.username = roleOf(part)
  url.password = rolePassword(part, config.DATABASE_ROLE_SECRET)
  return url.href
}
