import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { promisify } from 'node:util'
import { composeServices } from '@apollo/composition'
import { parse } from 'graphql'
import { Agent, request } from 'undici'
import { market } from '../router/testing/market.ts'
import { linked } from '../router/testing/worlds.ts'
import { freePorts, startProgram, type Program } from '../tests/system/program.ts'
import { continueOrThrow, load, perSecond, together, type Load } from './load.ts'
import { usageOf } from './usage.ts'

const CONNECTIONS = 50
const WARM_UP_SECONDS = 4
const ROUNDS = 4
const ROUND_SECONDS = 3

const product = (more = ''): string => `{ inStock name price shippingEstimate upc weight ${more} }`
const AUTHOR = `author { id username name reviews { id body product ${product()} } }`
const REVIEWS = `reviews { id body ${AUTHOR} }`
const queries = {
  heavy: `{ users { id username name reviews { id body product ${product(REVIEWS)} } } topProducts ${product(REVIEWS)} }`,
  light: '{ topProducts(first: 3) { upc name price inStock reviews { id author { id name } } } }',
}

const HIVE = {
  '@graphql-hive/gateway-runtime': '2.12.1',
  '@graphql-hive/router-runtime': '1.4.23',
  '@graphql-mesh/transport-http': '1.2.1',
  graphql: '16.15.0',
}
const HIVE_PROGRAM = `import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createGatewayRuntime } from '@graphql-hive/gateway-runtime'
import { unifiedGraphHandler } from '@graphql-hive/router-runtime'
const [supergraph, port] = [readFileSync(process.argv[2], 'utf8'), Number(process.argv[3])]
createServer(createGatewayRuntime({ supergraph, logging: false, unifiedGraphHandler })).listen(port, '127.0.0.1')
`

export interface GatewayFigures {
  query: string
  gateway: string
  perSecond: number
  /** CPU time of the gateway's process for one request, in microseconds: the median of the rounds. */
  cpuMicros: number
  residentBytes: number
}

interface Gateway {
  name: string
  url: string
  program: Program
}

/** Compares the router with other gateways, in turns over the same subgraphs. */
export async function benchGateways(say: (text: string) => void): Promise<GatewayFigures[]> {
  await using opened = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'mercato-gateways-'))
  opened.defer(() => rm(folder, { recursive: true, force: true }))
  const ports = await freePorts(8)
  const file = join(folder, 'supergraph.graphql')
  await writeFile(file, composed(ports))
  opened.use(startProgram(['bench/gateway-subgraphs.ts', ...ports.slice(0, 4).map(String)], { NODE_ENV: 'production' }))
  const hive = await installHive(folder, say)
  const programs: [name: string, args: readonly string[], env: Record<string, string>][] = [
    ['ours', ['router/serve.ts'], {}],
    ['ours, sharing off', ['router/serve.ts'], { SHARE_INFLIGHT_FETCHES: 'false' }],
    ['stock Apollo', ['bench/gateway-stock.ts', file, `${ports[6]}`], {}],
    ...(hive
      ? [['Hive, Rust planner', [hive, file, `${ports[7]}`], {}] as [string, string[], Record<string, string>]]
      : []),
  ]
  const gateways: Gateway[] = []
  for (const [index, [name, args, env]] of programs.entries()) {
    const port = ports[4 + index]
    const settings = { NODE_ENV: 'production', LOG_LEVEL: 'error', APOLLO_TELEMETRY_DISABLED: 'true' }
    const program = opened.use(startProgram(args, { ...settings, SUPERGRAPH_FILE: file, PORT: `${port}`, ...env }))
    const url = `http://127.0.0.1:${port}/graphql`
    gateways.push({ name, url, program })
    await answers(gateways.at(-1)!)
  }
  const agent = opened.adopt(new Agent({ connections: CONNECTIONS }), (each) => each.close())
  const figures: GatewayFigures[] = []
  for (const [query, text] of Object.entries(queries)) figures.push(...(await compare(agent, gateways, query, text)))
  return figures
}

function composed(ports: readonly number[]): string {
  const services = Object.entries(linked(market)).map(([name, sdl], index) => ({
    name,
    url: `http://127.0.0.1:${ports[index]}/graphql`,
    typeDefs: parse(sdl),
  }))
  const { supergraphSdl, errors } = composeServices(services)
  if (!supergraphSdl) throw new AggregateError(errors ?? [])
  return supergraphSdl
}

/** The other gateway is no dependency of ours: it is installed beside, where that is possible. */
async function installHive(folder: string, say: (text: string) => void): Promise<string | null> {
  const overrides = { '@graphql-tools/batch-execute': '10.2.0' }
  await writeFile(join(folder, 'package.json'), JSON.stringify({ private: true, dependencies: HIVE, overrides }))
  try {
    const args = ['install', '--no-audit', '--no-fund', '--ignore-scripts']
    await promisify(execFile)('npm', args, { cwd: folder, timeout: 180_000 })
  } catch {
    say('Hive Gateway is left out: npm cannot install it here.')
    return null
  }
  const program = join(folder, 'hive.mjs')
  await writeFile(program, HIVE_PROGRAM)
  return program
}

async function answers({ name, url, program }: Gateway): Promise<void> {
  const headers = { 'content-type': 'application/json' }
  const ask = () => request(url, { method: 'POST', headers, body: '{"query":"{ topProducts { upc } }"}' })
  while (
    (
      await ask().then(
        ({ body }) => body.text(),
        () => '',
      )
    )[0] !== '{'
  ) {
    continueOrThrow()
    if (!program.isRunning()) throw new Error(`${name} ended before it was ready:\n${program.output()}`)
    await setTimeout(100)
  }
}

async function compare(agent: Agent, gateways: readonly Gateway[], query: string, text: string) {
  const body = JSON.stringify({ query: text })
  const ask = async ({ url }: Gateway): Promise<string> => {
    const headers = { 'content-type': 'application/json' }
    const answer = await request(url, { dispatcher: agent, method: 'POST', headers, body })
    return await answer.body.text()
  }
  const runs = gateways.map((gateway) => ({ gateway, loads: [] as Load[], micros: [] as number[] }))
  const [expected] = await Promise.all(gateways.map(async (gateway) => dataOf(await ask(gateway))))
  for (const { gateway } of runs) {
    if (dataOf(await ask(gateway)) !== expected) throw new Error(`${gateway.name} answers ${query} differently`)
    await load(CONNECTIONS, WARM_UP_SECONDS, async () => Boolean(await ask(gateway)))
  }
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const { gateway, loads, micros } of runs) {
      const before = await usageOf(gateway.program.pid)
      const measured = await load(CONNECTIONS, ROUND_SECONDS, async () => Boolean(await ask(gateway)))
      const after = await usageOf(gateway.program.pid)
      loads.push(measured)
      micros.push(((after.cpuMs - before.cpuMs) * 1_000) / measured.latencies.length)
    }
  }
  const figures: GatewayFigures[] = []
  for (const { gateway, loads, micros } of runs) {
    const { residentBytes } = await usageOf(gateway.program.pid)
    const cpuMicros = micros.toSorted((a, b) => a - b)[Math.floor(ROUNDS / 2)]!
    figures.push({ query, gateway: gateway.name, perSecond: perSecond(together(loads)), cpuMicros, residentBytes })
  }
  return figures
}

function dataOf(answer: string): string {
  const { data, errors } = JSON.parse(answer)
  if (errors) throw new Error(answer.slice(0, 300))
  return JSON.stringify(data)
}
