import type { FetchNode } from '@apollo/query-planner'
import { Kind, parse, type GraphQLSchema, type SelectionSetNode } from 'graphql'
import type { Failure } from './failure.ts'
import { merge, type Data } from './merge.ts'
import { applyRewrites, isOfType } from './rewrites.ts'

interface Names {
  condition: string | null
  names: readonly string[]
}

/** Puts a failure wherever an object would have got something from a fetch. */
export function blamer(schema: GraphQLSchema, fetch: FetchNode): (object: Data, failure: Failure) => void {
  let known: readonly Names[] | undefined
  return (object, failure) => {
    known ??= responseNames(fetch)
    const missing: Data = { __typename: object.__typename }
    for (const { condition, names } of known) {
      if (condition && !isOfType(schema, object, condition)) continue
      for (const name of names) if (name !== '__typename') missing[name] = failure
    }
    applyRewrites(schema, fetch.outputRewrites, missing)
    merge(object, missing)
  }
}

/** The fields that a fetch brings to an object, by the type they are asked of. */
function responseNames(fetch: FetchNode): readonly Names[] {
  const { definitions } = parse(fetch.operation, { noLocation: true })
  const found: Names[] = []
  const collect = ({ selections }: SelectionSetNode, condition: string | null): void => {
    const names = selections.flatMap((node) => (node.kind === Kind.FIELD ? [node.alias?.value ?? node.name.value] : []))
    found.push({ condition, names })
    for (const node of selections) {
      if (node.kind === Kind.INLINE_FRAGMENT) collect(node.selectionSet, node.typeCondition?.name.value ?? condition)
      if (node.kind !== Kind.FRAGMENT_SPREAD) continue
      const fragment = definitions.find(
        (each) => each.kind === Kind.FRAGMENT_DEFINITION && each.name.value === node.name.value,
      )
      if (fragment?.kind === Kind.FRAGMENT_DEFINITION) collect(fragment.selectionSet, fragment.typeCondition.name.value)
    }
  }
  for (const definition of definitions) {
    if (definition.kind !== Kind.OPERATION_DEFINITION) continue
    const [entities] = definition.selectionSet.selections
    const isEntities = fetch.requires && entities?.kind === Kind.FIELD && entities.selectionSet
    collect(isEntities ? entities.selectionSet : definition.selectionSet, null)
  }
  return found
}
