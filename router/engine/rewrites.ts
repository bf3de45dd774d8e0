import type { FetchDataRewrite } from '@apollo/query-planner'
import { isAbstractType, type GraphQLSchema } from 'graphql'
import { isData, type Data } from './merge.ts'

/** Whether an object is of a type, or of a type that implements it. An object without a `__typename` may be of any. */
export function isOfType(schema: GraphQLSchema, object: Data, condition: string): boolean {
  const typename = object.__typename
  if (typeof typename !== 'string' || typename === condition) return true
  const [type, abstract] = [schema.getType(typename), schema.getType(condition)]
  if (!type || !abstract || !isAbstractType(abstract)) return false
  return 'getFields' in type && schema.isSubType(abstract, type as never)
}

/**
 * Changes that the planner orders on what goes to a subgraph or comes from it: `ValueSetter` names the type that this
 * subgraph knows an object by, `KeyRenamer` gives a field back the name that the client used.
 */
export function applyRewrites(
  schema: GraphQLSchema,
  rewrites: readonly FetchDataRewrite[] | undefined,
  value: unknown,
): void {
  for (const rewrite of rewrites ?? []) {
    const last = rewrite.path.at(-1)!
    for (const object of objectsAt(schema, rewrite.path.slice(0, -1), value)) {
      if (rewrite.kind === 'ValueSetter') object[last] = rewrite.setValueTo
      else if (object[last] !== undefined) {
        object[rewrite.renameKeyTo] = object[last]
        delete object[last]
      }
    }
  }
}

const CONDITION = '... on '

function objectsAt(schema: GraphQLSchema, path: readonly string[], value: unknown): Data[] {
  if (Array.isArray(value)) return value.flatMap((item) => objectsAt(schema, path, item))
  if (!isData(value)) return []
  const [first, ...rest] = path
  if (first === undefined) return [value]
  if (!first.startsWith(CONDITION)) return objectsAt(schema, rest, value[first])
  return isOfType(schema, value, first.slice(CONDITION.length)) ? objectsAt(schema, rest, value) : []
}
