import type { FetchNode } from '@apollo/query-planner'
import { Kind, parse, print, stripIgnoredCharacters, visit, type VariableDefinitionNode } from 'graphql'

/**
 * The fetch with every variable declared that something of it is skipped or included by. The planner (2.14.4) forgets the
 * variables of fragments that never apply, and a subgraph refuses an operation with a variable it was not told of.
 */
export function withConditionsDeclared(node: FetchNode): FetchNode {
  const declared = new Set<string>()
  const used = new Set<string>()
  const document = parse(node.operation, { noLocation: true })
  visit(document, {
    VariableDefinition: ({ variable }) => void declared.add(variable.name.value),
    Directive({ arguments: [condition] = [] }) {
      if (condition?.value.kind === Kind.VARIABLE) used.add(condition.value.name.value)
    },
  })
  const forgotten = [...used].filter((name) => !declared.has(name))
  if (forgotten.length === 0) return node
  const whole = visit(document, {
    OperationDefinition: (operation) => ({
      ...operation,
      variableDefinitions: [...(operation.variableDefinitions ?? []), ...forgotten.map(definition)],
    }),
  })
  return {
    ...node,
    operation: stripIgnoredCharacters(print(whole)),
    variableUsages: [...(node.variableUsages ?? []), ...forgotten],
  }
}

const definition = (name: string): VariableDefinitionNode => ({
  kind: Kind.VARIABLE_DEFINITION,
  variable: { kind: Kind.VARIABLE, name: { kind: Kind.NAME, value: name } },
  type: {
    kind: Kind.NON_NULL_TYPE,
    type: { kind: Kind.NAMED_TYPE, name: { kind: Kind.NAME, value: 'Boolean' } },
  },
})
