import { Kind, type DocumentNode, type FragmentDefinitionNode, type SelectionSetNode } from 'graphql'
import { CodedError } from '#platform/errors.ts'

/** How large an operation may be, fragments counted wherever they are spread. */
export interface OperationLimits {
  tokens: number
  depth: number
  aliases: number
  rootFields: number
  /**
   * Of all levels together. Planning takes about half a millisecond for each, and nobody else is answered meanwhile; the
   * largest operations of a page have a hundred or two.
   */
  fields: number
}

export const defaultLimits: OperationLimits = {
  tokens: 15_000,
  depth: 20,
  aliases: 200,
  rootFields: 50,
  fields: 2_000,
}

type Size = Omit<OperationLimits, 'tokens'>

/** The limit that some operation of a document breaks, as the error to answer with, or null. It need not be valid. */
export function brokenLimit(document: DocumentNode, limits: OperationLimits): CodedError | null {
  const fragments = new Map(
    document.definitions.flatMap((node) =>
      node.kind === Kind.FRAGMENT_DEFINITION ? [[node.name.value, node] as const] : [],
    ),
  )
  const measured = new Map<FragmentDefinitionNode, Size>()
  for (const operation of document.definitions) {
    if (operation.kind !== Kind.OPERATION_DEFINITION) continue
    const size = sizeOf(operation.selectionSet, fragments, measured)
    for (const limit of ['depth', 'aliases', 'rootFields', 'fields'] as const) {
      if (size[limit] > limits[limit]) return exceeded(limit, size[limit], limits[limit])
    }
  }
  return null
}

export const exceeded = (
  limit: keyof OperationLimits | 'planning',
  actual: number | undefined,
  allowed: number,
): CodedError =>
  new CodedError('OPERATION_LIMIT_EXCEEDED', `The operation exceeds the limit of ${allowed} for ${limit}.`, {
    limit,
    allowed,
    ...(actual === undefined ? {} : { actual }),
    http: { status: 400 },
  })

// Each fragment is measured once, however often it is spread: the count may be exponential, the counting is not.
function sizeOf(
  { selections }: SelectionSetNode,
  fragments: ReadonlyMap<string, FragmentDefinitionNode>,
  measured: Map<FragmentDefinitionNode, Size>,
): Size {
  const total: Size = { depth: 0, aliases: 0, rootFields: 0, fields: 0 }
  const add = ({ depth, aliases, rootFields, fields }: Size) => {
    total.depth = Math.max(total.depth, depth)
    total.aliases += aliases
    total.rootFields += rootFields
    total.fields += fields
  }
  for (const selection of selections) {
    if (selection.kind === Kind.FIELD) {
      // Introspection has a depth rule of its own, and its usual query is deeper than any that clients need.
      const isIntrospection = selection.name.value.startsWith('__')
      const below =
        selection.selectionSet && !isIntrospection ? sizeOf(selection.selectionSet, fragments, measured) : NOTHING
      add({
        depth: 1 + below.depth,
        aliases: below.aliases + (selection.alias ? 1 : 0),
        rootFields: 1,
        fields: 1 + below.fields,
      })
    } else if (selection.kind === Kind.INLINE_FRAGMENT) {
      add(sizeOf(selection.selectionSet, fragments, measured))
    } else {
      const fragment = fragments.get(selection.name.value)
      if (!fragment) continue
      // Inside itself it counts for nothing: that it may not be there is for validation to say.
      if (!measured.has(fragment)) {
        measured.set(fragment, NOTHING)
        measured.set(fragment, sizeOf(fragment.selectionSet, fragments, measured))
      }
      add(measured.get(fragment)!)
    }
  }
  return total
}

const NOTHING: Size = { depth: 0, aliases: 0, rootFields: 0, fields: 0 }
