import { buildOperationContext, executeQueryPlan } from '@apollo/gateway'
import type { QueryPlan } from '@apollo/query-planner'
import { execute, parse, type DocumentNode, type ExecutionResult, type GraphQLSchema } from 'graphql'
import { createLogger } from '#platform/log.ts'
import { anonymous } from '#platform/viewer.ts'
import type { LoadedSupergraph } from '../supergraph.ts'

const logger = createLogger({ level: 'silent', pretty: false, name: 'test' })

/** Apollo's own executor, over subgraphs in this process. */
export function stockExecutor(supergraph: LoadedSupergraph, schemas: ReadonlyMap<string, GraphQLSchema>) {
  const { api, schema: supergraphSchema } = supergraph
  const context = { viewer: anonymous, requestId: '' }
  const services = Object.fromEntries(
    [...schemas].map(([name, schema]) => [
      name,
      {
        process: async ({ request }: { request: { query?: string; variables?: Record<string, unknown> } }) =>
          await execute({
            schema,
            document: parse(request.query!, { noLocation: true }),
            variableValues: request.variables,
            contextValue: context,
          }),
      },
    ]),
  )
  return async (plan: QueryPlan, document: DocumentNode, variables: Record<string, unknown>) => {
    const operationContext = buildOperationContext({ schema: api.schema, operationDocument: document })
    const request = { request: { variables }, metrics: {}, logger, schema: api.schema, context }
    return (await executeQueryPlan(
      plan,
      services,
      request as never,
      operationContext,
      supergraphSchema,
      api.federation,
    )) as ExecutionResult
  }
}
