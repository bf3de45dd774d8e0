import {
  getNamedType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isListType,
  isNonNullType,
  isObjectType,
  isRequiredArgument,
  isRequiredInputField,
  isUnionType,
  type GraphQLField,
  type GraphQLInputType,
  type GraphQLInterfaceType,
  type GraphQLNamedType,
  type GraphQLObjectType,
} from 'graphql'

type Field = GraphQLField<unknown, unknown>

/** Values for arguments and input fields by name; a key such as `ticketClose.id` wins over `id`. */
export type Values = Readonly<Record<string, unknown>>

/** A document that asks `root.field` for everything it has, three objects deep, and the variables that go with it. */
export function question(root: 'query' | 'mutation' | 'subscription', field: Field, values: Values) {
  // Of arguments that are all optional, such as `id` or `number`, one says which.
  const needed = field.args.filter((arg) => isRequiredArgument(arg))
  const asked =
    needed.length > 0 ? needed : field.args.filter(({ name }) => known(values, field.name, name)).slice(0, 1)
  const declared = asked.map(({ name, type }) => `$${name}: ${String(type)}`).join(', ')
  const passed = asked.map(({ name }) => `${name}: $${name}`).join(', ')
  const selection = selectionOf(getNamedType(field.type), 3)
  return {
    query: `${root} ${declared && `(${declared})`} { ${field.name}${passed && `(${passed})`} ${selection} }`,
    variables: Object.fromEntries(asked.map(({ name, type }) => [name, valueOf(type, name, field.name, values)])),
  }
}

/** A document that asks one field of an entity, as a router does. */
export const entityQuestion = (type: GraphQLObjectType, field: Field): string =>
  `query ($of: [_Any!]!) { _entities(representations: $of) { ... on ${type.name} {
    ${field.name} ${selectionOf(getNamedType(field.type), 3)} } } }`

const known = (values: Values, of: string, name: string): boolean => `${of}.${name}` in values || name in values

function valueOf(type: GraphQLInputType, name: string, of: string, values: Values): unknown {
  if (isNonNullType(type)) return valueOf(type.ofType, name, of, values)
  if (`${of}.${name}` in values) return values[`${of}.${name}`]
  if (isListType(type)) return [valueOf(type.ofType, name, of, values)]
  if (isEnumType(type)) return type.getValues()[0]!.name
  if (isInputObjectType(type)) {
    const fields = Object.values(type.getFields())
    // What can name a thing of somebody else's is named, needed or not.
    const given = fields.filter((field) => isRequiredInputField(field) || String(field.type) === 'ID')
    return Object.fromEntries(given.map((field) => [field.name, valueOf(field.type, field.name, of, values)]))
  }
  if (name in values) return values[name]
  if (type.name === 'Int' || type.name === 'Float') return 1
  if (type.name === 'Boolean') return true
  throw new Error(`No value for ${of}.${name}: ${type.name}`)
}

function selectionOf(type: GraphQLNamedType, depth: number, alias = ''): string {
  if (isUnionType(type)) {
    // Named apart, for members may disagree about what a field of one name is.
    const members = type
      .getTypes()
      .map((member) => `... on ${member.name} ${selectionOf(member, depth, `${member.name}_`)}`)
    return `{ __typename ${depth > 0 ? members.join(' ') : ''} }`
  }
  if (isInterfaceType(type)) return interfaceSelection(type)
  if (!isObjectType(type)) return ''
  // Connections and edges are no depth of their own.
  const rest = /Connection$|Edge$|Payload$/.test(type.name) ? depth : depth - 1
  const named = (name: string) => (alias ? `${alias}${name}: ${name}` : name)
  const parts = Object.values(type.getFields()).flatMap((field) => {
    const target = getNamedType(field.type)
    if (field.args.some((arg) => isRequiredArgument(arg)) || field.name === 'edges') return []
    if (!('getFields' in target) && !isUnionType(target)) return [named(field.name)]
    return rest > 0 ? [`${named(field.name)} ${selectionOf(target, rest)}`] : []
  })
  return `{ __typename ${parts.join(' ')} }`
}

const interfaceSelection = (type: GraphQLInterfaceType): string =>
  `{ __typename ${Object.values(type.getFields())
    .filter(({ type: of }) => !('getFields' in getNamedType(of)))
    .map(({ name }) => name)
    .join(' ')} }`
