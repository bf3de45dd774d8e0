// `npm run bench`: how fast this shop is on this machine, beside the limit that its own SQL sets.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpus, loadavg } from 'node:os'
import { fileURLToPath } from 'node:url'
import { BareLoop } from './bare-loop.ts'
import { measureCheckouts } from './checkouts.ts'
import { benchGateways } from './gateways.ts'
import { percentile } from './load.ts'
import { measure } from './measure.ts'
import { operations } from './operations.ts'
import { missingPgbench } from './pgbench.ts'
import { row } from './row.ts'
import { benchSearch, spreadOf } from './search.ts'
import { CONNECTIONS, openShop } from './shop.ts'
import { startTwice, type Start } from './startup.ts'
import { CLIENTS } from './turns.ts'

const NAMES = [
  ...operations.map(({ name }) => name),
  'checkouts',
  'search',
  'startup',
  'gateways',
  'subscriptions',
  'pages',
]

const PRODUCTS = 100_000

const HELP = `npm run bench [-- NAME…]

Starts the whole shop in one process on a new database, asks it over HTTP on ${CONNECTIONS} connections, and prints for each
operation requests a second, latencies, CPU time and SQL statements. Beside it runs the yardstick: a bare postgres.js loop
that sends the very same statements with the same concurrency. Nothing passes or fails by time. One to two minutes.

  NAME    ${NAMES.join(', ')};
          default: all but the last six.
          checkouts: purchases a second by 16 and by 64 buyers, of different goods and of the same, beside pgbench.
          search: faceted search of ${PRODUCTS.toLocaleString('en')} products beside LIKE; two minutes of its own.
          gateways: the router, with sharing on and off, beside other gateways over the same four small subgraphs.
          pages: product and account page of this shop in one process, beside Apollo's gateway over HTTP subgraphs.
          subscriptions: what a delivered event and an idle subscription cost, beside a bare WebSocket server.
          startup: from spawning the process to the first answer, with a new database and an existing one.`

const STARTS = 3

async function main(names: readonly string[]): Promise<void> {
  const unknown = names.filter((name) => !NAMES.includes(name))
  if (unknown.length > 0) throw new Error(`Unknown: ${unknown.join(', ')}.\n\n${HELP}`)
  const [{ model } = { model: 'unknown' }] = cpus()
  console.log(`${cpus().length} × ${model}, load ${loadavg()[0]!.toFixed(1)} before; Node.js ${process.versions.node}`)
  if (names.includes('startup')) await benchStartup()
  if (names.includes('checkouts')) await benchCheckouts()
  if (names.includes('gateways')) await compareGateways()
  if (names.includes('pages')) await runProgram('pages')
  if (names.includes('subscriptions')) await runProgram('subscriptions')
  if (names.includes('search')) await benchSearches()
  const chosen = operations.filter(({ name }) => names.length === 0 || names.includes(name))
  if (chosen.length > 0) await benchOperations(chosen)
}

async function benchOperations(chosen: typeof operations): Promise<void> {
  console.log('Opening a shop on a new database')
  await using shop = await openShop()
  await using bare = new BareLoop(shop.config)
  const [server] = await shop.admin<{ version: string }[]>`select current_setting('server_version') as version`
  console.log(
    `PostgreSQL ${server!.version}, fsync on, ${shop.config.DATABASE_POOL_SIZE} connections a part, ${CONNECTIONS} clients\n`,
  )
  row('operation', 'requests', 'a second', 'p50 ms', 'p99 ms', 'CPU ms', 'SQL', 'bare/s', 'ratio')
  for (const operation of chosen) {
    const { requests, perSecond, p50, p99, cpuMs, statements, barePerSecond } = await measure(shop, bare, operation)
    const ratio = barePerSecond === null ? '' : (perSecond / barePerSecond).toFixed(2)
    const decimals = [p50, p99, cpuMs].map((value) => value.toFixed(1))
    row(
      operation.title,
      `${requests}`,
      perSecond.toFixed(0),
      ...decimals,
      `${statements}`,
      barePerSecond?.toFixed(0) ?? '',
      ratio,
    )
  }
  console.log(`
CPU: of the shop's process, a request. SQL: statements a request, BEGIN and COMMIT left out.
bare: the same statements sent by postgres.js alone, in turns with the shop. ratio: req/s to bare/s.`)
}

