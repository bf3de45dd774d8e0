import { buildSubgraphSchema } from '@apollo/subgraph'
import { GraphQLError, parse } from 'graphql'
import { describe, expect, test } from 'vitest'
import { createLogger } from './log.ts'
import { localTransport } from './transport-local.ts'
import { anonymous } from './viewer.ts'

const log = createLogger({ level: 'silent', pretty: false, name: 'test' })
const request = (query: string, variables: Record<string, unknown> = {}) => ({
  query,
  variables,
  viewer: anonymous,
  requestId: 'r',
})

let isSilentOver = false
const silence: AsyncIterableIterator<never> = {
  next: () => new Promise(() => {}),
  return: async () => {
    isSilentOver = true
    return { done: true, value: undefined }
  },
  [Symbol.asyncIterator]: () => silence,
}

const typeDefs = parse(`
    type Query { bug: String refused: String echo(text: Int): Int never: String who: String }
    type Subscription { ticks: Int broken: Int silent: Int }
`)
const resolvers = {
  Query: {
    bug: () => {
      throw new Error('secret of the database')
    },
    refused: () => {
      throw new GraphQLError('Not yours.', { extensions: { code: 'FORBIDDEN', http: { status: 403 } } })
    },
    never: () => new Promise(() => {}),
    who: (_source: unknown, _args: unknown, { requestId }: { requestId: string }) => requestId,
  },
  Subscription: {
    ticks: {
      subscribe: async function* () {
        yield { ticks: 1 }
        yield { ticks: 2 }
      },
    },
    broken: {
      subscribe: async function* () {
        yield { broken: 1 }
        throw new Error('secret of the broker')
      },
    },
    silent: { subscribe: () => silence },
  },
}
const schema = buildSubgraphSchema([{ typeDefs, resolvers: resolvers as never }])
const transport = localTransport({ name: 'part', schema, createContext: (given) => given, log })

describe('a subgraph in this process', () => {
  test('gets a context of the request', async () => {
    expect(await transport.execute(request('{ who }'))).toEqual({ data: { who: 'r' } })
  })

  test('shows coded errors and hides the others', async () => {
    const { data, errors } = await transport.execute(request('{ bug refused }'))
    expect(data).toEqual({ bug: null, refused: null })
    expect(errors!.map((error) => error.toJSON())).toEqual([
      { message: 'Something went wrong on our side.', path: ['bug'], extensions: { code: 'INTERNAL_SERVER_ERROR' } },
      { message: 'Not yours.', path: ['refused'], extensions: { code: 'FORBIDDEN' } },
    ])
  })

  test('tells what is wrong with a request by code', async () => {
    const code = async (query: string, variables = {}) =>
      (await transport.execute(request(query, variables))).errors?.[0]?.extensions.code
    expect(await code('{ nothing }')).toBe('GRAPHQL_VALIDATION_FAILED')
    expect(await code('query ($t: Int) { echo(text: $t) }', { t: 'x' })).toBe('BAD_USER_INPUT')
  })

  test('is not waited for after the deadline, nor for a caller who left', async () => {
    const late = transport.execute({ ...request('{ never }'), deadline: Date.now() + 20 })
    await expect(late).rejects.toMatchObject({ extensions: { code: 'SUBGRAPH_TIMEOUT' } })
    const gone = new AbortController()
    const left = transport.execute({ ...request('{ never }'), signal: gone.signal })
    gone.abort('gone')
    await expect(left).rejects.toBe('gone')
  })

  test('is followed to the end, or to the failure that ends it', async () => {
    const ticks = await Array.fromAsync(transport.subscribe(request('subscription { ticks }')))
    expect(ticks).toEqual([{ data: { ticks: 1 } }, { data: { ticks: 2 } }])
    const broken = transport.subscribe(request('subscription { broken }'))
    expect(await broken.next()).toEqual({ done: false, value: { data: { broken: 1 } } })
    await expect(broken.next()).rejects.toMatchObject({ extensions: { code: 'SUBGRAPH_CONNECTION_LOST' } })
  })

  test('hears at once of a reader who leaves while nothing happens', async () => {
    const silent = transport.subscribe(request('subscription { silent }'))
    const waiting = silent.next()
    expect(await silent.return!()).toEqual({ done: true, value: undefined })
    expect(await waiting).toEqual({ done: true, value: undefined })
    expect(isSilentOver).toBe(true)
  })
})
