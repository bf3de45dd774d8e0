import { Kind, type FieldNode, type GraphQLResolveInfo, type SelectionSetNode } from 'graphql'

type Asked = Pick<GraphQLResolveInfo, 'fieldNodes' | 'fragments'>

// The same document is asked over and over.
const answers = new WeakMap<FieldNode, Map<string, boolean>>()

/** Whether a field called `name` is asked for below this one, in whatever type. */
export function asksFor({ fieldNodes, fragments }: Asked, name: string): boolean {
  return fieldNodes.some((node) => {
    const known = answers.get(node) ?? new Map<string, boolean>()
    const answer = known.get(name) ?? isBelow(node.selectionSet, name, fragments)
    answers.set(node, known.set(name, answer))
    return answer
  })
}

const isBelow = (set: SelectionSetNode | undefined, name: string, fragments: Asked['fragments']): boolean =>
  set?.selections.some((selection) => {
    if (selection.kind === Kind.FRAGMENT_SPREAD) {
      return isBelow(fragments[selection.name.value]?.selectionSet, name, fragments)
    }
    if (selection.kind === Kind.FIELD && selection.name.value === name) return true
    return isBelow(selection.selectionSet, name, fragments)
  }) ?? false
