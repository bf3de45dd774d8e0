import type { Subgraph } from '#platform/subgraph.ts'

export const subgraphNames = ['users', 'inventory', 'cart', 'orders', 'payments', 'support', 'delivery'] as const

export type SubgraphName = (typeof subgraphNames)[number]

/** Where a subgraph listens when nothing else is configured: 4001 and up, in the order above. */
export const defaultPort = (name: SubgraphName): number => 4001 + subgraphNames.indexOf(name)

export const defaultUrl = (name: SubgraphName): string => `http://127.0.0.1:${defaultPort(name)}/graphql`

/** One subgraph by name, loaded only when asked for: a process of its own needs no other. */
export async function loadSubgraph(name: SubgraphName): Promise<Subgraph> {
  const module = (await import(`./${name}/index.ts`)) as { default: Subgraph }
  return module.default
}

export const loadAllSubgraphs = (): Promise<Subgraph[]> => Promise.all(subgraphNames.map(loadSubgraph))
