import type { PlanNode, ResponsePath } from '@apollo/query-planner'
import { runFetch, type Run } from './fetch.ts'
import { isData, type Data } from './merge.ts'

/** Carries out a plan on `objects`: at the start the root of the response, inside a Flatten the objects at its path. */
export async function runPlan(run: Run, node: PlanNode, objects: readonly Data[]): Promise<void> {
  switch (node.kind) {
    case 'Fetch':
      return await runFetch(run, node, objects)
    case 'Sequence':
      for (const step of node.nodes) await runPlan(run, step, objects)
      return
    case 'Parallel':
      await Promise.all(node.nodes.map((branch) => runPlan(run, branch, objects)))
      return
    case 'Flatten':
      return await runPlan(
        run,
        node.node,
        objects.flatMap((object) => objectsAt(object, node.path, 0)),
      )
    case 'Condition': {
      const branch = run.conditions[node.condition] ? node.ifClause : node.elseClause
      if (branch) await runPlan(run, branch, objects)
      return
    }
    case 'Defer':
      throw new Error('The planner was not told to defer')
  }
}

function objectsAt(value: unknown, path: ResponsePath, depth: number): Data[] {
  if (depth === path.length) return Array.isArray(value) ? value.filter(isData) : isData(value) ? [value] : []
  const key = path[depth]!
  if (key === '@') return Array.isArray(value) ? value.flatMap((item) => objectsAt(item, path, depth + 1)) : []
  return isData(value) ? objectsAt(value[key], path, depth + 1) : []
}
