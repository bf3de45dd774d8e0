import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { aGuest, anAccount, startSky, type Sky } from './testing/router-under-test.ts'

const everything = /* GraphQL */ `
  query Everything($withMoons: Boolean = true) {
    worlds: planets {
      title: name
      gravity
      moons @include(if: $withMoons) {
        name
        ...Home
      }
      discoverer {
        name
        planets {
          name
        }
      }
    }
    bodies {
      __typename
      name
      ... on Comet {
        tail
      }
      ... on Planet {
        gravity
      }
    }
  }
  fragment Home on Moon {
    planet {
      name
    }
  }
`

describe.each(['local', 'remote'] as const)('a supergraph whose subgraphs are %s', (way) => {
  let sky: Sky
  beforeAll(async () => {
    sky = await startSky(way)
  })
  afterAll(() => sky[Symbol.asyncDispose]())

  test('joins what three subgraphs know, under the names the client chose', async () => {
    const { data, errors } = await sky.ask(everything)
    expect(errors).toBeUndefined()
    expect(data!.worlds[1]).toEqual({
      title: 'Mars',
      gravity: 67,
      moons: [
        { name: 'Phobos', planet: { name: 'Mars' } },
        { name: 'Deimos', planet: { name: 'Mars' } },
      ],
      discoverer: { name: 'Asaph Hall', planets: [{ name: 'Mars' }] },
    })
    expect(data!.bodies).toEqual([
      { __typename: 'Planet', name: 'Venus', gravity: 136 },
      { __typename: 'Comet', name: 'Halley', tail: 9 },
    ])
    expect(Object.keys(data!.worlds[0])).toEqual(['title', 'gravity', 'moons', 'discoverer'])
  })

  test('leaves out what a variable excludes', async () => {
    const { data } = await sky.ask(everything, { variables: { withMoons: false } })
    expect(data!.worlds[1].moons).toBeUndefined()
    expect(data!.worlds[1].gravity).toBe(67)
  })

  test('answers introspection beside data', async () => {
    const { data } = await sky.ask(
      '{ __schema { queryType { name } } __typename planet(id: "p1") { __typename name } }',
    )
    expect(data).toEqual({
      __schema: { queryType: { name: 'Query' } },
      __typename: 'Query',
      planet: { __typename: 'Planet', name: 'Venus' },
    })
  })

  test('hides what the public schema hides, and where a value may not be shown there is null', async () => {
    const { data, errors, extensions } = await sky.ask('{ hiddenMood __type(name: "Mood") { enumValues { name } } }')
    expect(data).toEqual({ hiddenMood: null, __type: { enumValues: [{ name: 'CALM' }, { name: 'STORMY' }] } })
    expect(errors).toBeUndefined()
    expect(JSON.stringify(extensions)).not.toContain('HIDDEN')
  })

  test('an error of a subgraph stands at the path of the client, with its code and its subgraph', async () => {
    const { data, errors } = await sky.ask('{ worlds: planets { name shaky: fragile } }')
    expect(data!.worlds.map(({ shaky }: { shaky: string }) => shaky)).toEqual(['fragile p1', null, 'fragile p3'])
    expect(errors).toEqual([
      {
        message: 'Dust storm.',
        path: ['worlds', 1, 'shaky'],
        extensions: { code: 'DUST', service: 'moons', requestId: expect.any(String) },
      },
    ])
  })

  test('an entity used in several places reports its error in each', async () => {
    const { errors } = await sky.ask(
      '{ moon(id: "m1") { planet { fragile } } other: moon(id: "m2") { planet { fragile } } }',
    )
    expect(errors!.map(({ path }) => path)).toEqual([
      ['moon', 'planet', 'fragile'],
      ['other', 'planet', 'fragile'],
    ])
  })

  test('an unexpected error shows neither message nor stack', async () => {
    const { data, errors } = await sky.ask('{ explode planet(id: "p1") { name } }')
    expect(data).toEqual({ explode: null, planet: { name: 'Venus' } })
    expect(errors![0]).toMatchObject({
      path: ['explode'],
      extensions: { code: 'INTERNAL_SERVER_ERROR', service: 'planets' },
    })
    expect(JSON.stringify(errors)).not.toMatch(/password|10\.0\.0\.7|stack|http/)
  })

  test('a null that may not be takes its parent along, and the error says where it came from', async () => {
    const { data, errors } = await sky.ask('{ explodeFirmly }')
    expect(data).toBeNull()
    expect(errors).toEqual([
      expect.objectContaining({ path: ['explodeFirmly'], extensions: expect.objectContaining({ code: 'NOT_TODAY' }) }),
    ])
  })

  test('tells the subgraph who asks, and under which request id', async () => {
    const account = anAccount('diary:read')
    const headers = { authorization: `Bearer ${await sky.token(account)}`, 'x-request-id': 'request-0815' }
    const { data, headers: answered } = await sky.ask('{ whoami requestId }', { headers })
    expect(JSON.parse(data!.whoami)).toMatchObject({ kind: 'user', id: account.id, scopes: ['diary:read'] })
    expect(data!.requestId).toBe('request-0815')
    expect(answered.get('x-request-id')).toBe('request-0815')
  })

  test('an identity that a client claims for itself does not reach a subgraph', async () => {
    const { data } = await sky.ask('{ whoami }', { headers: { 'x-mercato-identity': 'forged' } })
    expect(JSON.parse(data!.whoami)).toEqual({ kind: 'anonymous' })
  })
})

