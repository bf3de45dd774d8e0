import type { QueryPlanSelectionNode } from '@apollo/query-planner'
import type { GraphQLSchema } from 'graphql'
import { Failure } from './failure.ts'
import { isData, merge, type Data } from './merge.ts'
import { isOfType } from './rewrites.ts'

/**
 * What a subgraph needs of an object to find or compute its own part of it; undefined when some of it was never fetched;
 * the failure that kept it from being fetched, when that is known.
 */
export function represent(
  schema: GraphQLSchema,
  object: Data,
  selections: readonly QueryPlanSelectionNode[],
): Data | Failure | undefined {
  const representation: Data = {}
  for (const selection of selections) {
    if (selection.kind === 'InlineFragment') {
      const { typeCondition, selections: fields } = selection
      if (!typeCondition || typeof object.__typename !== 'string' || !isOfType(schema, object, typeCondition)) continue
      const part = represent(schema, object, fields)
      if (!isData(part)) return part
      merge(representation, part)
      continue
    }
    const name = selection.alias ?? selection.name
    const value = object[name]
    if (value === undefined || value instanceof Failure) return value
    representation[name] = selection.selections ? nested(schema, value, selection.selections) : value
  }
  return representation
}

function nested(schema: GraphQLSchema, value: unknown, selections: readonly QueryPlanSelectionNode[]): unknown {
  if (Array.isArray(value)) return value.map((item) => nested(schema, item, selections))
  if (!isData(value)) return null
  const part = represent(schema, value, selections)
  return isData(part) ? part : null
}
