import {
  getNamedType,
  isCompositeType,
  Kind,
  TypeInfo,
  visit,
  visitWithTypeInfo,
  type ConstDirectiveNode,
  type DocumentNode,
  type FieldDefinitionNode,
  type FragmentDefinitionNode,
  type GraphQLSchema,
  type OperationDefinitionNode,
} from 'graphql'

/** In how many subgraphs a field can be asked, by coordinate; those that are asked in one are not in it. */
export type Ways = ReadonlyMap<string, number>

const named = (directives: readonly ConstDirectiveNode[] = [], name: string) =>
  directives.filter((directive) => directive.name.value === name)
const argument = ({ arguments: args = [] }: ConstDirectiveNode, name: string) =>
  args.find((each) => each.name.value === name)?.value

/**
 * Reads from a supergraph where the planner has a choice: at the fields of entities, which it can go to another subgraph
 * for, and at the roots.
 */
export function waysOf(supergraph: DocumentNode): Ways {
  const ways = new Map<string, number>()
  for (const type of supergraph.definitions) {
    if (type.kind !== Kind.OBJECT_TYPE_DEFINITION && type.kind !== Kind.INTERFACE_TYPE_DEFINITION) continue
    const places = named(type.directives, 'join__type')
    const isRoot = /^(Query|Mutation|Subscription)$/.test(type.name.value)
    if (!isRoot && !places.some((place) => argument(place, 'key'))) continue
    const everywhere = new Set(places.map(graphOf)).size
    for (const field of type.fields ?? []) {
      const count = placesOf(field) ?? everywhere
      if (count > 1) ways.set(`${type.name.value}.${field.name.value}`, count)
    }
  }
  return ways
}

const graphOf = (place: ConstDirectiveNode): string => Object(argument(place, 'graph')).value

function placesOf({ directives }: FieldDefinitionNode): number | null {
  const places = named(directives, 'join__field')
  if (places.length === 0) return null
  const isTrue = (place: ConstDirectiveNode, name: string) => Object(argument(place, name)).value === true
  return new Set(places.filter((place) => !isTrue(place, 'external')).map(graphOf)).size
}

/**
 * How much the planner has to look at: each selection as often as there are ways to come to it. What has one way each
 * counts as many as it has selections; ways multiply from level to level.
 */
export function planningCost(
  document: DocumentNode,
  operation: OperationDefinitionNode,
  api: GraphQLSchema,
  ways: Ways,
): number {
  const fragments = new Map(
    document.definitions.flatMap((node) =>
      node.kind === Kind.FRAGMENT_DEFINITION ? [[node.name.value, node] as const] : [],
    ),
  )
  const known = new Map<FragmentDefinitionNode, number>()

  // What is below a node, when there is one way to come to it.
  const below = (root: OperationDefinitionNode | FragmentDefinitionNode): number => {
    const typeInfo = new TypeInfo(api)
    let total = 0
    const times = [1]
    const now = () => times.at(-1)!
    visit(
      root,
      visitWithTypeInfo(typeInfo, {
        Field: {
          enter({ name }) {
            const type = getNamedType(typeInfo.getType())
            const isBranching = isCompositeType(type)
            const count = isBranching ? (ways.get(`${typeInfo.getParentType()?.name}.${name.value}`) ?? 1) : 1
            times.push(now() * count)
            total += now()
          },
          leave() {
            times.pop()
          },
        },
        FragmentSpread({ name }) {
          const fragment = fragments.get(name.value)
          if (!fragment) return
          if (!known.has(fragment)) known.set(fragment, below(fragment))
          total += now() * known.get(fragment)!
        },
      }),
    )
    return total
  }
  return below(operation)
}
