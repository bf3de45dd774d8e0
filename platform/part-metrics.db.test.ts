import { expect, test } from 'vitest'
import { freshDatabase } from '../tests/setup/fresh-database.ts'
import { loadSubgraph } from '../subgraphs/all.ts'
import { loadConfig } from './config.ts'
import { databaseUrl } from './database.ts'
import { createLogger } from './log.ts'
import { Metrics } from './metrics.ts'
import { measureParts } from './part-metrics.ts'
import { openPorts } from './ports.ts'
import { openQueues } from './queues.ts'
import { runSubgraph } from './run-subgraph.ts'

const log = createLogger({ level: 'silent', pretty: false, name: 'test' })

test('a process tells what its subgraphs watch, what waits for nobody, and how cache and limits do', async () => {
  await using database = await freshDatabase()
  const config = loadConfig({ NODE_ENV: 'test', DATABASE_URL: database.url, DATABASE_POOL_SIZE: '2' })
  await using ports = await openPorts({ log })
  const support = await loadSubgraph('support')
  const subgraph = {
    ...support,
    gauges: [
      {
        name: 'mercato_tickets_open',
        help: 'Tickets',
        read: async ({ requestId }: { requestId: string }) => requestId.length,
      },
    ],
  }
  await using part = runSubgraph(subgraph, { config, ports, log, transports: new Map() })
  await using queues = await openQueues({ url: databaseUrl('jobs', config), log })
  const metrics = new Metrics({ isOpen: true, log })
  measureParts(metrics, { parts: [part], ports, queues })

  await ports.cache.get('support:typing:1')
  await ports.cache.set('support:typing:1', true, 60_000)
  await ports.cache.get('support:typing:1')
  for (let each = 0; each < 3; each++) await ports.rateLimit.consume('users:sign-in:a', { points: 2, windowMs: 60_000 })
  const text = await (await metrics.answer(undefined)).text()
  expect(text.match(/^mercato.*$/gm)).toEqual([
    'mercato_tickets_open{subgraph="support"} 36',
    'mercato_queue_dead_letters 0',
    'mercato_cache_requests_total{cache="support:typing",outcome="miss"} 1',
    'mercato_cache_requests_total{cache="support:typing",outcome="hit"} 1',
    'mercato_rate_limit_tries_total{limit="users:sign-in",outcome="allowed"} 2',
    'mercato_rate_limit_tries_total{limit="users:sign-in",outcome="refused"} 1',
  ])
})