describe('the door', () => {
  let sky: Sky
  beforeAll(async () => {
    sky = await startSky('local', { corsOrigins: 'https://shop.example', isDevelopment: false })
  })
  afterAll(() => sky[Symbol.asyncDispose]())

  test('a token that is malformed, expired or revoked is refused, not taken for nobody', async () => {
    const account = anAccount()
    sky.revoked.add(account.sessionId)
    const bad = [
      'Bearer nonsense',
      'Basic YTpi',
      `Bearer ${await sky.token(anAccount(), -1000)}`,
      `Bearer ${await sky.token(account)}`,
    ]
    for (const authorization of bad) {
      const { status, errors } = await sky.ask('{ whoami }', { headers: { authorization } })
      expect(status).toBe(401)
      expect(errors![0]!.extensions).toEqual({ code: 'UNAUTHENTICATED', requestId: expect.any(String) })
    }
  })

  test('a session that is revoked later is refused from then on', async () => {
    const guest = aGuest()
    const headers = { authorization: `Bearer ${await sky.token(guest)}` }
    expect((await sky.ask('{ whoami }', { headers })).status).toBe(200)
    sky.revoked.add(guest.sessionId)
    expect((await sky.ask('{ whoami }', { headers })).status).toBe(401)
  })

  test('a request id that is not a plain word is replaced', async () => {
    const { headers } = await sky.ask('{ whoami }', { headers: { 'x-request-id': 'a b;c' } })
    expect(headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/)
  })

  test('GET is answered for queries with a preflighted header, and refused without', async () => {
    const address = `${sky.url}/graphql?query=${encodeURIComponent('{ planet(id: "p1") { name } }')}`
    const answer = await fetch(address, { headers: { 'apollo-require-preflight': '1' } })
    expect(await answer.json()).toEqual({ data: { planet: { name: 'Venus' } } })
    const { status } = await fetch(address)
    expect(status).toBe(400)
  })

  test('what is refused before it is run carries a code and the request id', async () => {
    const cases: [string, string, number][] = [
      ['{', 'GRAPHQL_PARSE_FAILED', 400],
      ['{ nothing }', 'GRAPHQL_VALIDATION_FAILED', 400],
      ['{ planet(id: "p1") { __typename: name } }', 'GRAPHQL_VALIDATION_FAILED', 400],
      ['query ($id: ID!) { planet(id: $id) { name } }', 'BAD_USER_INPUT', 400],
      ['subscription { sighted { at } }', 'BAD_USER_INPUT', 400],
      [
        `{ planets { ${'discoverer { planets { '.repeat(10)} id ${'} }'.repeat(10)} } }`,
        'OPERATION_LIMIT_EXCEEDED',
        400,
      ],
      [`{ ${Array.from({ length: 51 }, (_, i) => `a${i}: whoami`).join(' ')} }`, 'OPERATION_LIMIT_EXCEEDED', 400],
      [
        `{ planets { ${Array.from({ length: 201 }, (_, i) => `a${i}: name`).join(' ')} } }`,
        'OPERATION_LIMIT_EXCEEDED',
        400,
      ],
      [`{ ${'whoami '.repeat(15_000)} }`, 'OPERATION_LIMIT_EXCEEDED', 400],
    ]
    for (const [query, code, expected] of cases) {
      const { status, errors, data } = await sky.ask(query)
      expect({ query: query.slice(0, 50), code: errors?.[0]?.extensions.code, status }).toEqual({
        query: query.slice(0, 50),
        code,
        status: expected,
      })
      expect(errors![0]!.extensions.requestId).toMatch(/^[0-9a-f-]{36}$/)
      expect(data).toBeUndefined()
    }
  })

  test('bodies that are no JSON, or larger than a megabyte, are refused', async () => {
    const post = (body: string) =>
      fetch(`${sky.url}/graphql`, { method: 'POST', body, headers: { 'content-type': 'application/json' } })
    expect((await post('{')).status).toBe(400)
    expect((await post(JSON.stringify({ query: `# ${'x'.repeat(1_100_000)}` }))).status).toBe(413)
  })

  test('pages of listed origins may call, others may not', async () => {
    const preflight = (origin: string) =>
      fetch(`${sky.url}/graphql`, { method: 'OPTIONS', headers: { origin, 'access-control-request-method': 'POST' } })
    expect((await preflight('https://shop.example')).headers.get('access-control-allow-origin')).toBe(
      'https://shop.example',
    )
    expect((await preflight('https://evil.example')).headers.get('access-control-allow-origin')).toBeNull()
  })
})

