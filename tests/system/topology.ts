import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres from 'postgres'
import { inject } from 'vitest'
import { removeAbandoned } from '#platform/embedded-postgres.ts'
import { loadSubgraph, subgraphNames, type SubgraphName } from '../../subgraphs/all.ts'
import { freshDatabase } from '../setup/fresh-database.ts'
import { freePorts, startProgram, whenReady, type Program } from './program.ts'

/** The shop as its operators run it, seeded, on data of the test's own. */
export interface Shop extends AsyncDisposable {
  /** Origins of its routers. */
  routers: readonly string[]
  /** The superuser's connection to its database. */
  databaseUrl(): Promise<string>
}

export interface OneProcess extends Shop {
  program: Program
  dataDir: string
  port: number
  /** Starts it once more on the same data and port, with these settings added. */
  restart(env?: Readonly<Record<string, string>>): Promise<Program>
}

export interface ManyProcesses extends Shop {
  subgraph(name: SubgraphName): Program
  /** Starts a subgraph that ended once more. */
  restart(name: SubgraphName): Promise<void>
}

/** For the hook that opens a shop: ten processes starting at once on a busy machine take their time. */
export const OPENING_MS = 240_000

// What goes wrong is told; what goes right is not.
const development = { NODE_ENV: 'development', LOG_LEVEL: 'warn' }

/** `npm start`: everything in one process on embedded servers. */
export async function oneProcess(env: Readonly<Record<string, string>> = {}): Promise<OneProcess> {
  await using started = new AsyncDisposableStack()
  const dataDir = await mkdtemp(join(tmpdir(), 'mercato-shop-'))
  started.defer(() => rm(dataDir, { recursive: true, force: true }))
  // A shop that was killed leaves its database running; one that did not get far has none.
  started.defer(() => (existsSync(join(dataDir, 'postgres')) ? removeAbandoned(dataDir) : undefined))
  const [port = 0] = await freePorts(1)
  const router = `http://127.0.0.1:${port}`
  const settings = { ...development, DATA_DIR: dataDir, PORT: `${port}`, ...env }

  const start = async (added: Readonly<Record<string, string>> = {}) => {
    const program = startProgram(['main.ts'], { ...settings, ...added })
    await whenReady(program, `${router}/health/ready`).catch(async (error: unknown) => {
      await program[Symbol.asyncDispose]()
      throw error
    })
    return program
  }
  const shop = { program: await start() }
  started.defer(() => shop.program[Symbol.asyncDispose]())
  const stack = started.move()
  return {
    get program() {
      return shop.program
    },
    databaseUrl: () => embeddedUrl(dataDir),
    routers: [router],
    dataDir,
    port,
    async restart(added) {
      shop.program = await start(added)
      return shop.program
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

/** One process per subgraph and two routers, on PostgreSQL and Redis. */
export async function manyProcesses(): Promise<ManyProcesses> {
  const started = new AsyncDisposableStack()
  await using failed = new AsyncDisposableStack()
  failed.defer(() => started.disposeAsync())
  const redisUrl = inject('redisUrl')
  if (!redisUrl) throw new Error('redis-server is not on the PATH')
  const database = started.use(await freshDatabase())
  const env = { ...development, DATABASE_URL: database.url, REDIS_URL: redisUrl, DATABASE_POOL_SIZE: '4' }
  await seedDatabase(env)

  const ports = await freePorts(subgraphNames.length + 2)
  const originOf = new Map(subgraphNames.map((name, index) => [name, `http://127.0.0.1:${ports[index]}`]))
  const users = originOf.get('users')!
  const addresses = {
    ...Object.fromEntries([...originOf].map(([name, origin]) => [`${name.toUpperCase()}_URL`, `${origin}/graphql`])),
    JWKS_URL: `${users}/.well-known/jwks.json`,
    REVOCATIONS_URL: `${users}/internal/revocations`,
    SIDE_ROUTES: await sideRoutes((name) => originOf.get(name)!),
  }
  const start = async (args: readonly string[], origin: string): Promise<Program> => {
    const program = started.use(startProgram(args, { ...env, ...addresses, PORT: new URL(origin).port }))
    await whenReady(program, `${origin}/health/ready`)
    return program
  }
  const parts = new Map<SubgraphName, Program>()
  const startPart = async (name: SubgraphName) =>
    void parts.set(name, await start(['subgraphs/serve.ts', name], originOf.get(name)!))
  await Promise.all(subgraphNames.map(startPart))
  const routers = ports.slice(-2).map((port) => `http://127.0.0.1:${port}`)
  await Promise.all(routers.map((origin) => start(['router/serve.ts'], origin)))
  failed.move()
  return {
    routers,
    databaseUrl: async () => database.url,
    subgraph: (name) => parts.get(name)!,
    restart: startPart,
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  }
}

/** All that the parts serve beside GraphQL, as the router is told of it. */
async function sideRoutes(originOf: (name: SubgraphName) => string): Promise<string> {
  const parts = await Promise.all(subgraphNames.map(async (name) => ({ name, subgraph: await loadSubgraph(name) })))
  return parts
    .flatMap(({ name, subgraph }) =>
      (subgraph.routes ?? []).flatMap(({ prefix, internal }) => (internal ? [] : [`${prefix}=${originOf(name)}`])),
    )
    .join(',')
}

/** Looks at, or changes, what no client could. */
export async function execute(shop: Shop, statement: string): Promise<readonly Row[]> {
  const sql = postgres(await shop.databaseUrl(), { max: 1 })
  try {
    return await sql.unsafe<Row[]>(statement)
  } finally {
    await sql.end()
  }
}

type Row = Record<string, unknown>

async function seedDatabase(env: Readonly<Record<string, string>>): Promise<void> {
  await using program = startProgram(['drizzle/seed.ts'], env)
  if ((await program.ended) !== 0) throw new Error(`The seed failed:\n${program.output()}`)
}

const read = (dataDir: string, file: string) => readFile(join(dataDir, 'postgres', file), 'utf8')

/** Connection to the embedded database of a running shop, read off the files that PostgreSQL keeps. */
async function embeddedUrl(dataDir: string): Promise<string> {
  const [pid, , , port] = (await read(dataDir, 'cluster/postmaster.pid')).split('\n')
  if (!pid) throw new Error('The database does not run')
  return `postgres://postgres:${(await read(dataDir, 'password')).trim()}@127.0.0.1:${port}/mercato`
}
