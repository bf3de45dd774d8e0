// How fast a large catalogue is searched, beside what a shop without an index for it would ask: LIKE.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import postgres, { type Sql } from 'postgres'
import { loadConfig } from '#platform/config.ts'
import { startEmbeddedPostgres } from '#platform/embedded-postgres.ts'
import { uuidv7 } from '#platform/ids.ts'
import { openPorts } from '#platform/ports.ts'
import { runSubgraph } from '#platform/run-subgraph.ts'
import { localTransport } from '#platform/transport-local.ts'
import { anonymous, noDevice, type Viewer } from '#platform/viewer.ts'
import { migrate } from '../drizzle/migrate.ts'
import { addCrowd, settleCrowd } from '../subgraphs/inventory/crowd.fixture.ts'
import inventory from '../subgraphs/inventory/index.ts'
import { staffWith } from '../tests/setup/viewers.ts'
import { continueOrThrow, load, percentile } from './load.ts'

export interface SearchFigures {
  title: string
  matches: number
  /** Milliseconds: with facets and the number of matches, read from the database each time. */
  ours: number[]
  /** The same as shoppers get it once somebody has asked. */
  cached: number[]
  /** A page of 20 and the number of matches by LIKE; no facets, no rank, no forgiveness. */
  like: number[]
}

const BATCH = 10_000
const SECONDS = 4
const FACETED = `query ($query: String!, $filter: ProductFilter) { productSearch(query: $query, filter: $filter) {
  products(first: 20) { nodes { id name slug } totalCount } facets { name values { value count } } suggestion } }`

// Each with another last word in turn, so that no plan and no page is made for one of them.
const kinds = [
  { title: 'two words', queries: (noun: string) => `walnut ${noun}` },
  { title: 'a common word', queries: (noun: string) => noun },
  { title: 'the beginning of a word', queries: (noun: string) => noun.slice(0, 3) },
  { title: 'a misspelt word', queries: (noun: string) => `walnt ${noun}` },
  {
    title: 'a brand among matches',
    queries: (noun: string) => noun,
    filter: { brands: ['Walnutwerk 3', 'Oakwerk 5'] },
  },
  { title: 'up to a price', queries: (noun: string) => noun, filter: { priceMax: '50' } },
]
const nouns = [
  'shirt',
  'scarf',
  'blanket',
  'lamp',
  'chair',
  'table',
  'basket',
  'teapot',
  'kettle',
  'backpack',
  'umbrella',
]

/** Makes `count` products, telling so, and asks for them one after the other. */
export async function* benchSearch(count: number, tell: (line: string) => void): AsyncGenerator<SearchFigures> {
  await using opened = new AsyncDisposableStack()
  const dataDir = await mkdtemp(join(tmpdir(), 'mercato-bench-'))
  opened.defer(() => rm(dataDir, { recursive: true, force: true }))
  const log = pino({ level: 'silent' })
  const database = opened.use(await startEmbeddedPostgres({ dataDir, log }))
  const config = loadConfig({ NODE_ENV: 'test', DATABASE_URL: database.url })
  await migrate(config, [inventory])
  const sql = postgres(database.url, { max: 1, onnotice: () => {} })
  opened.defer(() => sql.end())
  for (let made = 0; made < count; made += BATCH) {
    continueOrThrow()
    await addCrowd(sql, made + 1, Math.min(BATCH, count - made))
    tell(`${Math.min(made + BATCH, count)} of ${count} products made`)
  }
  await settleCrowd(sql)

  const ports = opened.use(await openPorts({ log }))
  const part = opened.use(runSubgraph(inventory, { config, ports, log, transports: new Map() }))
  const { execute } = localTransport({ name: 'inventory', schema: part.schema, createContext: part.createContext, log })
  const ask = async (viewer: Viewer, variables: object): Promise<number> => {
    const request = { query: FACETED, variables: { ...variables }, viewer, device: noDevice, requestId: uuidv7() }
    const { data, errors } = await execute(request)
    if (errors) throw new Error(JSON.stringify(errors))
    return (data as { productSearch: { products: { totalCount: number } } }).productSearch.products.totalCount
  }
  // What staff read is never kept.
  const editor = staffWith('inventory:read')
  for (const { title, queries, filter } of kinds) {
    let [matches, asked] = [0, 0]
    const each = (send: (variables: { query: string; filter?: typeof filter }) => Promise<unknown>) =>
      timed(() => send({ query: queries(nouns[(asked += 1) % nouns.length]!), filter }))
    const ours = await each(async (variables) => (matches = await ask(editor, variables)))
    const cached = await each((variables) => ask(anonymous, variables))
    const like = await each(({ query }) => byLike(sql, query, filter))
    yield { title, matches, ours, cached, like }
  }
}

// One at a time: how long somebody waits, not how much a server can take. The first round warms up.
async function timed(task: () => Promise<unknown>): Promise<number[]> {
  for (let round = 0; round < nouns.length; round += 1) await task()
  const { latencies } = await load(1, SECONDS, async () => {
    await task()
    return true
  })
  return latencies
}

async function byLike(sql: Sql, query: string, filter?: { brands?: string[]; priceMax?: string }): Promise<void> {
  const words = query.split(' ').map((word) => `%${word}%`)
  const text = sql`lower(concat_ws(' ', name, brand, array_to_string(tags, ' '), description))`
  const where = sql`status = 'ACTIVE' and ${text} like all (${words})
    and (${filter?.brands ?? null}::text[] is null or brand = any (${filter?.brands ?? null}::text[]))
    and (${filter?.priceMax ?? null}::int is null or price_min_minor <= ${filter?.priceMax ?? null}::int * 100)`
  await sql`select id, name, slug from inventory.products where ${where} order by sold_recently desc, id desc limit 20`
  await sql`select count(*) from inventory.products where ${where}`
}

/** `12.3 / 45.6`: the median and the 99th percentile. */
export const spreadOf = (latencies: readonly number[]): string =>
  [0.5, 0.99].map((share) => percentile(latencies, share).toFixed(1)).join(' / ')
