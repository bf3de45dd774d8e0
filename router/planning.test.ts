import { composeServices } from '@apollo/composition'
import { buildSubgraphSchema } from '@apollo/subgraph'
import { parse } from 'graphql'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createLogger } from '#platform/log.ts'
import { localTransport } from '#platform/transport-local.ts'
import { createRouter, type Router } from './router.ts'

// Operations that are made to keep the router busy, over a supergraph that helps them: of each field a choice of subgraphs
// knows, another for each, and the one that begins knows none.

const log = createLogger({ level: 'silent', pretty: false, name: 'test' })
const SUBGRAPHS = 6
const FIELDS = Array.from({ length: 12 }, (_, at) => `f${at}`)
const knows = (part: number) => FIELDS.filter((_, at) => [0, 1, 2].some((shift) => (at + shift) % SUBGRAPHS === part))
const link = 'extend schema @link(url: "https://specs.apollo.dev/federation/v2.12", import: ["@key" "@shareable"])'
const node = { id: '1', ...Object.fromEntries(FIELDS.map((name) => [name, () => node])) }
const parts = new Map(
  Array.from({ length: SUBGRAPHS }, (_, part) => {
    const fields = knows(part).map((name) => `${name}: Node @shareable`)
    return [`part${part}`, parse(`${link} type Node @key(fields: "id") { id: ID! ${fields.join(' ')} }`)]
  }),
)
parts.set(
  'root',
  parse(`${link} type Query { node: Node nodes: [Node] quick: String } type Node @key(fields: "id") { id: ID! }`),
)
const resolvers = {
  Query: { node: () => node, nodes: () => [node], quick: () => 'yes' },
  Node: { __resolveReference: () => node },
}
const schemaOf = (name: string) => {
  const { Query, Node } = resolvers
  return buildSubgraphSchema({ typeDefs: parts.get(name)!, resolvers: name === 'root' ? { Query, Node } : { Node } })
}

let router: Router
let url: string
beforeEach(async () => {
  const services = [...parts].map(([name, typeDefs]) => ({ name, url: 'http://part.invalid', typeDefs }))
  router = await createRouter({
    supergraphSdl: composeServices(services).supergraphSdl!,
    transport: (name) => localTransport({ name, schema: schemaOf(name), createContext: (request) => request, log }),
    isDevelopment: true,
    log,
  })
  url = (await router.listen({ port: 0, host: '127.0.0.1' })).url
})
afterEach(() => router[Symbol.asyncDispose]())

const ask = async (query: string, headers = {}) => {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ query }),
  })
  return (await response.json()) as {
    data?: Record<string, unknown>
    errors?: { extensions: Record<string, unknown> }[]
  }
}

/** A short text that says `2 ** levels` times as much. */
const doubled = (levels: number) =>
  Array.from({ length: levels }, (_, at) => {
    const next = at + 1 < levels ? `...N${at + 1}` : 'id'
    return `fragment N${at} on Node { f0 { ${next} } f1 { ${next} } }`
  }).join('\n')

describe('an operation that would keep the planner busy', () => {
  test('by its size, multiplied in fragments, is refused by code', async () => {
    const query = `{ node { ...N0 } } ${doubled(18)}`
    expect(query.length).toBeLessThan(1_500)
    for (const headers of [{}, { accept: 'application/json;q=0.5' }]) {
      expect((await ask(query, headers)).errors).toEqual([
        expect.objectContaining({
          extensions: {
            code: 'OPERATION_LIMIT_EXCEEDED',
            limit: 'fields',
            allowed: 2_000,
            actual: 786_431,
            requestId: expect.any(String),
          },
        }),
      ])
    }
  })

  test('by the ways to fetch it, which multiply from level to level, is refused by code', async () => {
    expect((await ask(`{ node { ...N0 } } ${doubled(8)}`)).errors).toMatchObject([
      { extensions: { code: 'OPERATION_LIMIT_EXCEEDED', limit: 'planning', allowed: 4_000 } },
    ])
    expect((await ask(`{ node { ...N0 } } ${doubled(3)}`)).errors).toBeUndefined()
  })

  test('by what would be compared, where it can be fetched in many ways, is planned all the same', async () => {
    const some = FIELDS.slice(0, 8)
    const fields = some.map((name) => `${name} { ${some.map((inner) => `${inner} { id }`).join(' ')} }`).join(' ')
    const { data, errors } = await ask(`{ node { ${fields} } nodes { ${fields} } }`)
    expect(errors).toBeUndefined()
    expect(data!.node).toMatchObject({ f7: { f7: { id: '1' } } })
  })

  test('keeps nobody else from being answered, whatever many of them ask', async () => {
    const heavy = Array.from({ length: 10 }, (_, at) => ask(`query H${at} { node { ...N0 } } ${doubled(4)}`))
    const others = Array.from({ length: 20 }, () => ask('{ quick }'))
    expect(await Promise.all(others)).toEqual(others.map(() => ({ data: { quick: 'yes' } })))
    for (const { errors } of await Promise.all(heavy)) expect(errors).toBeUndefined()
  })
})

describe('a document whose checking would take the square of its size', () => {
  test('is held against the limits first', async () => {
    const spread = (count: number) => Array.from({ length: count }, (_, at) => `...F${at}`).join(' ')
    const fragments = Array.from({ length: 700 }, (_, at) => `fragment F${at} on Query { node { nothing } }`).join(' ')
    for (const query of [`{ ${'node { nothing } '.repeat(3_000)} }`, `{ ${spread(700)} } ${fragments}`]) {
      expect((await ask(query)).errors).toMatchObject([{ extensions: { code: 'OPERATION_LIMIT_EXCEEDED' } }])
    }
  })

  test('is refused for a fragment that is inside itself', async () => {
    const { errors } = await ask('{ node { ...A } } fragment A on Node { f0 { ...B } } fragment B on Node { ...A }')
    expect(errors![0]!.extensions.code).toBe('GRAPHQL_VALIDATION_FAILED')
  })
})
