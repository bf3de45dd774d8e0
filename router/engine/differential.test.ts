import fc from 'fast-check'
import { execute, parse, validate, type ExecutionResult, type GraphQLSchema } from 'graphql'
import { describe, expect, test } from 'vitest'
import { bothExecutors } from '../testing/both-executors.ts'
import { randomOperations } from '../testing/random-operations.ts'
import { traitsOf } from '../testing/traits.ts'
import { worlds, type World } from '../testing/worlds.ts'
import { isData } from './merge.ts'

/** Operations per supergraph. */
const RUNS = Number(process.env.DIFFERENTIAL_RUNS ?? 2_000)
// CI says the same of the same code; everybody else looks at new operations each time.
const { CI, DIFFERENTIAL_SEED = CI && '1' } = process.env
const SEED = DIFFERENTIAL_SEED ? { seed: Number(DIFFERENTIAL_SEED) } : {}

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

const kinds = [
  ...['an alias', 'an argument', 'a named fragment', 'a fragment on an interface', 'a fragment on a union'],
  ...['@skip with a variable', '@include with a variable'],
  ...['Fetch', 'Sequence', 'Parallel', 'Flatten', 'Condition', 'an entity', 'nested requirements'],
  ...['a null', 'a list of lists', 'a missing entity', 'a failure of what may be null'],
  'a failure that took its parent along',
]
const found = new Set<string>()

describe.each(Object.entries<() => World>(worlds))('in %s, the engine and the stock executor of Apollo', (_, open) => {
  test('give the same data in the order of the specification, and errors at the same paths', async () => {
    const { supergraphSdl, schemas, ...options } = open()
    const both = bothExecutors({ supergraphSdl, schemas })
    const { schema } = both
    let compared = 0
    await fc.assert(
      fc.asyncProperty(randomOperations({ ...options, schema }), async ({ query, variables, isTyped }) => {
        const document = parse(query)
        fc.pre(validate(schema, document).length === 0)
        const answers = await both.execute(document, variables)
        fc.pre(answers !== undefined)
        const { ours, theirs } = answers
        compared++
        expect(plain(ours.data)).toEqual(plain(theirs.data))
        expect(pathsOf(ours)).toEqual(pathsOf(theirs))
        expect(misplaced(ours)).toEqual([])
        if (ours.data && isTyped)
          expect(JSON.stringify(ours.data)).toBe(JSON.stringify(reshaped(schema, query, variables, ours).data))
        for (const trait of traitsOf({ schema, document, ...answers })) found.add(trait)
      }),
      { numRuns: RUNS, ...SEED },
    )
    if (both.missingEntities() > 0) found.add('a missing entity')
    expect(compared).toBeGreaterThan(RUNS / 2)
  }, 240_000)
})

test('and there were operations, plans and answers of all kinds', () => {
  expect(kinds.filter((kind) => !found.has(kind))).toEqual([])
})
