import { createHmac } from 'node:crypto'
import { drizzle } from 'drizzle-orm/postgres-js'
import { DrizzleQueryError } from 'drizzle-orm/errors'
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

const MAX_HELD_MS = 60_000

/** Called with the text of each statement sent, for counting and tracing. */
export type OnStatement = (text: string) => void

/** The time between a transaction's first statement and its end, whichever way it ends. */
interface Transaction {
  isOver: boolean
}

// drizzle passes `prepare: false`, with which postgres.js describes each statement first: two round trips instead of one.
function prepared(client: Sql, transaction: Transaction | null = null): Sql {
  return new Proxy(client, {
    get(target, property) {
      if (property === 'unsafe') {
        return (text: string, parameters?: never[], options?: object) => {
          if (transaction?.isOver) throw new Error('The transaction is over')
          return fromItsBeginning(target.unsafe(text, parameters, { ...options, prepare: true }))
        }
      }
      if (property === 'begin' || property === 'savepoint') {
        const open = Reflect.get(target, property) as (...args: unknown[]) => Promise<unknown>
        return async (...args: unknown[]) => {
          const body = args.pop() as (tx: Sql) => Promise<unknown>
          const own = transaction ?? { isOver: false }
          try {
            return await open.call(target, ...args, (tx: Sql) => unlessOver(own, body(prepared(tx, own))))
          } finally {
            own.isOver ||= transaction === null
          }
        }
      }
      return Reflect.get(target, property) as unknown
    },
  })
}

// postgres.js counts on in the next result of a connection when a statement failed after it had sent rows, and so begins
// that result with as many holes (3.4.9; inside a transaction the ROLLBACK that follows sets it right).
function fromItsBeginning<T extends object>(query: T): T {
  const { resolve } = query as Resolvable
  if (typeof resolve !== 'function')
    throw new Error('This postgres.js resolves its queries otherwise: see whether it still needs this')
  return Object.assign(query, {
    resolve(result: unknown) {
      if (isResult(result) && result.length > result.count) result.splice(0, result.length - result.count)
      resolve(result)
    },
  })
}

interface Resolvable {
  resolve?: (result: unknown) => void
}

const isResult = (result: unknown): result is unknown[] & { count: number } =>
  Array.isArray(result) && 'count' in result && typeof result.count === 'number'

// postgres.js rejects a transaction whose connection was lost, but goes on to send its COMMIT or ROLLBACK, and whatever
// the body sends next: into a socket that is gone, which throws where nobody can catch it and ends the process (3.4.9,
// porsager/postgres#1208), or into the connection that took its place and is somebody else's. So the body of a lost
// transaction never returns to it.
async function unlessOver<T>(transaction: Transaction, body: Promise<T>): Promise<T> {
  const never = new Promise<never>(() => {})
  try {
    const result = await body
    return transaction.isOver ? await never : result
  } catch (error) {
    // The loss of the connection is told to the statement first, and to the transaction before this.
    await new Promise((resolve) => setImmediate(resolve))
    if (transaction.isOver) return await never
    throw error
  }
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
    connection: {
      application_name: `mercato ${name}`,
      timezone: 'UTC',
      // What a process that was stopped or hangs holds locked, it does not hold for ever.
      statement_timeout: MAX_HELD_MS,
      idle_in_transaction_session_timeout: MAX_HELD_MS,
    },
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

/** Whether a statement failed because another row has what `constraint`, named as in the database, lets only one have. */
export const isTaken = (error: unknown, constraint: string): boolean => violates(error, '23505', constraint)

/** Whether a statement failed because a row would not have been what the check `constraint` wants. */
export const breaks = (error: unknown, constraint: string): boolean => violates(error, '23514', constraint)

/** Whether a statement failed because what a row refers to by `constraint` is not there, or no longer. */
export const lacks = (error: unknown, constraint: string): boolean => violates(error, '23503', constraint)

function violates(error: unknown, code: string, constraint: string): boolean {
  const cause = error instanceof DrizzleQueryError ? error.cause : error
  return cause instanceof postgres.PostgresError && cause.code === code && cause.constraint_name === constraint
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
