import { existsSync } from 'node:fs'
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

const isBuilt = (name: string): boolean =>
  existsSync(new URL(`./${name}/index.ts`, import.meta.url)) &&
  existsSync(new URL(`./${name}/resolvers.ts`, import.meta.url)) &&
  existsSync(new URL(`../drizzle/${name}/meta/_journal.json`, import.meta.url))

export const loadAllSubgraphs = (): Promise<Subgraph[]> =>
  Promise.all(subgraphNames.filter(isBuilt).map((name) => loadSubgraph(name).catch(() => null))).then((all) =>
    all.filter((one) => one !== null),
  )
