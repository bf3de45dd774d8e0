// The yardstick: the same SQL, sent by nothing but postgres.js. No server can answer faster than its statements.
import postgres, { type Sql } from 'postgres'
import { databaseUrl } from '#platform/database.ts'
import type { Config } from '#platform/config.ts'
import { uuidv7 } from '#platform/ids.ts'
import { load, type Load } from './load.ts'
import type { Batch, Statement } from './statements.ts'

// The seed's ids are of version 8, so that these are those of new rows and of the guests they belong to.
const UUIDV7 = /[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}/g
// Parameters come as the text that PostgreSQL logged, and go as such: bool, bytea, json, dates and times.
const AS_LOGGED = [16, 17, 114, 1082, 1083, 1114, 1184, 3802]

/** The parts' roles, each with a pool of its own as in the shop. */
export class BareLoop implements AsyncDisposable {
  readonly #pools = new Map<string, Sql>()
  readonly #config: Config

  constructor(config: Config) {
    this.#config = config
  }

  /** Sends `batches` over and over; ids that they insert are new each time. @throws when PostgreSQL refuses a statement. */
  async run(batches: readonly Batch[], concurrency: number, seconds: number): Promise<Load> {
    const inserted = new Set(batches.flatMap(({ statements }) => statements.flatMap(insertedIds)))
    return await load(concurrency, seconds, async () => {
      const fresh = new Map([...inserted].map((id) => [id, uuidv7()]))
      const send = (sql: Pick<Sql, 'unsafe'>, { text, parameters }: Statement) =>
        sql.unsafe(
          text,
          parameters.map((value) => value?.replace(UUIDV7, (id) => fresh.get(id) ?? id) ?? null),
          { prepare: true },
        )
      for (const { part, isTransaction, statements } of batches) {
        const pool = this.#poolOf(part)
        if (!isTransaction) for (const each of statements) await send(pool, each)
        else
          await pool.begin(async (tx) => {
            for (const each of statements) await send(tx, each)
          })
      }
      return true
    })
  }

  #poolOf(part: string): Sql {
    const asLogged = { to: 25, from: AS_LOGGED, serialize: String, parse: (text: string) => text }
    const pool =
      this.#pools.get(part) ??
      postgres(databaseUrl(part, this.#config), {
        max: this.#config.DATABASE_POOL_SIZE,
        fetch_types: false,
        types: { asLogged },
        onnotice: () => {},
      })
    this.#pools.set(part, pool)
    return pool
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const pool of this.#pools.values()) await pool.end({ timeout: 1 })
  }
}

const insertedIds = ({ text, parameters }: Statement): string[] =>
  /\binsert into\b/i.test(text) ? parameters.flatMap((value) => value?.match(UUIDV7) ?? []) : []
