import {
  executeSync,
  getNamedType,
  isAbstractType,
  isInterfaceType,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
  Kind,
  type DocumentNode,
  type FieldNode,
  type GraphQLCompositeType,
  type GraphQLInterfaceType,
  type GraphQLList,
  type GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLSchema,
  type OperationDefinitionNode,
} from 'graphql'
import type { CodedError } from '#platform/errors.ts'
import type { Denied } from '../policy/authorize.ts'
import { collectFields, fragmentsOf, type Collecting } from './collect.ts'
import { Failure } from './failure.ts'
import { leafWriter } from './leaf.ts'
import { isData, type Data } from './merge.ts'
import type { Output } from './output.ts'

/**
 * Writes a value as JSON. Returns undefined when the value is missing because of an error that is noted by then, which
 * becomes null at the nearest place that may be null.
 */
type Write = (out: Output, value: unknown) => string | undefined

/** Writes the data of a response, or undefined when a null reached its root. */
export type Projector = (out: Output, data: Data) => string | undefined

export interface Projection {
  /** The public schema. */
  schema: GraphQLSchema
  /** As the client sent it: fields that nobody was asked for, since they are denied, come out as null. */
  document: DocumentNode
  operation: OperationDefinitionNode
  /** Values of the variables that `@skip` and `@include` ask for. */
  conditions: Readonly<Record<string, unknown>>
  denied: Denied
}

interface Field {
  key: string
  name: string
  isRequired: boolean
  write: Write
  /** Why the value may not be seen. */
  refusal: CodedError | undefined
  /** Why there is none, when there is none: it was not asked for. */
  refusalIfMissing: CodedError | undefined
}

/**
 * Shapes merged data into the response that the client asked for: order and names of fields, type conditions, nulls that
 * move up, enum values and types that the public schema has. Selections are collected once per type that comes up.
 */
export function compileProjector(projection: Projection): Projector {
  const { schema, document, operation, conditions } = projection
  const collecting: Collecting = { schema, fragments: fragmentsOf(document), conditions }
  const root = schema.getRootType(operation.operation)!

  const fieldOf = (type: GraphQLObjectType | GraphQLInterfaceType, key: string, nodes: readonly FieldNode[]): Field => {
    const { denied } = projection
    const name = nodes[0]!.name.value
    const returned = type.getFields()[name]?.type
    const owners = [type, ...type.getInterfaces()]
    return {
      key,
      name: `${JSON.stringify(key)}:`,
      isRequired: returned ? isNonNullType(returned) : true,
      write: returned ? completed(returned, nodes) : ownField(projection, type, nodes),
      refusal: denied.get(`${type.name}.${name}`),
      // What may not be seen of an interface may be seen of this type, but then it was asked for and is there.
      refusalIfMissing: owners.map((owner) => denied.get(`${owner.name}.${name}`)).find(Boolean),
    }
  }

  const selectionOf = (
    type: GraphQLObjectType | GraphQLInterfaceType,
    nodes: readonly Pick<FieldNode, 'selectionSet'>[],
  ): Write => {
    const selectionSets = nodes.flatMap(({ selectionSet }) => selectionSet ?? [])
    const fields = [...collectFields(collecting, type, selectionSets)].map(([key, each]) => fieldOf(type, key, each))
    return (out, value) => {
      const known = out.known(fields, value as Data)
      if (known !== undefined) return known
      const before = out.problems
      const text = writeFields(out, fields, value as Data)
      if (text !== undefined && out.problems === before) out.know(fields, value as Data, text)
      return text
    }
  }

  const compositeOf = (type: GraphQLCompositeType, nodes: readonly FieldNode[]): Write => {
    const byType = new Map<string, Write>()
    const selectionFor = (name: unknown): Write | undefined => {
      if (typeof name !== 'string') return undefined
      const known = byType.get(name)
      if (known) return known
      const concrete = schema.getType(name)
      const isPossible =
        isObjectType(concrete) && (type === concrete || (isAbstractType(type) && schema.isSubType(type, concrete)))
      if (!isPossible) return undefined
      const selection = selectionOf(concrete, nodes)
      byType.set(name, selection)
      return selection
    }
    // The planner asks for no type where the selection is the same for all of them, and a subgraph to which the interface
    // is an object would know none.
    let ofAny: Write | undefined
    const untyped = (): Write | undefined => (isInterfaceType(type) ? (ofAny ??= selectionOf(type, nodes)) : undefined)
    const chosen = isAbstractType(type)
      ? ({ __typename: name }: Data) => (name === undefined ? untyped() : selectionFor(name))
      : () => selectionFor(type.name)
    return (out, value) => {
      const selection = isData(value) ? chosen(value) : undefined
      return selection ? selection(out, value) : absent(out, value)
    }
  }

  const listOf = ({ ofType }: GraphQLList<GraphQLOutputType>, nodes: readonly FieldNode[]): Write => {
    const write = completed(ofType, nodes)
    const isRequired = isNonNullType(ofType)
    return (out, value) => {
      if (!Array.isArray(value)) return absent(out, value)
      let text = ''
      for (let index = 0; index < value.length; index++) {
        out.enter(index)
        const item = write(out, value[index])
        out.leave()
        if (item === undefined && isRequired) return undefined
        text += index === 0 ? (item ?? 'null') : `,${item ?? 'null'}`
      }
      return `[${text}]`
    }
  }

  const completed = (type: GraphQLOutputType, nodes: readonly FieldNode[]): Write => {
    if (isNonNullType(type)) {
      const write = completed(type.ofType, nodes)
      return (out, value) => {
        const text = write(out, value)
        return text === 'null' ? out.incomplete() : text
      }
    }
    if (isListType(type)) return listOf(type, nodes)
    if (!isLeafType(type)) return compositeOf(type, nodes)
    const write = leafWriter(getNamedType(type) as typeof type)
    return (out, value) =>
      value === null || value === undefined || value instanceof Failure
        ? absent(out, value)
        : (write(value) ?? out.incomplete())
  }

  return selectionOf(root, [operation])
}

