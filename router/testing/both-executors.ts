import type { QueryPlan } from '@apollo/query-planner'
import type { DocumentNode } from 'graphql'
import { createLogger } from '#platform/log.ts'
import { localTransport } from '#platform/transport-local.ts'
import type { Transport } from '#platform/transport.ts'
import { createEngine } from '../engine/execute.ts'
import { loadSupergraph } from '../supergraph.ts'
import { anAccount } from './router-under-test.ts'
import { stockExecutor } from './stock-executor.ts'
import type { World } from './worlds.ts'

const log = createLogger({ level: 'silent', pretty: false, name: 'test' })

/** The engine and the stock executor over one world. Both carry out the same plan, which is made once. */
export function bothExecutors({ supergraphSdl, schemas }: World) {
  const supergraph = loadSupergraph(supergraphSdl)
  const { planner } = supergraph
  let plan: QueryPlan | undefined
  let missing = 0
  const transports = new Map(
    [...schemas].map(([name, schema]) => {
      const transport = localTransport({ name, schema, createContext: (given) => given, log })
      const execute: Transport['execute'] = async (request) => {
        const result = await transport.execute(request)
        const entities: unknown = result.data?._entities
        if (!result.errors && Array.isArray(entities)) missing += entities.filter((each) => each === null).length
        return result
      }
      return [name, { ...transport, execute }]
    }),
  )
  const engine = createEngine({
    supergraph: {
      ...supergraph,
      planner: { buildQueryPlan: (operation, options) => (plan = planner.buildQueryPlan(operation, options)) },
    },
    transports,
    log,
  })
  const scopes = [...supergraph.requirements.values()].flatMap((all) => all.flatMap((each) => each.scopes.flat()))
  const viewer = anAccount(...scopes)
  const stock = stockExecutor(supergraph, schemas)
  return {
    schema: supergraph.api.schema,
    /** How many entities no subgraph knew. */
    missingEntities: () => missing,
    /** The answers of both, and the plan; null when there is none. */
    async execute(document: DocumentNode, variables: Record<string, unknown>) {
      plan = undefined
      const answering = engine.execute({ document, variables, viewer, requestId: 'r' })
      const made = plan as QueryPlan | undefined
      const ours = await answering
      return made && { ours, theirs: await stock(made, document, variables), plan: made }
    },
  }
}
