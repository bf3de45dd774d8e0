import {
  isAbstractType,
  isCompositeType,
  Kind,
  TypeInfo,
  visit,
  visitWithTypeInfo,
  GraphQLError,
  type DefinitionNode,
  type DocumentNode,
  type FieldNode,
  type GraphQLNamedType,
  type GraphQLSchema,
  type OperationDefinitionNode,
  type SelectionSetNode,
} from 'graphql'
import { CodedError } from '#platform/errors.ts'
import { client, type Viewer } from '#platform/viewer.ts'
import type { Requirement, Requirements } from './requirements.ts'

/** Coordinates that a viewer may not see, each with what to tell. */
export type Denied = ReadonlyMap<string, CodedError>

const refusal = {
  UNAUTHENTICATED: new CodedError('UNAUTHENTICATED', 'Sign in first.'),
  FORBIDDEN: new CodedError('FORBIDDEN', 'You may not do this.'),
}

/** Every guarded coordinate that an operation touches, through interfaces and unions too. */
export function guardedCoordinates(document: DocumentNode, api: GraphQLSchema, requirements: Requirements): string[] {
  const found = new Set<string>()
  if (requirements.size === 0) return []
  const typeInfo = new TypeInfo(api)
  visit(
    document,
    visitWithTypeInfo(typeInfo, {
      Field({ name }) {
        for (const coordinate of coordinates(api, typeInfo.getParentType(), name.value)) {
          if (requirements.has(coordinate)) found.add(coordinate)
        }
      },
    }),
  )
  return [...found].toSorted()
}

// A field of an interface is, at run time, a field of one of its types.
function coordinates(api: GraphQLSchema, parent: GraphQLNamedType | null | undefined, field: string): string[] {
  if (!parent || !isCompositeType(parent)) return []
  const runtime = isAbstractType(parent) ? api.getPossibleTypes(parent) : []
  return [parent, ...runtime].map(({ name }) => `${name}.${field}`)
}

/** Which of the coordinates `viewer` may not see, and why: no account, or an account without the scope. */
export function authorize(coordinates: readonly string[], requirements: Requirements, viewer: Viewer): Denied {
  const asked = client(viewer)
  const hasAccount = asked.kind === 'user' || asked.kind === 'apiKey'
  const scopes = new Set(hasAccount ? asked.scopes : [])
  const isMet = ({ scopes: alternatives }: Requirement) =>
    hasAccount && alternatives.some((all) => all.every((scope) => scopes.has(scope)))
  const denied = coordinates.filter((coordinate) => !requirements.get(coordinate)?.every(isMet))
  return new Map(denied.map((coordinate) => [coordinate, hasAccount ? refusal.FORBIDDEN : refusal.UNAUTHENTICATED]))
}

/** Why a field is denied whatever type it is resolved on, or null when some type of it may be seen. */
function denialOf(api: GraphQLSchema, parent: GraphQLNamedType | null | undefined, field: string, denied: Denied) {
  const [own, ...runtime] = coordinates(api, parent, field).map((coordinate) => denied.get(coordinate))
  return own ?? (runtime.length > 0 && runtime.every(Boolean) ? runtime[0]! : null)
}

/** The document without the selections that are denied: what subgraphs are asked for. */
export function withoutDenied(document: DocumentNode, api: GraphQLSchema, denied: Denied): DocumentNode {
  const typeInfo = new TypeInfo(api)
  return visit(
    document,
    visitWithTypeInfo(typeInfo, {
      Field: ({ name }) => (denialOf(api, typeInfo.getParentType(), name.value, denied) ? null : undefined),
      SelectionSet: {
        leave: (node) => (node.selections.length === 0 ? { ...node, selections: [TYPENAME] } : undefined),
      },
    }),
  )
}

const TYPENAME: FieldNode = { kind: Kind.FIELD, name: { kind: Kind.NAME, value: '__typename' } }

/** Errors for the root fields of an operation that are denied. */
export function deniedRoots(
  document: DocumentNode,
  { operation, selectionSet }: OperationDefinitionNode,
  api: GraphQLSchema,
  denied: Denied,
): GraphQLError[] {
  if (denied.size === 0) return []
  const root = api.getRootType(operation)?.name
  return rootFields(document, selectionSet).flatMap(({ name, alias }) => {
    const refused = denied.get(`${root}.${name.value}`)
    if (!refused) return []
    return [new GraphQLError(refused.message, { path: [alias?.value ?? name.value], extensions: refused.extensions })]
  })
}

/** The fields at the root of an operation, those inside fragments too. */
export function rootFields(document: DocumentNode, { selections }: SelectionSetNode): FieldNode[] {
  return selections.flatMap((node) => {
    if (node.kind === Kind.FIELD) return [node]
    if (node.kind === Kind.INLINE_FRAGMENT) return rootFields(document, node.selectionSet)
    const isSpread = (each: DefinitionNode) =>
      each.kind === Kind.FRAGMENT_DEFINITION && each.name.value === node.name.value
    return document.definitions
      .filter(isSpread)
      .flatMap((fragment) => rootFields(document, Object(fragment).selectionSet))
  })
}