function writeFields(out: Output, fields: readonly Field[], object: Data): string | undefined {
  let text = '{'
  for (let index = 0; index < fields.length; index++) {
    const { key, name, write, isRequired, refusal, refusalIfMissing } = fields[index]!
    // Fields may be called like what every object inherits.
    const value = Object.hasOwn(object, key) ? object[key] : undefined
    const refused = value === undefined ? refusalIfMissing : refusal
    out.enter(key)
    const written = refused ? out.refused(refused) : write(out, value)
    out.leave()
    if (written === undefined && isRequired) return undefined
    text += index === 0 ? name + (written ?? 'null') : `,${name}${written ?? 'null'}`
  }
  return `${text}}`
}

/** For what is not a value of the kind that the schema has here. */
function absent(out: Output, value: unknown): string | undefined {
  if (value === null || value === undefined) return 'null'
  return value instanceof Failure ? out.failed(value) : out.incomplete()
}

/** A field that every schema has: `__typename`, or introspection, which graphql-js answers. */
function ownField(
  { schema, document, operation }: Projection,
  type: GraphQLObjectType | GraphQLInterfaceType,
  nodes: readonly FieldNode[],
): Write {
  const [{ name, alias }] = nodes as [FieldNode]
  if (name.value === '__typename') {
    if (isInterfaceType(type)) return (out) => out.incomplete()
    const text = JSON.stringify(type.name)
    return () => text
  }
  const alone: DocumentNode = {
    kind: Kind.DOCUMENT,
    definitions: [
      { ...operation, selectionSet: { kind: Kind.SELECTION_SET, selections: nodes } },
      ...document.definitions.filter(({ kind }) => kind === Kind.FRAGMENT_DEFINITION),
    ],
  }
  const key = alias?.value ?? name.value
  return ({ variables }) =>
    JSON.stringify(executeSync({ schema, document: alone, variableValues: variables }).data?.[key] ?? null)
}
