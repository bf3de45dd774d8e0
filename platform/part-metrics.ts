import type { Metrics } from './metrics.ts'
import type { Ports } from './ports.ts'
import type { Queues } from './queues.ts'
import type { RunningSubgraph } from './run-subgraph.ts'

/** Adds the figures of the subgraphs that run in this process, and of what they share. */
export function measureParts(
  metrics: Metrics,
  { parts, ports, queues }: { parts: readonly RunningSubgraph[]; ports: Ports; queues: Queues },
): void {
  for (const {
    name: subgraph,
    subgraph: { gauges = [] },
    ownContext,
  } of parts) {
    for (const { name, help, read } of gauges) {
      const samples = async () => [{ labels: { subgraph }, value: await read(ownContext()) }]
      metrics.gauge({ name, help, labels: ['subgraph'], read: samples })
    }
  }
  metrics.gauge({
    name: 'mercato_queue_dead_letters',
    help: 'Facts whose reactions gave up, of all parts; each needs somebody to look at it',
    read: () => queues.deadLetters(),
  })
  metrics.counter({
    name: 'mercato_cache_requests_total',
    help: 'Values asked of the cache, by what they are and whether it had them (hit, miss)',
    labels: ['cache', 'outcome'],
    read: () => ports.counts.cache.samples('cache'),
  })
  metrics.counter({
    name: 'mercato_rate_limit_tries_total',
    help: 'What was tried under a rate limit, by limit and whether it might (allowed, refused)',
    labels: ['limit', 'outcome'],
    read: () => ports.counts.rateLimit.samples('limit'),
  })
}
