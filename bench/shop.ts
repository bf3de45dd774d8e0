// The shop under measurement: `npm start` as a process of its own, on a PostgreSQL whose log we can read.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import postgres, { type Sql } from 'postgres'
import { Agent, request } from 'undici'
import { loadConfig, type Config } from '#platform/config.ts'
import { startEmbeddedPostgres } from '#platform/embedded-postgres.ts'
import { freePorts, startProgram, whenReady } from '../tests/system/program.ts'
import { missingPgbench } from './pgbench.ts'
import { StatementLog } from './statements.ts'
import { usageOf } from './usage.ts'

/** One GraphQL request over HTTP. */
export interface Request {
  query: string
  variables?: Record<string, unknown>
  accessToken?: string | undefined
}

export interface Shop extends AsyncDisposable {
  origin: string
  /** @throws when there are errors of any kind in the answer: a refusal is quick and would be measured as speed. */
  send(request: Request): Promise<void>
  admin: Sql
  config: Config
  statements: StatementLog
  /** Whether pgbench is on this machine. */
  hasPgbench: boolean
  /** CPU time that the shop's process has used. */
  cpuMs(): Promise<number>
}

export const CONNECTIONS = 16
/** Connections of whoever measures with more clients than that. */
const MAX_CONNECTIONS = 64

/** Opens a seeded shop on a new database. */
export async function openShop(): Promise<Shop> {
  await using opened = new AsyncDisposableStack()
  const dataDir = await mkdtemp(join(tmpdir(), 'mercato-bench-'))
  opened.defer(() => rm(dataDir, { recursive: true, force: true }))
  const statements = new StatementLog()
  const log = pino({ level: 'debug' }, { write: (line) => statements.add((JSON.parse(line) as { msg: string }).msg) })
  const database = opened.use(await startEmbeddedPostgres({ dataDir, log }))
  const admin = postgres(database.url, { max: 1, idle_timeout: 0, onnotice: () => {} })
  opened.defer(() => admin.end())

  const [port] = await freePorts(1)
  const origin = `http://127.0.0.1:${port}`
  // NODE_ENV=test is development without the courier who moves by himself.
  const env = { NODE_ENV: 'test', LOG_LEVEL: 'error', DATABASE_URL: database.url, PORT: `${port}` }
  const program = opened.use(startProgram(['main.ts'], env))
  await whenReady(program, `${origin}/health/ready`)
  // Whatever is bought here, it is not sold out.
  await admin`update inventory.stock_levels set on_hand = on_hand + 100000`
  const agent = new Agent({ connections: MAX_CONNECTIONS })
  opened.defer(() => agent.close())

  const all = opened.move()
  return {
    origin,
    admin,
    statements,
    hasPgbench: missingPgbench() === undefined,
    config: loadConfig(env),
    cpuMs: async () => (await usageOf(program.pid)).cpuMs,
    async send({ query, variables, accessToken }) {
      const { statusCode, body } = await request(`${origin}/graphql`, {
        dispatcher: agent,
        method: 'POST',
        headers: { 'content-type': 'application/json', ...(accessToken && { authorization: `Bearer ${accessToken}` }) },
        body: JSON.stringify({ query, variables }),
      })
      const text = await body.text()
      if (statusCode !== 200 || /"errors":|"userErrors":\[\{/.test(text)) throw new Error(`${statusCode} ${text}`)
    },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  }
}
