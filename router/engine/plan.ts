import type { PlanNode, ResponsePath } from '@apollo/query-planner'
import type { GraphQLSchema } from 'graphql'
import { CompiledFetch, type Run } from './fetch.ts'
import { isData, type Data } from './merge.ts'

/** Carries out a part of a plan on `objects`: at the start the root of the response, inside a Flatten those at its path. */
export type Step = (run: Run, objects: readonly Data[]) => Promise<void>

/** @param schema the supergraph's types, hidden ones included */
export function compilePlan(schema: GraphQLSchema, node: PlanNode): Step {
  switch (node.kind) {
    case 'Fetch': {
      const fetch = new CompiledFetch(schema, node)
      return (run, objects) => fetch.run(run, objects)
    }
    case 'Sequence': {
      const steps = node.nodes.map((each) => compilePlan(schema, each))
      return async (run, objects) => {
        for (const step of steps) await step(run, objects)
      }
    }
    case 'Parallel': {
      const branches = node.nodes.map((each) => compilePlan(schema, each))
      return async (run, objects) => {
        await Promise.all(branches.map((branch) => branch(run, objects)))
      }
    }
    case 'Flatten': {
      const step = compilePlan(schema, node.node)
      return (run, objects) => step(run, objectsAt(objects, node.path))
    }
    case 'Condition': {
      const [yes, no] = [node.ifClause, node.elseClause].map((clause) => clause && compilePlan(schema, clause))
      return async (run, objects) => await (run.conditions[node.condition] ? yes : no)?.(run, objects)
    }
    case 'Defer':
      throw new Error('The planner was not told to defer')
  }
}

/**
 * The objects at a path, each once: what one answer brought to several places is one object in all of them. Lists that
 * come up again are not entered again, or their number would multiply from list to list.
 */
function objectsAt(objects: readonly Data[], path: ResponsePath): Data[] {
  let level: readonly unknown[] = objects
  for (const key of path) {
    const next: unknown[] = []
    if (key === '@') for (const list of lists(level)) next.push(...list)
    else for (const value of level) if (isData(value)) next.push(value[key])
    level = next
  }
  const found = lists(level).flat().concat(level).filter(isData)
  return found.length < 2 ? found : [...new Set(found)]
}

function lists(values: readonly unknown[]): readonly unknown[][] {
  const found = values.filter((value) => Array.isArray(value))
  return found.length < 2 ? found : [...new Set(found)]
}
