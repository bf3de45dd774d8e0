import { buildSubgraphSchema } from '@apollo/subgraph'
import {
  defaultTypeResolver,
  getNamedType,
  GraphQLError,
  isAbstractType,
  isEnumType,
  isInterfaceType,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
  parse,
  type DirectiveNode,
  type GraphQLEnumType,
  type GraphQLFieldResolver,
  type GraphQLNamedType,
  type GraphQLOutputType,
  type GraphQLScalarType,
  type GraphQLSchema,
} from 'graphql'

/** An object that nobody stored: all its fields follow from its seed. */
interface Dream {
  __typename: string
  seed: string
  /** Of entities: which one it is. Their keys tell it, so that every subgraph dreams of the same. */
  number?: number
  /** What a reference came with: computed fields depend on what they require of it. */
  reference?: object
}

const ENTITIES = 8
/** The entity that no subgraph knows when it is asked for it. */
const MISSING = 5

/**
 * An executable subgraph out of nothing but its SDL. Values are arbitrary, but the same for the same field of the same
 * object in every subgraph; some are null, some fail, and one entity of each type is missing.
 */
export function dreamtSubgraph(sdl: string): GraphQLSchema {
  const typeDefs = parse(sdl)
  const plain = buildSubgraphSchema({ typeDefs })
  const keys = keyFields(plain)
  const resolvers: Record<string, Record<string, unknown>> = {}
  for (const type of Object.values(plain.getTypeMap())) {
    if (type.name.startsWith('_') || !(isObjectType(type) || isInterfaceType(type))) continue
    const own: Record<string, unknown> = {}
    if (isObjectType(type)) for (const name of Object.keys(type.getFields())) own[name] = resolverOf(keys)
    for (const name of ['_entities', '_service']) delete own[name]
    if (keys.has(type.name)) own.__resolveReference = (reference: object) => referenced(plain, type, keys, reference)
    if (isInterfaceType(type)) own.__resolveType = defaultTypeResolver
    resolvers[type.name] = own
  }
  return buildSubgraphSchema({ typeDefs, resolvers: resolvers as never })
}

function keyFields(schema: GraphQLSchema): Map<string, ReadonlySet<string>> {
  const keys = new Map<string, ReadonlySet<string>>()
  for (const { name, astNode, extensionASTNodes } of Object.values(schema.getTypeMap())) {
    const directives = [astNode, ...(extensionASTNodes ?? [])].flatMap((node) => node?.directives ?? [])
    const names = directives.filter((directive) => directive.name.value === 'key').flatMap(fieldsIn)
    if (names.length > 0) keys.set(name, new Set(names))
  }
  return keys
}

type Keys = ReturnType<typeof keyFields>

/** Every name in the `fields` of a directive. */
function fieldsIn(directive: DirectiveNode | undefined): readonly string[] {
  const fields = directive?.arguments?.find(({ name }) => name.value === 'fields')?.value
  return fields?.kind === 'StringValue' ? (fields.value.match(/\w+/g) ?? []) : []
}

function referenced(schema: GraphQLSchema, type: GraphQLNamedType, keys: Keys, reference: object): Dream | null {
  const fields = Object.entries(reference).filter(([name]) => keys.get(type.name)!.has(name))
  const number = Number(/\d+/.exec(JSON.stringify(fields))?.[0] ?? 0)
  return number === MISSING ? null : { ...entity(schema, type, number), reference }
}

function entity(schema: GraphQLSchema, type: GraphQLNamedType, number: number): Dream {
  const concrete = concreteOf(schema, type, number)
  return { __typename: concrete, seed: `${concrete}:${number}`, number }
}

function concreteOf(schema: GraphQLSchema, type: GraphQLNamedType, number: number): string {
  if (!isAbstractType(type)) return type.name
  const names = schema.getPossibleTypes(type).map(({ name }) => name)
  return names.toSorted()[number % names.length]!
}

function resolverOf(keys: Keys): GraphQLFieldResolver<Dream | undefined, unknown> {
  return (source, args, _context, { parentType, fieldName, returnType, schema }) => {
    const field = parentType.getFields()[fieldName]!
    const required = fieldsIn(field.astNode?.directives?.find(({ name }) => name.value === 'requires'))
    const given = Object.entries(source?.reference ?? {}).filter(([name]) => required.includes(name))
    const isKey = keys.get(parentType.name)?.has(fieldName) ?? false
    const seed = `${source?.seed ?? ''}.${fieldName}${stable(args)}${required.length > 0 ? stable(given) : ''}`
    const isLeaf = isLeafType(getNamedType(returnType))
    if (isKey && isLeaf)
      return getNamedType(returnType).name === 'Int' ? source?.number : `k${source?.number ?? hash(seed) % ENTITIES}`
    return dream({ schema, keys, isFixed: isKey, number: isKey ? source?.number : undefined }, returnType, seed)
  }
}

interface Dreaming {
  schema: GraphQLSchema
  keys: Keys
  /** Whether it may neither fail nor be null. */
  isFixed: boolean
  number: number | undefined
}

function dream(dreaming: Dreaming, type: GraphQLOutputType, seed: string): unknown {
  const chance = hash(seed)
  if (isNonNullType(type)) {
    if (chance % 89 === 0 && !dreaming.isFixed)
      throw new GraphQLError('Nightmare.', { extensions: { code: 'NIGHTMARE' } })
    return dream({ ...dreaming, isFixed: true }, type.ofType, seed)
  }
  if (chance % 11 === 0 && !dreaming.isFixed) return null
  if (chance % 23 === 0 && !dreaming.isFixed)
    throw new GraphQLError('Bad dream.', { extensions: { code: 'BAD_DREAM' } })
  if (isListType(type)) {
    return Array.from({ length: chance % 4 }, (_, index) =>
      dream({ ...dreaming, isFixed: false }, type.ofType, `${seed}#${index}`),
    )
  }
  if (isLeafType(type)) return leaf(type, chance)
  const { schema, keys, number = chance % ENTITIES } = dreaming
  if (keys.has(type.name)) return entity(schema, type, number)
  const concrete = concreteOf(schema, type, chance >>> 4)
  if (keys.has(concrete)) return { __typename: concrete, seed: `${concrete}:${number}`, number }
  return { __typename: concrete, seed, number: dreaming.number }
}

function leaf(type: GraphQLScalarType | GraphQLEnumType, chance: number): unknown {
  if (isEnumType(type)) return type.getValues()[chance % type.getValues().length]!.value
  if (type.name === 'Int') return chance % 1000
  if (type.name === 'Float') return chance / 8
  if (type.name === 'Boolean') return chance % 2 === 0
  return `${type.name} "${chance % 50}" é`
}

/** FNV-1a. */
export function hash(text: string): number {
  let value = 0x811c9dc5
  for (let index = 0; index < text.length; index++) value = Math.imul(value ^ text.charCodeAt(index), 0x01000193)
  return (value ^ (value >>> 15)) >>> 0
}

const stable = (value: unknown): string =>
  JSON.stringify(value, (_key, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  )
