import { ApolloGateway } from '@apollo/gateway'
import type { GatewayInterface } from '@apollo/server-gateway-interface'
import type { Logger } from '#platform/log.ts'
import type { Engine } from './engine/execute.ts'
import type { LoadedSupergraph } from './supergraph.ts'
import type { RequestContext } from './request-context.ts'

// The gateway would otherwise report home.
process.env.APOLLO_TELEMETRY_DISABLED = 'true'

/** ApolloGateway as Apollo Server knows it, loading and checking the supergraph, with our engine to execute plans. */
export function engineGateway(supergraph: LoadedSupergraph, engine: Engine, log: Logger): GatewayInterface {
  // What the gateway tells on the way is for whoever debugs it.
  const logger = {
    debug: (text: string) => log.debug(text),
    info: (text: string) => log.debug(text),
    warn: (text: string) => log.warn(text),
    error: (text: string) => log.error(text),
  }
  const gateway = new ApolloGateway({ supergraphSdl: supergraph.gatewaySdl, logger })
  return {
    onSchemaLoadOrUpdate: (listener) => gateway.onSchemaLoadOrUpdate(listener),
    async load(options) {
      await gateway.load(options)
      return {
        executor: async ({ document, request: { operationName, variables }, context }) =>
          await engine.execute({ document, operationName, variables, ...(context as RequestContext) }),
      }
    },
    stop: () => gateway.stop(),
  }
}
