import type { Figure, Metrics } from '#platform/metrics.ts'
import type { Tally } from '#platform/tally.ts'
import type { Meter } from './meter.ts'
import type { Runtimes } from './runtimes.ts'
import type { Admission } from './subscriptions/admission.ts'
import type { Operations } from './subscriptions/operations.ts'

export interface Measured {
  meter: Meter
  runtimes: Runtimes
  operations: Operations
  admission: Admission
}

/** Adds the figures of a router. Those of its caches begin anew with each supergraph. */
export function measureRouter(metrics: Metrics, { meter, runtimes, operations, admission }: Measured): void {
  const tally = (name: string, help: string, label: string, counts: Tally) =>
    metrics.counter({ name, help, labels: [label, 'outcome'], read: () => counts.samples(label) })
  const hits = (cache: string, { hits, misses }: { hits: number; misses: number }) =>
    samples('outcome', { hit: hits, miss: misses }).map(({ labels, value }) => ({
      labels: { cache, ...labels },
      value,
    }))

  tally('mercato_router_responses_total', 'HTTP answers by route and status', 'route', meter.responses)
  tally('mercato_router_operations_total', 'Operations by kind, and how they ended', 'kind', meter.operations)
  tally('mercato_router_fetches_total', 'Fetches by subgraph, and how they ended', 'subgraph', meter.fetches)
  metrics.counter({
    name: 'mercato_router_cache_requests_total',
    help: 'Operations that were known, as texts (documents) and as plans, and those that were not',
    labels: ['cache', 'outcome'],
    read: () => [
      ...hits('documents', runtimes.current.documents.counts),
      ...hits('plans', runtimes.current.engine.counts().operations),
    ],
  })
  metrics.counter({
    name: 'mercato_router_shared_total',
    help: 'Fetches, and whole queries, that needed nothing but the answer to another under way',
    labels: ['what'],
    read: () => {
      const { fetches, queries } = runtimes.current.engine.counts()
      return samples('what', { fetches: fetches.shared, queries: queries.shared })
    },
  })
  metrics.gauge({
    name: 'mercato_router_breaker_open',
    help: '1 while a subgraph is not asked because it did not answer',
    labels: ['subgraph'],
    read: () => samples('subgraph', runtimes.current.engine.breakers()),
  })
  for (const figure of subscriptionFigures(operations, admission)) metrics[figure.kind](figure)
  metrics.gauge({
    name: 'mercato_router_schema_generation',
    help: 'Which supergraph since the start is served',
    read: () => 1 + runtimes.counts.loaded,
  })
  metrics.counter({
    name: 'mercato_router_schema_reloads_total',
    help: 'Supergraphs that were taken up, and those that could not be served',
    labels: ['outcome'],
    read: () => samples('outcome', runtimes.counts),
  })
}

function subscriptionFigures(operations: Operations, admission: Admission): (Figure & { kind: 'gauge' | 'counter' })[] {
  return [
    {
      kind: 'gauge',
      name: 'mercato_router_connections',
      help: 'Open graphql-ws sockets and HTTP streams',
      read: () => admission.total,
    },
    {
      kind: 'counter',
      name: 'mercato_router_connections_refused_total',
      help: 'Connections that found no place',
      read: () => admission.refused,
    },
    {
      kind: 'gauge',
      name: 'mercato_router_subscriptions',
      help: 'Subscriptions under way; those that are shared count once',
      read: () => operations.live,
    },
    {
      kind: 'counter',
      name: 'mercato_router_subscription_events_total',
      help: 'Events for clients: sent or kept for a moment (delivered), replaced by a newer one before they were sent (skipped)',
      labels: ['outcome'],
      read: () => samples('outcome', { delivered: operations.counts.delivered, skipped: operations.counts.skipped }),
    },
    {
      kind: 'counter',
      name: 'mercato_router_subscriptions_ended_total',
      help: 'Subscriptions that the router ended, by code',
      labels: ['code'],
      read: () =>
        operations.counts.ended
          .samples('kind')
          .map(({ labels, value }) => ({ labels: { code: labels.outcome! }, value })),
    },
  ]
}

const samples = (label: string, values: Readonly<Record<string, number>>) =>
  Object.entries(values).map(([name, value]) => ({ labels: { [label]: name }, value }))
