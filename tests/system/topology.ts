import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inject } from 'vitest'
import { subgraphNames, type SubgraphName } from '../../subgraphs/all.ts'
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
  subgraphs: ReadonlyMap<SubgraphName, Program>
}

// What goes wrong is told; what goes right is not.
const development = { NODE_ENV: 'development', LOG_LEVEL: 'warn' }

/** `npm start`: everything in one process on embedded servers. */
export async function oneProcess(env: Readonly<Record<string, string>> = {}): Promise<OneProcess> {
  await using started = new AsyncDisposableStack()
  const dataDir = await mkdtemp(join(tmpdir(), 'mercato-shop-'))
  started.defer(() => rm(dataDir, { recursive: true, force: true }))
  started.defer(() => stopDatabaseOf(dataDir))
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
  await using started = new AsyncDisposableStack()
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
    SIDE_ROUTES: ['/.well-known/jwks.json', '/dev/mail.json', '/dev/mail'].map((path) => `${path}=${users}`).join(','),
  }
  const start = (args: readonly string[], origin: string) => {
    const program = started.use(startProgram(args, { ...env, ...addresses, PORT: new URL(origin).port }))
    return { program, ready: whenReady(program, `${origin}/health/ready`) }
  }
  const parts = [...originOf].map(([name, origin]) => ({ name, ...start(['subgraphs/serve.ts', name], origin) }))
  await Promise.all(parts.map(({ ready }) => ready))
  const routers = ports.slice(-2).map((port) => `http://127.0.0.1:${port}`)
  await Promise.all(routers.map((origin) => start(['router/serve.ts'], origin).ready))
  const stack = started.move()
  return {
    routers,
    databaseUrl: async () => database.url,
    subgraphs: new Map(parts.map(({ name, program }) => [name, program])),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

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

// A shop that was killed leaves its database running.
async function stopDatabaseOf(dataDir: string): Promise<void> {
  const [pid] = await read(dataDir, 'cluster/postmaster.pid').then(
    (text) => text.split('\n'),
    () => [undefined],
  )
  if (!pid) return
  process.kill(Number(pid), 'SIGQUIT')
  while (await read(dataDir, 'cluster/postmaster.pid').catch(() => null)) {
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
