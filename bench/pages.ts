// The whole shop in one process beside Apollo's stock gateway over seven HTTP subgraphs: `npm run bench -- pages`.
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { availableParallelism, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { parse } from 'graphql'
import { pino } from 'pino'
import { Agent } from 'undici'
import { startEmbeddedPostgres } from '#platform/embedded-postgres.ts'
import { redisServerProgram, startRedisServer } from '#platform/redis-server.ts'
import { withoutSecurityPurpose } from '../router/links.ts'
import { defaultUrl, subgraphNames } from '../subgraphs/all.ts'
import { goods, readyCart } from '../tests/system/buying.ts'
import { Visitor } from '../tests/system/client.ts'
import { signedIn } from '../tests/system/people.ts'
import { freePorts, startProgram, whenReady, type Program } from '../tests/system/program.ts'
import { ACCOUNT_PAGE, PRODUCT_PAGE } from './page-operations.ts'
import { row } from './row.ts'
import { CLIENTS, inTurns, untilAnswering, type Asked, type Way, type WayFigures } from './turns.ts'

// Asked once: less once this process is pinned.
const CORES = availableParallelism()
const POOL_SIZE = 8

/** Starts a program of the shop, all with the same settings. */
type Start = (args: readonly string[], env?: Readonly<Record<string, string>>) => Program

async function bench(): Promise<void> {
  await using opened = new AsyncDisposableStack()
  const isPinned = await pin(process.pid, `1-${CORES - 1}`)
  const folder = await mkdtemp(join(tmpdir(), 'mercato-pages-'))
  opened.defer(() => rm(folder, { recursive: true, force: true }))
  const database = opened.use(await startEmbeddedPostgres({ dataDir: folder, log: pino({ level: 'silent' }) }))
  const redis = opened.use(await startRedisServer())
  const env = { ...settings(), DATABASE_URL: database.url, REDIS_URL: redis.url }
  const start: Start = (args, more) => opened.use(startProgram(args, { ...env, ...more }))
  await finished(start(['drizzle/migrate.ts']))
  await finished(start(['drizzle/seed.ts'], { NODE_ENV: 'test' }))

  const ways = [
    await startOurs(start, 'ours', 'true'),
    await startOurs(start, 'ours, sharing off', 'false'),
    await startStock(start, folder, env.ROUTER_KEY),
  ]
  if (isPinned) for (const { programs } of ways) for (const { pid } of programs) await pin(pid, '0')
  const agent = opened.adopt(new Agent({ connections: CLIENTS }), (each) => each.close())
  announce(isPinned)
  row('page and way', 'a second', 'ours', 'off', 'CPU µs', 'ours', 'off', 'gateway µs', 'RSS MB')
  for (const asked of await pagesAt(new URL(ways[0]!.url).origin)) print(await inTurns(agent, ways, asked))
  console.log(`
CPU: of all processes of a way, a request, the median of the rounds; gateway: of the gateway's alone. ours, off: the rate
of the shop in one process with and without SHARE_INFLIGHT_FETCHES to that rate, and that CPU time to theirs. PostgreSQL
and Redis serve all ways and are in none. All answers were compared and are the same.
`)
}

function announce(isPinned: boolean): void {
  const file = readFileSync(new URL('../package.json', import.meta.url), 'utf8')
  const { dependencies } = JSON.parse(file) as { dependencies: Record<string, string> }
  const versions = ['@apollo/gateway', '@apollo/server', 'embedded-postgres'].map(
    (name) => `${name} ${dependencies[name]}`,
  )
  const where = isPinned
    ? 'Gateways and subgraphs on core 0; clients, PostgreSQL and Redis on the others.'
    : 'Nothing is pinned to a core.'
  console.log(`${versions.join(', ')}; NODE_ENV=production, ${POOL_SIZE} database connections a part
${CLIENTS} clients, load ${loadavg()[0]!.toFixed(1)} once all is started. ${where}
ours: the shop in one process. stock Apollo: its gateway over the same seven subgraphs, each a process that HTTP reaches.
`)
}

/** What all processes run with; the keys are as long-lived as the database. */
function settings() {
  const secret = () => randomBytes(32).toString('hex')
  return {
    NODE_ENV: 'production',
    LOG_LEVEL: 'error',
    APOLLO_TELEMETRY_DISABLED: 'true',
    DATABASE_POOL_SIZE: `${POOL_SIZE}`,
    DATABASE_ROLE_SECRET: secret(),
    INTERNAL_TOKEN_SECRET: secret(),
    ENCRYPTION_SECRET: secret(),
    ROUTER_KEY: secret(),
  }
}

async function finished(program: Program): Promise<void> {
  if ((await program.ended) !== 0) throw new Error(program.output())
}

/** As `npm start` runs it. Redis has nothing to share there. */
async function startOurs(start: Start, name: string, sharing: string): Promise<Way> {
  const [port] = await freePorts(1)
  const program = start(['main.ts'], { PORT: `${port}`, REDIS_URL: '', SHARE_INFLIGHT_FETCHES: sharing })
  await whenReady(program, `http://127.0.0.1:${port}/health/ready`)
  return { name, url: `http://127.0.0.1:${port}/graphql`, programs: [program] }
}

async function startStock(start: Start, folder: string, routerKey: string): Promise<Way> {
  const [gatewayPort, ...ports] = await freePorts(1 + subgraphNames.length)
  const origins = ports.map((port) => `http://127.0.0.1:${port}`)
  const addresses = Object.fromEntries(
    subgraphNames.map((name, index) => [`${name.toUpperCase()}_URL`, `${origins[index]}/graphql`]),
  )
  const keys = { JWKS_URL: `${origins[subgraphNames.indexOf('users')]}/.well-known/jwks.json` }
  const subgraphs = subgraphNames.map((name, index) =>
    start(['subgraphs/serve.ts', name], { ...addresses, ...keys, PORT: `${ports[index]}` }),
  )
  await Promise.all(subgraphs.map((each, index) => whenReady(each, `${origins[index]}/health/ready`)))
  const file = join(folder, 'supergraph.graphql')
  await writeFile(file, supergraphAt(ports))
  const gateway = start(['bench/gateway-stock.ts', file, `${gatewayPort}`], { ROUTER_KEY: routerKey })
  const url = `http://127.0.0.1:${gatewayPort}/graphql`
  const way: Way = { name: 'stock Apollo', url, programs: [gateway, ...subgraphs] }
  await untilAnswering(way, '{ products(first: 1) { nodes { id } } }')
  return way
}

/** Our supergraph as the stock gateway takes it: it refuses what it is told to enforce and cannot. */
function supergraphAt(ports: readonly number[]): string {
  const composed = readFileSync(new URL('../schema/supergraph.graphql', import.meta.url), 'utf8')
  return subgraphNames.reduce(
    (sdl, name, index) => sdl.replace(defaultUrl(name), `http://127.0.0.1:${ports[index]}/graphql`),
    withoutSecurityPurpose(parse(composed)),
  )
}

async function pagesAt(origin: string): Promise<Asked[]> {
  const alice = await signedIn(origin, 'alice')
  await readyCart(alice, await goods(alice))
  const { products } = await new Visitor(origin).ask('browse', { first: 50 })
  const bodies: string[] = products.nodes.map(({ slug }: { slug: string }) =>
    JSON.stringify({ query: PRODUCT_PAGE, variables: { slug } }),
  )
  return [
    { name: 'one product', bodies: bodies.slice(0, 1) },
    { name: `${bodies.length} products`, bodies },
    { name: 'account', bodies: [JSON.stringify({ query: ACCOUNT_PAGE })], accessToken: alice.accessToken },
  ]
}

function print(figures: readonly WayFigures[]): void {
  const [ours, off] = figures
  for (const { asked, way, perSecond, cpuMicros, gatewayMicros, residentBytes } of figures) {
    const rates = [ours!, off!].map((each) => `${(each.perSecond / perSecond).toFixed(1)} ×`)
    const costs = [ours!, off!].map((each) => `${(cpuMicros / each.cpuMicros).toFixed(1)} ×`)
    const sizes = [gatewayMicros, residentBytes / 1e6].map((value) => value.toFixed(0))
    row(`${asked}, ${way}`, perSecond.toFixed(0), ...rates, cpuMicros.toFixed(0), ...costs, ...sizes)
  }
}

/** @returns whether that process now stays on these cores: not on one core alone, nor where there is no taskset. */
async function pin(pid: number, cores: string): Promise<boolean> {
  if (CORES < 2) return false
  return await promisify(execFile)('taskset', ['-apc', cores, `${pid}`]).then(
    () => true,
    () => false,
  )
}

if (redisServerProgram()) await bench()
else console.log('pages: left out, the subgraphs of their own need redis-server on the PATH.')
