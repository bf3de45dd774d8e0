// Fills an empty database with the demo shop: `npm run seed`, and part of `npm start` in development.
import { loadConfig, type Config } from '#platform/config.ts'
import { openPorts } from '#platform/ports.ts'
import { createLogger } from '#platform/log.ts'
import { runProgram } from '#platform/program.ts'
import { runSubgraph, type RunningSubgraph } from '#platform/run-subgraph.ts'
import { loadAllSubgraphs } from '../subgraphs/all.ts'

/** Seeds each subgraph that is empty, in dependency order. Refused in production. */
export async function seed(
  parts: readonly RunningSubgraph[],
  { NODE_ENV }: Pick<Config, 'NODE_ENV'>,
  progress: (line: string) => void,
): Promise<void> {
  if (NODE_ENV === 'production') throw new Error('The demo shop is for development: production is never seeded.')
  for (const { name, subgraph, ownContext } of parts) {
    if (!subgraph.seed) continue
    const began = performance.now()
    if (await subgraph.seed(ownContext())) progress(`${name}: seeded in ${Math.round(performance.now() - began)} ms`)
  }
}

if (import.meta.main) {
  if (process.argv.includes('--help')) {
    console.log(
      'npm run seed\n\nFills the empty, migrated database at DATABASE_URL with the demo shop. Development only.',
    )
  } else {
    await runProgram(async () => {
      const config = loadConfig()
      const log = createLogger({ level: 'warn', pretty: true, name: 'seed' })
      await using ports = await openPorts({ redisUrl: config.REDIS_URL, redisPrefix: config.REDIS_PREFIX, log })
      const surroundings = { config, ports, log, transports: new Map() }
      const parts = (await loadAllSubgraphs()).map((subgraph) => runSubgraph(subgraph, surroundings))
      try {
        await seed(parts, config, (line) => console.log(line))
      } finally {
        for (const part of parts) await part[Symbol.asyncDispose]()
      }
    })
  }
}
