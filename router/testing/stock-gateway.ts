import { ApolloGateway, LocalGraphQLDataSource } from '@apollo/gateway'
import { getOperationAST, parse, type ExecutionResult, type GraphQLSchema } from 'graphql'
import { createLogger } from '#platform/log.ts'
import { anonymous } from '#platform/viewer.ts'
import { MAX_EVALUATED_PLANS, type LoadedSupergraph } from '../supergraph.ts'

const log = createLogger({ level: 'silent', pretty: false, name: 'test' })

/** Apollo's own executor over subgraphs in this process. */
export async function stockGateway(supergraph: LoadedSupergraph, schemas: ReadonlyMap<string, GraphQLSchema>) {
  const gateway = new ApolloGateway({
    supergraphSdl: supergraph.gatewaySdl,
    logger: log,
    queryPlannerConfig: { debug: { maxEvaluatedPlans: MAX_EVALUATED_PLANS } },
    buildService: ({ name }) => new LocalGraphQLDataSource(schemas.get(name)!),
  })
  const { executor } = await gateway.load()
  return {
    async execute(query: string, variables: Record<string, unknown>): Promise<ExecutionResult> {
      const document = parse(query)
      const request = {
        request: { query, variables },
        document,
        source: query,
        operation: getOperationAST(document)!,
        operationName: null,
        queryHash: query,
        metrics: {},
        logger: log,
        schema: supergraph.api.schema,
        context: { viewer: anonymous, requestId: '' },
      }
      return (await executor(request as never)) as ExecutionResult
    },
    [Symbol.asyncDispose]: () => gateway.stop(),
  }
}