describe('well-formed requests, which do not pass through Apollo Server', () => {
  let sky: Sky
  beforeAll(async () => {
    sky = await startSky('local')
  })
  afterAll(() => sky[Symbol.asyncDispose]())

  const post = (body: unknown, headers: Record<string, string> = {}) =>
    fetch(`${sky.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    })

  test('are answered in the type that the client prefers', async () => {
    const typeFor = async (accept: string) =>
      (await post({ query: '{ planet(id: "p1") { name } }' }, { accept })).headers.get('content-type')
    expect(await typeFor('*/*')).toBe('application/json; charset=utf-8')
    expect(await typeFor('application/json, */*')).toBe('application/json; charset=utf-8')
    const modern = 'application/graphql-response+json; charset=utf-8'
    expect(await typeFor('application/graphql-response+json, application/json;q=0.9')).toBe(modern)
    expect(await typeFor('application/json;q=0.1, application/graphql-response+json;q=0.9')).toBe(modern)
    expect((await post({ query: '{ __typename }' }, { accept: 'text/plain' })).status).toBe(406)
  })

  test('say the same as the others do', async () => {
    const query = '{ worlds: planets { name shaky: fragile } hiddenMood }'
    const [hot, other] = await Promise.all(
      ['application/json', 'application/json;q=0.5'].map(async (accept) => (await post({ query }, { accept })).text()),
    )
    const normalized = (text: string) => text.trim().replaceAll(/"requestId":"[^"]+"/g, '"requestId":""')
    expect(normalized(hot!)).toBe(normalized(other!))
  })

  test('may name an operation by its hash, once it is registered', async () => {
    const query = '{ planet(id: "p2") { name } }'
    const sha256Hash = createHash('sha256').update(query).digest('hex')
    const extensions = { persistedQuery: { version: 1, sha256Hash } }
    const unknown = (await (await post({ extensions })).json()) as { errors: { extensions: { code: string } }[] }
    expect(unknown.errors[0]!.extensions.code).toBe('PERSISTED_QUERY_NOT_FOUND')
    const expected = { data: { planet: { name: 'Mars' } } }
    expect(await (await post({ query, extensions })).json()).toEqual(expected)
    expect(await (await post({ extensions })).json()).toEqual(expected)
    const forged = { persistedQuery: { version: 1, sha256Hash: 'f'.repeat(64) } }
    expect((await post({ query, extensions: forged })).status).toBe(400)
  })
})
