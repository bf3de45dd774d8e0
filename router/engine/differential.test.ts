import { composeServices } from '@apollo/composition'
import fc from 'fast-check'
import { execute, parse, validate, type ExecutionResult, type GraphQLSchema } from 'graphql'
import { describe, expect, test } from 'vitest'
import { createLogger } from '#platform/log.ts'
import { fullSdl, sdl } from '#platform/subgraph.ts'
import { localTransport } from '#platform/transport-local.ts'
import { subgraphNames } from '../../subgraphs/all.ts'
import { loadSupergraph } from '../supergraph.ts'
import { dreamtSubgraph } from '../testing/dreamt-subgraph.ts'
import { fair, market, museum } from '../testing/market.ts'
import { randomOperations, type RandomOptions } from '../testing/random-operations.ts'
import { anAccount } from '../testing/router-under-test.ts'
import { sky } from '../testing/sky.ts'
import { stockGateway } from '../testing/stock-gateway.ts'
import { createEngine } from './execute.ts'
import { isData } from './merge.ts'

/** Operations per supergraph. */
const RUNS = Number(process.env.DIFFERENTIAL_RUNS ?? 500)
const SEED = process.env.DIFFERENTIAL_SEED ? { seed: Number(process.env.DIFFERENTIAL_SEED) } : {}
const LINK = `extend schema @link(url: "https://specs.apollo.dev/federation/v2.12", import: ["@key" "@requires" "@external"
  "@provides" "@shareable" "@inaccessible" "@interfaceObject" "@override"])\n`

const log = createLogger({ level: 'silent', pretty: false, name: 'test' })

interface World extends Omit<RandomOptions, 'schema'> {
  supergraphSdl: string
  schemas: ReadonlyMap<string, GraphQLSchema>
}

function composed(subgraphs: Record<string, string>): string {
  const services = Object.entries(subgraphs).map(([name, typeDefs]) => ({ name, url: '', typeDefs: parse(typeDefs) }))
  const { supergraphSdl, errors } = composeServices(services)
  if (!supergraphSdl) throw new Error(errors?.join('\n'))
  return supergraphSdl
}

function dreamt(subgraphs: Record<string, string>): World {
  return {
    supergraphSdl: composed(subgraphs),
    schemas: new Map(Object.entries(subgraphs).map(([name, typeDefs]) => [name, dreamtSubgraph(typeDefs)])),
  }
}

const linked = (subgraphs: Record<string, string>) =>
  Object.fromEntries(Object.entries(subgraphs).map(([name, typeDefs]) => [name, LINK + typeDefs]))

const worlds: Record<string, () => World> = {
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
  'the market of the benchmark': () => ({ ...dreamt(linked(market)), depth: 6 }),
  'a museum of rare features': () => {
    // Where an interface is an object the stock executor takes its name for a type, and nulls it: see execute.test.ts.
    const { valuation: _, ...others } = museum
    return { ...dreamt(linked(others)), depth: 5 }
  },
  'a fair of shared things': () => ({ ...dreamt(linked(fair)), depth: 4 }),
  'our shop': () => ({
    ...dreamt(
      Object.fromEntries(
        subgraphNames.map((name) => [
          name,
          fullSdl({ typeDefs: sdl(new URL(`../../subgraphs/${name}/index.ts`, import.meta.url).href) }),
        ]),
      ),
    ),
    depth: 5,
  }),
}

/**
 * Where errors are, whatever the place in a list: the stock executor counts only the entities that it asked for, and so
 * takes an error to a neighbour of the entity that has it when some could not be asked for.
 */
const pathsOf = ({ errors = [] }: ExecutionResult): string[] =>
  [
    ...new Set(errors.map(({ path = ['-'] }) => path.map((key) => (typeof key === 'number' ? '@' : key)).join('.'))),
  ].toSorted()

/** Errors that are not where something is missing. */
const misplaced = ({ data, errors = [] }: ExecutionResult): unknown[] =>
  errors.filter(({ path = [] }) => {
    let value: unknown = data
    for (const key of path) value = (value as Record<string, unknown> | null | undefined)?.[key]
    return value !== null && value !== undefined
  })

const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value ?? null))

/** The data as graphql-js shapes it once more: nothing may change, not even an order. */
const reshaped = (schema: GraphQLSchema, query: string, variables: object, { data }: ExecutionResult) =>
  execute({
    schema,
    document: parse(query),
    variableValues: { ...variables },
    rootValue: data,
    fieldResolver: (source: Record<string, unknown>, _args, _context, { path }) => source[path.key],
    typeResolver: (value) => (isData(value) ? String(value.__typename) : undefined),
  }) as ExecutionResult

describe.each(Object.keys(worlds))('in %s, the engine and the stock executor of Apollo', (name) => {
  test('give the same data in the order of the specification, and errors at the same paths', async () => {
    const { supergraphSdl, schemas, ...options } = worlds[name]!()
    const supergraph = loadSupergraph(supergraphSdl)
    const { schema } = supergraph.api
    await using stock = await stockGateway(supergraph, schemas)
    const transports = new Map(
      [...schemas].map(([part, each]) => [
        part,
        localTransport({ name: part, schema: each, createContext: (given) => given, log }),
      ]),
    )
    const engine = createEngine({ supergraph, transports, log })
    const scopes = [...supergraph.requirements.values()].flatMap((all) => all.flatMap((each) => each.scopes.flat()))
    const viewer = anAccount(...scopes)
    let compared = 0
    await fc.assert(
      fc.asyncProperty(randomOperations({ ...options, schema }), async ({ query, variables, isTyped }) => {
        const document = parse(query)
        fc.pre(validate(schema, document).length === 0)
        const [ours, theirs] = await Promise.all([
          engine.execute({ document, variables, viewer, requestId: 'r' }),
          stock.execute(query, variables),
        ])
        // Where everything that a list of objects is asked for is skipped, the planner leaves out the list.
        fc.pre(theirs.data !== null || theirs.errors !== undefined)
        compared++
        expect(plain(ours.data)).toEqual(plain(theirs.data))
        expect(pathsOf(ours)).toEqual(pathsOf(theirs))
        expect(misplaced(ours)).toEqual([])
        if (ours.data && isTyped)
          expect(JSON.stringify(ours.data)).toBe(JSON.stringify(reshaped(schema, query, variables, ours).data))
      }),
      { numRuns: RUNS, ...SEED },
    )
    expect(compared).toBeGreaterThan(RUNS / 2)
  }, 240_000)
})
