import type { Guard } from './guard.ts'

/** A file of orders. */
export const of = (name: string) => `subgraphs/orders/${name}.ts`

/** Tests of orders: a file, and a part of their names. */
export const test = (spec: string, name?: string): Guard['redIn'] => ({
  file: of(`subgraph.${spec}.test`),
  ...(name ? { name } : {}),
})
