import { readFileSync } from 'node:fs'
import { buildSubgraphSchema } from '@apollo/subgraph'
import { parse, type GraphQLResolveInfo, type GraphQLSchema } from 'graphql'
import type { Context } from './context.ts'
import { forgetLoaded } from './loader.ts'
import type { Reaction } from './reactions.ts'
import { commonResolvers } from './scalars.ts'

/** Something a subgraph does by itself, in every process that runs it. */
export interface Job {
  name: string
  everySeconds: number
  /** Must stand two processes running it at once: guard rows with `for update skip locked` or a guarded UPDATE. */
  run(ctx: Context): Promise<void>
}

/** A page or address outside GraphQL that a subgraph serves under the public origin. */
export interface Route {
  /** Path and everything below it. */
  prefix: string
  developmentOnly?: boolean
  /** For our own parts: never served under the public origin. */
  internal?: boolean
  handle(ctx: Context, request: Request): Promise<Response>
}

/** A figure of a subgraph's own that its operators watch, such as how many checkouts need somebody's attention. */
export interface PartGauge {
  /** As Prometheus has it, `mercato_checkouts_needing_attention`. Served with a label `subgraph`. */
  name: string
  help: string
  /** Read for every scrape of every process: one small statement. */
  read(ctx: Context): Promise<number>
}

/** A subgraph as data: what `subgraphs/<name>/index.ts` exports. */
export interface Subgraph {
  name: string
  /** SDL without the common part. */
  typeDefs: string
  resolvers: ResolverMap
  reactions?: readonly Reaction[]
  jobs?: readonly Job[]
  routes?: readonly Route[]
  gauges?: readonly PartGauge[]
  /**
   * Fills an empty database with the demo shop; false when there was something already. Deterministic: ids come from
   * `demoId`, times from `ctx.now()`.
   */
  seed?(ctx: Context): Promise<boolean>
  /** Development only: what makes the demo shop move, such as a courier on the way. */
  animate?(ctx: Context): Promise<void>
}

type ResolverMap = Record<string, unknown>

/** The SDL beside an `index.ts`: `sdl(import.meta.url)`. */
export const sdl = (indexUrl: string): string => readFileSync(new URL('schema.graphql', indexUrl), 'utf8')

const common = readFileSync(new URL('schema.graphql', import.meta.url), 'utf8')

/** The SDL of a subgraph as composition sees it: common types, then its own. */
export const fullSdl = ({ typeDefs }: Pick<Subgraph, 'typeDefs'>): string => `${common}\n${typeDefs}`

/** The executable schema. */
export function schemaOf(subgraph: Subgraph): GraphQLSchema {
  const schema = buildSubgraphSchema([
    { typeDefs: parse(fullSdl(subgraph)), resolvers: { ...commonResolvers, ...subgraph.resolvers } as never },
  ])
  // Of several mutations in one request each is answered before the next begins, which must not show what that one read.
  for (const field of Object.values(schema.getMutationType()?.getFields() ?? {})) {
    const { resolve } = field
    if (!resolve) continue
    field.resolve = (source, args, ctx: Context, info) => {
      forgetLoaded(ctx)
      return resolve(source, args, ctx, info)
    }
  }
  return schema
}

/** What `__resolveReference` and `__resolveType` get beside the value. */
export type { GraphQLResolveInfo }
