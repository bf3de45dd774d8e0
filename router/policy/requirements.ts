import {
  getNamedType,
  isInterfaceType,
  isObjectType,
  Kind,
  valueFromASTUntyped,
  type ConstDirectiveNode,
  type DocumentNode,
  type GraphQLSchema,
} from 'graphql'
import { directiveName } from '../links.ts'

/** What it takes to see something. Each list of scopes is an alternative; all requirements of a field must be met. */
export interface Requirement {
  scopes: readonly (readonly string[])[]
}

/** Requirements by coordinate, such as `Query.users`. Fields without any are not in it. */
export type Requirements = ReadonlyMap<string, readonly Requirement[]>

/**
 * Reads `@authenticated` and `@requiresScopes` of a supergraph. A field needs what is written at it, at its type, and at
 * the type it returns.
 */
export function requirementsOf(supergraph: DocumentNode, api: GraphQLSchema): Requirements {
  const written = new Map<string, Requirement[]>()
  const authenticated = directiveName(supergraph, 'authenticated')
  const requiresScopes = directiveName(supergraph, 'requiresScopes')
  const note = (coordinate: string, directives: readonly ConstDirectiveNode[] = []) => {
    const found = directives.flatMap(({ name, arguments: args }): Requirement[] => {
      if (name.value === authenticated) return [{ scopes: [[]] }]
      if (name.value !== requiresScopes) return []
      const scopes = args?.find((argument) => argument.name.value === 'scopes')?.value
      return [{ scopes: scopes ? (valueFromASTUntyped(scopes) as string[][]) : [] }]
    })
    if (found.length > 0) written.set(coordinate, [...(written.get(coordinate) ?? []), ...found])
  }
  for (const definition of supergraph.definitions) {
    if (!('name' in definition) || !definition.name || definition.kind === Kind.DIRECTIVE_DEFINITION) continue
    const type = definition.name.value
    note(type, 'directives' in definition ? (definition.directives as readonly ConstDirectiveNode[]) : [])
    if (definition.kind !== Kind.OBJECT_TYPE_DEFINITION && definition.kind !== Kind.INTERFACE_TYPE_DEFINITION) continue
    for (const { name, directives } of definition.fields ?? []) note(`${type}.${name.value}`, directives)
  }

  const requirements = new Map<string, Requirement[]>()
  if (written.size === 0) return requirements
  for (const type of Object.values(api.getTypeMap())) {
    if (!isObjectType(type) && !isInterfaceType(type)) continue
    for (const field of Object.values(type.getFields())) {
      const places = [type.name, `${type.name}.${field.name}`, getNamedType(field.type).name]
      const all = places.flatMap((place) => written.get(place) ?? [])
      if (all.length > 0) requirements.set(`${type.name}.${field.name}`, all)
    }
  }
  return requirements
}
