import { composeServices } from '@apollo/composition'
import { parse, type GraphQLSchema } from 'graphql'
import { fullSdl, sdl } from '#platform/subgraph.ts'
import { subgraphNames } from '../../subgraphs/all.ts'
import { dreamtSubgraph } from './dreamt-subgraph.ts'
import { fair, market, museum } from './market.ts'
import type { RandomOptions } from './random-operations.ts'
import { sky } from './sky.ts'

/** A supergraph, its subgraphs, and what random operations of it are like. */
export interface World extends Omit<RandomOptions, 'schema'> {
  supergraphSdl: string
  schemas: ReadonlyMap<string, GraphQLSchema>
}

const LINK = `extend schema @link(url: "https://specs.apollo.dev/federation/v2.12", import: ["@key" "@requires" "@external"
  "@provides" "@shareable" "@inaccessible" "@interfaceObject" "@override"])\n`

export function dreamt(subgraphs: Record<string, string>): World {
  const services = Object.entries(subgraphs).map(([name, typeDefs]) => ({ name, url: '', typeDefs: parse(typeDefs) }))
  const { supergraphSdl, errors } = composeServices(services)
  if (!supergraphSdl) throw new Error(errors?.join('\n'))
  const schemas = new Map(Object.entries(subgraphs).map(([name, typeDefs]) => [name, dreamtSubgraph(typeDefs)]))
  return { supergraphSdl, schemas }
}

export const linked = (subgraphs: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(subgraphs).map(([name, typeDefs]) => [name, LINK + typeDefs]))

const own = (name: string): string =>
  fullSdl({ typeDefs: sdl(new URL(`../../subgraphs/${name}/index.ts`, import.meta.url).href) })

/** Supergraphs that are quite different from each other. */
export const worlds = {
  'a sky of real data': () => {
    const { supergraphSdl, schemas } = sky()
    return {
      supergraphSdl: supergraphSdl(new Map()),
      schemas,
      literals: { id: ['"p1"', '"m1"', '"nowhere"'], mood: ['CALM', 'CALM', 'STORMY'], ms: ['1', '1', '1'] },
      // The two are told differently who asks.
      leftOut: new Set(['whoami', 'requestId']),
    }
  },
  'the market of the benchmark': () => ({ ...dreamt(linked(market)), depth: 5 }),
  'a museum of rare features': () => {
    // Without the interface that is an object to a subgraph: see departures.test.ts.
    const { valuation: _, ...others } = museum
    return { ...dreamt(linked(others)), depth: 4 }
  },
  'a fair of shared things': () => ({ ...dreamt(linked(fair)), depth: 4 }),
  'our shop': () => ({ ...dreamt(Object.fromEntries(subgraphNames.map((name) => [name, own(name)]))), depth: 5 }),
} satisfies Record<string, () => World>
