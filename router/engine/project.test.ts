import { buildSchema, execute, getOperationAST, GraphQLError, parse, type ExecutionResult } from 'graphql'
import { describe, expect, test } from 'vitest'
import { CodedError } from '#platform/errors.ts'
import type { Denied } from '../policy/authorize.ts'
import { Failure } from './failure.ts'
import { quote } from './leaf.ts'
import { isData, type Data } from './merge.ts'
import { asResult, Output } from './output.ts'
import { compileProjector } from './project.ts'

const schema = buildSchema(`
  type Query { thing: Thing things: [Thing!] grid: [[Int!]] firm: Thing! mood: Mood any: Any text: String when: Date }
  interface Thing { id: ID! name: String size: Int! }
  type Stone implements Thing { id: ID! name: String size: Int! weight: Float next: Stone }
  type Feather implements Thing { id: ID! name: String size: Int! isSoft: Boolean }
  union Any = Stone | Feather
  enum Mood { CALM STORMY }
  scalar Date
`)

interface Options {
  variables?: Record<string, unknown>
  denied?: Denied
  failures?: Failure[]
}

function project(
  query: string,
  data: Data,
  { variables = {}, denied = new Map(), failures = [] }: Options = {},
): ExecutionResult {
  const document = parse(query)
  const operation = getOperationAST(document)!
  const write = compileProjector({ schema, document, operation, conditions: variables, denied })
  const out = new Output(variables, new Set(failures), true)
  return asResult(out.response(write(out, data), data))
}

const stone = { __typename: 'Stone', id: '1', name: 'Pebble', size: 2, weight: 0.5 }
const feather = { __typename: 'Feather', id: '2', name: null, size: 1, isSoft: true }

describe('the fields of a response', () => {
  test.each([
    ['{ thing { size id name } }', {}],
    ['{ thing { ... on Stone { weight } name ...F } } fragment F on Thing { size name ... on Feather { isSoft } }', {}],
    ['{ thing { name ... on Stone { next { id } } ... on Stone { next { name } id } } }', {}],
    [
      'query ($no: Boolean!) { thing { name @include(if: $no) id @skip(if: $no) ... @include(if: $no) { size } } }',
      { no: false },
    ],
    [
      'query ($no: Boolean!) { thing { name @include(if: $no) id @skip(if: $no) ... @include(if: $no) { size } } }',
      { no: true },
    ],
    ['{ any { __typename ... on Stone { id } } things { t: __typename id } grid }', {}],
    ['{ __typename __type(name: "Mood") { enumValues { name } } thing { __typename } }', {}],
    ['{ mood text when }', {}],
  ])('%s come in the order of graphql-js', (query, variables) => {
    const data = {
      thing: { ...stone, next: { ...stone, id: '7' } },
      any: stone,
      things: [stone, feather],
      grid: [[1, 2], null, []],
      mood: 'CALM',
      text: 'a "b" \u2028 \ud800',
      when: { iso: true },
    }
    const ours = project(query, data, { variables })
    const theirs = execute({
      schema,
      document: parse(query),
      variableValues: variables,
      rootValue: data,
      typeResolver: (value) => (isData(value) ? String(value.__typename) : undefined),
      fieldResolver: (source: Data, _args, _context, { path }) => source[path.key],
    }) as ExecutionResult
    expect(ours.errors).toBeUndefined()
    expect(JSON.stringify(ours.data)).toBe(JSON.stringify(theirs.data))
  })

  test('are missing, not inherited, when they are called like what every object has', () => {
    expect(project('{ thing { toString: name constructor: name } }', { thing: { __typename: 'Stone' } }).data).toEqual({
      thing: { toString: null, constructor: null },
    })
  })
})

describe('a value that does not fit', () => {
  test('is null where it may be, and noted', () => {
    const { data, extensions } = project('{ mood any { __typename } text }', {
      mood: 'SECRET',
      any: { __typename: 'Ghost' },
    })
    expect(data).toEqual({ mood: null, any: null, text: null })
    expect(extensions).toMatchObject({ valueCompletion: [{ path: ['mood'] }, { path: ['any'] }] })
  })

  test('takes the nearest that may be null along', () => {
    const things = [stone, { __typename: 'Stone', id: '3' }]
    expect(project('{ things { id size } text }', { things, text: 'x' }).data).toEqual({ things: null, text: 'x' })
    expect(project('{ grid }', { grid: [[1, null], [2]] }).data).toEqual({ grid: [null, [2]] })
    const { data, errors } = project('{ firm { id } }', {})
    expect([data, errors!.map(({ path }) => path)]).toEqual([null, [['firm']]])
  })
})

describe('a failure', () => {
  const broken = (below: string[] = []) =>
    new Failure(new GraphQLError('No.', { extensions: { code: 'NO' } }), 'a', below, 'field')

  test('is told of at every place it is found at, under the names of the client', () => {
    const failure = broken()
    const shared = { ...stone, name: failure }
    const { data, errors } = project(
      '{ things { label: name } }',
      { things: [{ ...shared, label: failure }, stone, { ...shared, label: failure }] },
      { failures: [failure] },
    )
    expect(data!.things).toEqual([{ label: null }, { label: null }, { label: null }])
    expect(errors!.map(({ path }) => path!.join('.'))).toEqual(['things.0.label', 'things.2.label'])
    expect(errors![0]!.extensions).toEqual({ code: 'NO', service: 'a' })
  })

  test('is told of too when no field of the response is null for it', () => {
    const failure = broken(['inner'])
    expect(project('{ text }', { text: 'x', hidden: failure }, { failures: [failure] }).errors).toMatchObject([
      { path: ['hidden', 'inner'] },
    ])
  })
})

test('what is denied is null with the reason, and on other types it is there', () => {
  const denied = new Map([['Stone.name', new CodedError('FORBIDDEN', 'No.')]])
  const { data, errors } = project('{ things { name } }', { things: [stone, { ...feather, name: 'Down' }] }, { denied })
  expect(data).toEqual({ things: [{ name: null }, { name: 'Down' }] })
  expect(errors).toMatchObject([{ path: ['things', 0, 'name'], extensions: { code: 'FORBIDDEN' } }])
})

test('strings are written as JSON.stringify writes them', () => {
  for (let code = 0; code < 0x10000; code++) {
    const text = `x${String.fromCharCode(code)}y`
    if (quote(text) !== JSON.stringify(text)) expect(quote(text)).toBe(JSON.stringify(text))
  }
})
