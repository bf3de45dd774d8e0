import { ApolloGateway, LocalGraphQLDataSource } from '@apollo/gateway'
import fc from 'fast-check'
import {
  getNamedType,
  getOperationAST,
  isAbstractType,
  isCompositeType,
  isObjectType,
  parse,
  validate,
  type ExecutionResult,
  type GraphQLCompositeType,
  type GraphQLSchema,
} from 'graphql'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createLogger } from '#platform/log.ts'
import { localTransport } from '#platform/transport-local.ts'
import { anonymous } from '#platform/viewer.ts'
import { defaultLimits } from '../policy/limits.ts'
import { loadSupergraph } from '../supergraph.ts'
import { sky } from '../testing/sky.ts'
import { anAccount } from '../testing/router-under-test.ts'
import { createEngine, type Engine } from './execute.ts'

const log = createLogger({ level: 'silent', pretty: false, name: 'test' })
const world = sky()
const supergraph = loadSupergraph(world.supergraphSdl(new Map()))
const { schema } = supergraph.api
const viewer = anAccount('diary:read', 'admin')

let stock: (query: string) => Promise<ExecutionResult>
let stop: () => Promise<void>
let engine: Engine

beforeAll(async () => {
  const gateway = new ApolloGateway({
    supergraphSdl: supergraph.gatewaySdl,
    logger: log,
    buildService: ({ name }) => new LocalGraphQLDataSource(world.schemas.get(name)!),
  })
  const { executor } = await gateway.load()
  stop = () => gateway.stop()
  stock = async (query) => {
    const document = parse(query)
    const request = {
      request: { query, variables: {} },
      document,
      source: query,
      operation: getOperationAST(document)!,
    }
    const context = { viewer: anonymous, requestId: '' }
    return await executor({
      ...request,
      operationName: null,
      queryHash: query,
      metrics: {},
      logger: log,
      schema,
      context,
    } as never)
  }
  const transports = new Map(
    [...world.schemas].map(([name, each]) => [
      name,
      localTransport({ name, schema: each, createContext: (given) => given, log }),
    ]),
  )
  engine = createEngine({
    supergraph,
    transports,
    limits: { ...defaultLimits, depth: 99, aliases: 9999, rootFields: 99 },
    log,
  })
})
afterAll(() => stop())

/** Arguments that the fields of the sky take. */
const ARGUMENTS: Record<string, readonly string[]> = {
  planet: ['(id: "p1")', '(id: "p2")', '(id: "nowhere")'],
  moon: ['(id: "m1")', '(id: "m3")', '(id: "nowhere")'],
  mood: ['(mood: CALM)', ''],
  slow: ['(ms: 1)'],
}
// One tells who asks, which the two are told differently.
const LEFT_OUT = new Set(['whoami', 'requestId'])

/** Random selections on a type, valid but for merging. */
function selections(api: GraphQLSchema, type: GraphQLCompositeType, depth: number): fc.Arbitrary<string> {
  const fields = 'getFields' in type ? Object.values(type.getFields()).filter(({ name }) => !LEFT_OUT.has(name)) : []
  const choices = fields.flatMap((field): fc.Arbitrary<string>[] => {
    const result = getNamedType(field.type)
    if (isCompositeType(result) && depth === 0) return []
    const below = isCompositeType(result) ? selections(api, result, depth - 1) : fc.constant('')
    const given = fc.constantFrom(...(ARGUMENTS[field.name] ?? ['']))
    // The alias tells the argument, so that two of the same name can be merged.
    return [
      fc.tuple(fc.boolean(), given, below).map(([isAliased, args, selection]) => {
        const alias = isAliased || args ? `a_${field.name}${args.replace(/\W/g, '')}: ` : ''
        return `${alias}${field.name}${args}${selection}`
      }),
    ]
  })
  choices.push(fc.constantFrom('__typename', 't: __typename'))
  if (isAbstractType(type) && depth > 0) {
    for (const concrete of api.getPossibleTypes(type)) {
      choices.push(selections(api, concrete, depth).map((selection) => `... on ${concrete.name} ${selection}`))
    }
  } else if (isObjectType(type) && depth > 0) {
    choices.push(selections(api, type, depth - 1).map((selection) => `... @include(if: true) ${selection}`))
  }
  return fc.array(fc.oneof(...choices), { minLength: 1, maxLength: 5 }).map((chosen) => `{ ${chosen.join(' ')} }`)
}

const pathsOf = ({ errors = [] }: ExecutionResult): string[] =>
  [...new Set(errors.map(({ path }) => (path ?? ['-']).join('.')))].toSorted()

describe('the engine and the stock executor of Apollo', () => {
  test('give the same data, and errors at the same paths', { timeout: 120_000 }, async () => {
    let compared = 0
    await fc.assert(
      fc.asyncProperty(selections(schema, schema.getQueryType()!, 4), async (query) => {
        const document = parse(query)
        fc.pre(validate(schema, document).length === 0)
        const [ours, theirs] = await Promise.all([engine.execute({ document, viewer, requestId: 'r' }), stock(query)])
        compared++
        // Without the order of fields: where fragments are merged, the specification's is ours and not the stock one's.
        expect(JSON.parse(JSON.stringify(ours.data))).toEqual(JSON.parse(JSON.stringify(theirs.data)))
        expect(pathsOf(ours)).toEqual(pathsOf(theirs))
      }),
      { numRuns: 300 },
    )
    expect(compared).toBeGreaterThan(200)
  })
})
