// The yardstick: the same SQL, sent by nothing but postgres.js. No server can answer faster than its statements.
import { randomUUID } from 'node:crypto'
import postgres, { type Sql } from 'postgres'
import { databaseUrl } from '#platform/database.ts'
import type { Config } from '#platform/config.ts'
import { load, type Load } from './load.ts'
import type { Batch, Statement } from './statements.ts'

const UUID = /[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}/g
// Parameters come as the text that PostgreSQL logged, and go as such: bool, bytea, json, dates and times.
const AS_LOGGED = [16, 17, 114, 1082, 1083, 1114, 1184, 3802]

/** The parts' roles, each with a pool of its own as in the shop. */
export class BareLoop implements AsyncDisposable {
  readonly #pools = new Map<string, Sql>()
  readonly #config: Config

  constructor(config: Config) {
    this.#config = config
  }

  /**
   * Sends `batches` over and over. Ids that they insert are new ones each time, but those in `kept`.
   * @throws when PostgreSQL refuses a statement.
   */
  async run(batches: readonly Batch[], kept: string, concurrency: number, seconds: number): Promise<Load> {
    const inserted = new Set(batches.flatMap(({ statements }) => statements.flatMap(insertedIds)))
    for (const id of kept.match(UUID) ?? []) inserted.delete(id)
    return await load(concurrency, seconds, async () => {
      const fresh = new Map([...inserted].map((id) => [id, randomUUID()]))
      const send = (sql: Pick<Sql, 'unsafe'>, { text, parameters }: Statement) =>
        sql.unsafe(
          text,
          parameters.map((value) => value?.replace(UUID, (id) => fresh.get(id) ?? id) ?? null),
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
  /\binsert into\b/i.test(text) ? parameters.flatMap((value) => value?.match(UUID) ?? []) : []