async function benchSearches(): Promise<void> {
  const figures = benchSearch(PRODUCTS, console.log)
  let isFirst = true
  for await (const { title, matches, ours, cached, like } of figures) {
    if (isFirst) row('\np50 / p99 ms of a search', 'matches', 'faceted', 'cached', 'LIKE')
    isFirst = false
    row(title, `${matches}`, spreadOf(ours), spreadOf(cached), spreadOf(like))
  }
  console.log(`
faceted: a page of 20, facets and the number of matches, in two statements. cached: the same, asked again.
LIKE: a page of 20 and the number of matches, unranked, without facets. matches: of the last search.
`)
}

async function benchCheckouts(): Promise<void> {
  const missing = missingPgbench()
  if (missing) console.log(missing)
  console.log('Opening a shop on a new database')
  await using shop = await openShop()
  row('checkouts', 'buyers', 'measured', 'late', 'a second', 'p50 ms', 'p99 ms', 'CPU ms', 'pgbench/s', 'ratio')
  const cost = await measureCheckouts(shop, {
    prepareSeconds: 10,
    tell({ title, buyers, count, late, perSecond, p50, p99, cpuMs, yardstick }) {
      const decimals = [perSecond, p50, p99, cpuMs].map((value) => value.toFixed(1))
      const beside = yardstick === null ? ['', ''] : [yardstick.toFixed(0), (perSecond / yardstick).toFixed(3)]
      row(`${title} goods`, `${buyers}`, `${count}`, `${late}`, ...decimals, ...beside)
    },
  })
  const parts = Object.entries(cost.byPart).map(([part, count]) => `${part} ${count}`)
  console.log(`
One checkout of two lines: ${cost.statements} statements, ${cost.roundTrips} round trips (${parts.join(', ')}).
pgbench: its TPC-B-like transactions a second (five statements, prepared) on the same server with as many clients, after
each line. ratio: checkouts to those.`)
}

async function benchStartup(): Promise<void> {
  const starts: Record<'fresh' | 'existing', Start[]> = { fresh: [], existing: [] }
  for (let run = 1; run <= STARTS; run += 1) {
    console.log(`Start ${run} of ${STARTS}, on a new database and once more on that one`)
    const { fresh, existing } = await startTwice()
    starts.fresh.push(fresh)
    starts.existing.push(existing)
  }
  console.log()
  row('from spawn to first answer', 'min ms', 'median', 'max', 'CPU ms', 'RSS MB')
  for (const [title, of] of [
    ['new database', starts.fresh] as const,
    ['existing database', starts.existing] as const,
  ]) {
    const at = (share: number, value: (start: Start) => number) => percentile(of.map(value), share)
    const times = [0, 0.5, 1].map((share) => at(share, ({ tookMs }) => tookMs))
    const usage = [at(0.5, ({ cpuMs }) => cpuMs), at(0.5, ({ residentBytes }) => residentBytes) / 1e6]
    row(title, ...[...times, ...usage].map((value) => value.toFixed(0)))
  }
  console.log()
}

/** One that prints its own table. */
async function runProgram(name: 'pages' | 'subscriptions'): Promise<void> {
  const program = fileURLToPath(new URL(`./${name}.ts`, import.meta.url))
  const [code] = await once(spawn(process.execPath, [program], { stdio: 'inherit' }), 'exit')
  if (code !== 0) throw new Error(`${name}: ended with ${code}`)
}

async function compareGateways(): Promise<void> {
  console.log(`Comparing gateways, in turns, ${CLIENTS} connections; two minutes`)
  const figures = await benchGateways(console.log)
  row('query and gateway', 'a second', 'CPU µs', 'ours', 'off', 'RSS MB')
  for (const { asked, way, perSecond, cpuMicros, residentBytes } of figures) {
    const times = ['ours', 'ours, sharing off'].map((name) => {
      const ours = figures.find((each) => each.asked === asked && each.way === name)!
      return `${(cpuMicros / ours.cpuMicros).toFixed(1)} ×`
    })
    const sizes = [perSecond, cpuMicros].map((value) => value.toFixed(0))
    row(`${asked}, ${way}`, ...sizes, ...times, (residentBytes / 1e6).toFixed(0))
  }
  console.log(`
CPU: of the gateway's process, a request; the median of the rounds. ours, off: how many times the CPU of the router with
and without SHARE_INFLIGHT_FETCHES. All answers are the same. Subgraphs answer from memory; nothing is pinned to a core.
`)
}

if (process.argv.includes('--help')) console.log(HELP)
else {
  await main(process.argv.slice(2)).catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error)
    process.exitCode = 1
  })
}
