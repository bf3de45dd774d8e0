import { buildSchema, getVariableValues, Kind, parse, validate } from 'graphql'
import { expect, test } from 'vitest'
import { withoutValues } from './quoted-values.ts'

const schema = buildSchema(`
  enum Kind { DEBIT }
  input Card { number: String! code: String year: Int rate: Float isNew: Boolean id: ID kind: Kind }
  type Query { pay(card: Card!, cards: [Card!]): String }
`)
const SECRET = 'found 4242 4242; at "$card.number"; '
const variableErrors = (card: unknown): string[] => {
  const [operation] = parse('query ($card: Card!) { pay(card: $card) }').definitions
  if (operation?.kind !== Kind.OPERATION_DEFINITION) throw new Error('no operation')
  const { errors = [] } = getVariableValues(schema, operation.variableDefinitions ?? [], { card })
  return errors.map(({ message }) => message)
}
const documentErrors = (source: string): string[] => {
  try {
    return validate(schema, parse(source)).map(({ message }) => message)
  } catch (error) {
    return [(error as Error).message]
  }
}
const literal = (card: string) => documentErrors(`{ pay(card: ${card}) }`)

test.each([
  ...[
    { number: 4242 },
    { number: [SECRET] },
    { number: SECRET, other: 1 },
    { code: SECRET },
    { number: SECRET, year: 'x4242' },
    { number: SECRET, year: 4242424242424242 },
    { number: SECRET, rate: 'x4242' },
    { number: SECRET, isNew: 4242 },
    { number: SECRET, id: { '4242': 1 } },
    { number: SECRET, kind: '4242' },
    { number: SECRET, kind: 4242 },
    SECRET,
    [4242],
  ].flatMap((card) => variableErrors(card)),
  ...[
    '{ number: 4242 }',
    '{ number: "x", year: "4242" }',
    '{ number: "x", year: 42424242424242 }',
    '"4242"',
    '4242',
  ].flatMap((card) => literal(card)),
  ...[
    '{ number: "x", kind: "4242" }',
    '{ number: "x", id: 4.242 }',
    '{ number: "x" "4242" }',
    '{ number: "4242',
  ].flatMap((card) => literal(card)),
  ...['{ pay(card: { number 4242 }) }', '{ pay "4242" }', '{ pay """4242""" }', '{ pay 4242.5 }'].flatMap(
    documentErrors,
  ),
])('nothing of a value is in what stays of: %s', (message) => {
  expect(withoutValues(message)).not.toContain('4242')
})

test('where the mistake is stays', () => {
  expect(variableErrors({ number: SECRET, year: '4242' }).map(withoutValues)).toEqual([
    'Variable "$card" got an invalid value at "card.year"; Int cannot represent non-integer value.',
  ])
  expect(variableErrors({ number: SECRET, other: 1 }).map(withoutValues)).toEqual([
    'Variable "$card" got an invalid value; Field "other" is not defined by type "Card".',
  ])
  expect(documentErrors('{ pay(card: {}) { x } }').map(withoutValues)).toEqual(
    documentErrors('{ pay(card: {}) { x } }'),
  )
})
