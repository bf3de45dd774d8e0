// Apollo's gateway as it comes, under Apollo Server: `node bench/gateway-stock.ts SUPERGRAPH_FILE PORT`. Subgraphs learn
// who asks as from any other vendor's router: from the caller's bearer token and, where it is set, ROUTER_KEY.
import { readFileSync } from 'node:fs'
import { ApolloGateway, RemoteGraphQLDataSource } from '@apollo/gateway'
import { ApolloServer } from '@apollo/server'
import { startStandaloneServer } from '@apollo/server/standalone'

interface Caller {
  authorization?: string | undefined
}

const [file = '', port] = process.argv.slice(2)
const routerKey = process.env.ROUTER_KEY
const gateway = new ApolloGateway({
  supergraphSdl: readFileSync(file, 'utf8'),
  buildService: ({ url }) =>
    new RemoteGraphQLDataSource<Caller>({
      url,
      willSendRequest({ request, context: { authorization } }) {
        if (routerKey) request.http?.headers.set('x-router-key', routerKey)
        if (authorization) request.http?.headers.set('authorization', authorization)
      },
    }),
})
await startStandaloneServer(new ApolloServer<Caller>({ gateway }), {
  context: async ({ req }) => ({ authorization: req.headers.authorization }),
  listen: { port: Number(port), host: '127.0.0.1' },
})
