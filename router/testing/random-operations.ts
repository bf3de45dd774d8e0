import fc from 'fast-check'
import {
  doTypesOverlap,
  getNamedType,
  isAbstractType,
  isCompositeType,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
  isRequiredArgument,
  isRequiredInputField,
  type GraphQLArgument,
  type GraphQLCompositeType,
  type GraphQLField,
  type GraphQLInputType,
  type GraphQLSchema,
} from 'graphql'
import { hash } from './dreamt-subgraph.ts'

export interface RandomOperation {
  query: string
  variables: { yes: boolean; no: boolean }
  /** Whether the type of everything of an abstract type is asked for, so that the answer tells what it is. */
  isTyped: boolean
}

export interface RandomOptions {
  schema: GraphQLSchema
  /** Literals for arguments by name, where arbitrary ones would find nothing. */
  literals?: Readonly<Record<string, readonly string[]>>
  /** Names of fields that are not to be asked for. */
  leftOut?: ReadonlySet<string>
  depth?: number
}

/** A selection set, and the named fragments that it spreads. */
interface Selected {
  text: string
  fragments: readonly string[]
}

/** Stands where an abstract type may be asked for its name. */
const TYPE = '%TYPE% '
const CONDITIONS = ['', '', '', '', '@include(if: $yes)', '@skip(if: $yes)', '@skip(if: $no)', '@include(if: $no)']

/** Random queries, valid but for fields that cannot be merged. */
export function randomOperations({
  schema,
  literals = {},
  leftOut,
  depth = 4,
}: RandomOptions): fc.Arbitrary<RandomOperation> {
  const known = new Map<string, fc.Arbitrary<Selected>>()

  const selections = (type: GraphQLCompositeType, below: number): fc.Arbitrary<Selected> => {
    const key = `${type.name} ${below}`
    const made = known.get(key)
    if (made) return made
    // Selections contain selections of their own type: those are looked up when they are needed.
    const choices: fc.Arbitrary<Selected>[] = [fc.constantFrom('__typename', 't: __typename').map(only)]
    const fields = 'getFields' in type ? Object.values(type.getFields()) : []
    for (const field of fields) {
      const result = getNamedType(field.type)
      if (leftOut?.has(field.name) || (isCompositeType(result) && below === 0)) continue
      choices.push(selectedField(field, isCompositeType(result) ? selections(result, below - 1) : fc.constant(nothing)))
    }
    if (below > 0) {
      for (const each of overlapping(schema, type)) {
        const inner = selections(each, below - 1)
        // Something of one type that is asked for as something of an abstract type: see departures.test.ts.
        const typed = isAbstractType(each) && !isAbstractType(type) ? '__typename ' : ''
        choices.push(
          fc.tuple(inner, fc.constantFrom(...CONDITIONS)).map(([{ text, fragments }, condition]) => ({
            text: `${typed}... on ${each.name} ${condition} ${text}`,
            fragments,
          })),
        )
        choices.push(inner.map(({ text, fragments }) => spread(each.name, text, fragments, typed)))
      }
    }
    const selection = fc.array(fc.oneof(...choices), { minLength: 1, maxLength: 4 }).map((chosen) => ({
      text: `{ ${isAbstractType(type) ? TYPE : ''}${chosen.map(({ text }) => text).join(' ')} }`,
      fragments: chosen.flatMap(({ fragments }) => fragments),
    }))
    known.set(key, selection)
    return selection
  }

  const selectedField = (
    field: GraphQLField<unknown, unknown>,
    below: fc.Arbitrary<Selected>,
  ): fc.Arbitrary<Selected> =>
    fc
      .tuple(fc.boolean(), fc.nat(2), fc.constantFrom(...CONDITIONS), below)
      .map(([isAliased, variant, condition, { text, fragments }]) => {
        const args = argumentsOf(field.args, variant)
        // The alias tells the arguments, so that two of the same name can be merged.
        const alias = isAliased || args ? `a${args ? hash(args) % 1000 : ''}_${field.name}: ` : ''
        return { text: `${alias}${field.name}${args} ${condition} ${text}`, fragments }
      })

  const argumentsOf = (args: readonly GraphQLArgument[], variant: number): string => {
    const given = args.filter((each) => isRequiredArgument(each) || (variant > 0 && each.name in literals))
    if (given.length === 0) return ''
    return `(${given.map((each) => `${each.name}: ${literals[each.name]?.[variant] ?? literal(each.type, variant)}`).join(', ')})`
  }

  return fc
    .tuple(selections(schema.getQueryType()!, depth), fc.boolean(), fc.boolean(), fc.boolean())
    .map(([{ text, fragments }, yes, no, isTyped]) => ({
      query:
        `query ($yes: Boolean!, $no: Boolean!) { used: __typename @include(if: $yes) @skip(if: $no) ...${text} } ${[...new Set(fragments)].join(' ')}`.replaceAll(
          TYPE,
          isTyped ? '__typename ' : '',
        ),
      variables: { yes, no },
      isTyped,
    }))
}

/** The types that something of `type` may be of, itself, and interfaces and unions among them. */
const overlapping = (schema: GraphQLSchema, type: GraphQLCompositeType): GraphQLCompositeType[] =>
  Object.values(schema.getTypeMap()).filter(
    (each) => isCompositeType(each) && !each.name.startsWith('__') && doTypesOverlap(schema, type, each),
  ) as GraphQLCompositeType[]

const nothing: Selected = { text: '', fragments: [] }
const only = (text: string): Selected => ({ text, fragments: [] })

const spread = (type: string, text: string, fragments: readonly string[], before: string): Selected => {
  const name = `F${hash(type + text)}`
  return { text: `${before}...${name}`, fragments: [`fragment ${name} on ${type} ${text}`, ...fragments] }
}

function literal(type: GraphQLInputType, variant: number): string {
  if (isNonNullType(type)) return literal(type.ofType, variant)
  if (isListType(type)) return `[${literal(type.ofType, variant)}]`
  if (isEnumType(type)) return type.getValues()[variant % type.getValues().length]!.name
  if (isInputObjectType(type)) {
    const fields = Object.values(type.getFields()).filter(isRequiredInputField)
    return `{ ${fields.map((field) => `${field.name}: ${literal(field.type, variant)}`).join(', ')} }`
  }
  if (type.name === 'Int' || type.name === 'Float') return String(variant)
  return type.name === 'Boolean' ? 'true' : `"k${variant}"`
}
