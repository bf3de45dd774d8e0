import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { composeServices } from '@apollo/composition'
import { parse } from 'graphql'
import { Agent } from 'undici'
import { market } from '../router/testing/market.ts'
import { linked } from '../router/testing/worlds.ts'
import { freePorts, startProgram } from '../tests/system/program.ts'
import { CLIENTS, inTurns, untilAnswering, type Way, type WayFigures } from './turns.ts'

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

/** Compares the router with other gateways, in turns over the same subgraphs. */
export async function benchGateways(say: (text: string) => void): Promise<WayFigures[]> {
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
  const gateways: Way[] = []
  for (const [index, [name, args, env]] of programs.entries()) {
    const port = ports[4 + index]
    const settings = { NODE_ENV: 'production', LOG_LEVEL: 'error', APOLLO_TELEMETRY_DISABLED: 'true' }
    const program = opened.use(startProgram(args, { ...settings, SUPERGRAPH_FILE: file, PORT: `${port}`, ...env }))
    const url = `http://127.0.0.1:${port}/graphql`
    gateways.push({ name, url, programs: [program] })
    await untilAnswering(gateways.at(-1)!, '{ topProducts { upc } }')
  }
  const agent = opened.adopt(new Agent({ connections: CLIENTS }), (each) => each.close())
  const figures: WayFigures[] = []
  for (const [name, query] of Object.entries(queries))
    figures.push(...(await inTurns(agent, gateways, { name, bodies: [JSON.stringify({ query })] })))
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
