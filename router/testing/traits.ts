import type { PlanNode, QueryPlan, QueryPlanSelectionNode } from '@apollo/query-planner'
import {
  isInterfaceType,
  isUnionType,
  visit,
  type DocumentNode,
  type ExecutionResult,
  type GraphQLSchema,
  type NamedTypeNode,
} from 'graphql'

interface Compared {
  schema: GraphQLSchema
  document: DocumentNode
  plan: QueryPlan
  ours: ExecutionResult
}

/** What is worth having been compared of an operation, its plan and its answer. */
export function traitsOf({ schema, document, plan, ours }: Compared): Set<string> {
  const traits = new Set<string>()
  const condition = (node: NamedTypeNode | undefined) => {
    const type = node && schema.getType(node.name.value)
    if (isInterfaceType(type)) traits.add('a fragment on an interface')
    if (isUnionType(type)) traits.add('a fragment on a union')
  }
  visit(document, {
    Field: ({ alias, arguments: given = [] }) => {
      if (alias) traits.add('an alias')
      if (given.length > 0) traits.add('an argument')
    },
    InlineFragment: ({ typeCondition }) => condition(typeCondition),
    FragmentDefinition: ({ typeCondition }) => condition(typeCondition),
    FragmentSpread: () => void traits.add('a named fragment'),
    Directive: ({ name }) => void traits.add(`@${name.value} with a variable`),
  })
  if (plan.node) planned(plan.node as PlanNode, traits)
  answered(ours.data, traits)
  for (const { path = [] } of ours.errors ?? []) {
    let value: unknown = ours.data
    let depth = 0
    while (value && depth < path.length) value = Reflect.get(value, path[depth++]!)
    traits.add(depth < path.length ? 'a failure that took its parent along' : 'a failure of what may be null')
  }
  return traits
}

function planned(node: PlanNode, traits: Set<string>): void {
  traits.add(node.kind)
  if (node.kind === 'Sequence' || node.kind === 'Parallel') for (const each of node.nodes) planned(each, traits)
  else if (node.kind === 'Flatten') planned(node.node, traits)
  else if (node.kind === 'Condition') {
    for (const each of [node.ifClause, node.elseClause]) if (each) planned(each, traits)
  } else if (node.kind === 'Fetch' && node.requires) {
    traits.add('an entity')
    if (node.requires.some((each) => depthOf(each) > 2)) traits.add('nested requirements')
  }
}

const depthOf = (selection: QueryPlanSelectionNode): number =>
  1 + Math.max(0, ...(selection.selections ?? []).map(depthOf))

function answered(value: unknown, traits: Set<string>): void {
  if (value === null) traits.add('a null')
  if (Array.isArray(value)) {
    if (value.some(Array.isArray)) traits.add('a list of lists')
    for (const each of value) answered(each, traits)
  } else if (typeof value === 'object' && value !== null) {
    for (const each of Object.values(value)) answered(each, traits)
  }
}
