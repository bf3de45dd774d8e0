import {
  Kind,
  type DocumentNode,
  type FragmentDefinitionNode,
  type OperationDefinitionNode,
  type SelectionSetNode,
} from 'graphql'
import { CodedError } from '#platform/errors.ts'

/** How large an operation may be, fragments counted wherever they are spread. */
export interface OperationLimits {
  tokens: number
  depth: number
  aliases: number
  rootFields: number
}

export const defaultLimits: OperationLimits = { tokens: 15_000, depth: 20, aliases: 200, rootFields: 50 }

interface Size {
  depth: number
  aliases: number
  fields: number
}

/** The limit that an operation breaks, as the error to answer with, or null. Spreads must be acyclic: validate first. */
export function brokenLimit(
  document: DocumentNode,
  operation: OperationDefinitionNode,
  limits: OperationLimits,
): CodedError | null {
  const fragments = new Map(
    document.definitions.flatMap((node) =>
      node.kind === Kind.FRAGMENT_DEFINITION ? [[node.name.value, node] as const] : [],
    ),
  )
  const { depth, aliases, fields } = sizeOf(operation.selectionSet, fragments, new Map())
  if (depth > limits.depth) return exceeded('depth', depth, limits.depth)
  if (aliases > limits.aliases) return exceeded('aliases', aliases, limits.aliases)
  if (fields > limits.rootFields) return exceeded('rootFields', fields, limits.rootFields)
  return null
}

export const exceeded = (limit: keyof OperationLimits, actual: number | undefined, allowed: number): CodedError =>
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
  const total: Size = { depth: 0, aliases: 0, fields: 0 }
  const add = ({ depth, aliases, fields }: Size) => {
    total.depth = Math.max(total.depth, depth)
    total.aliases += aliases
    total.fields += fields
  }
  for (const selection of selections) {
    if (selection.kind === Kind.FIELD) {
      // Introspection has a depth rule of its own, and its usual query is deeper than any that clients need.
      const isIntrospection = selection.name.value.startsWith('__')
      const below =
        selection.selectionSet && !isIntrospection ? sizeOf(selection.selectionSet, fragments, measured) : null
      add({ depth: 1 + (below?.depth ?? 0), aliases: (below?.aliases ?? 0) + (selection.alias ? 1 : 0), fields: 1 })
    } else if (selection.kind === Kind.INLINE_FRAGMENT) {
      add(sizeOf(selection.selectionSet, fragments, measured))
    } else {
      const fragment = fragments.get(selection.name.value)
      if (!fragment) continue
      const size = measured.get(fragment) ?? sizeOf(fragment.selectionSet, fragments, measured)
      measured.set(fragment, size)
      add(size)
    }
  }
  return total
}
