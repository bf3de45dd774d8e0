// The subgraphs that gateways are compared over, as a process of its own: `node bench/gateway-subgraphs.ts PORT…`. Each
// answers the same request the same once and for all, so that what is measured is the gateway.
import { createServer } from 'node:http'
import { text } from 'node:stream/consumers'
import { buildSubgraphSchema } from '@apollo/subgraph'
import { graphql, parse } from 'graphql'
import { market } from '../router/testing/market.ts'
import { linked } from '../router/testing/worlds.ts'

const users = ['ada', 'bert', 'cleo', 'dirk', 'elsa', 'finn'].map((username, index) => ({
  id: `${index + 1}`,
  name: `${username} of the market`,
  username,
  birthday: 19_000_000 + index,
}))
const products = Array.from({ length: 9 }, (_, index) => ({
  upc: `${index + 1}`,
  name: `Thing number ${index + 1}`,
  price: 15 + 700 * index,
  weight: 20 + 100 * index,
}))
const reviews = [1, 1, 1, 1, 2, 2, 2, 2, 3, 4, 4].map((upc, index) => ({
  id: `${index + 1}`,
  upc: `${upc}`,
  body: 'What a thing. '.repeat(10 + 2 * index),
}))

const resolvers = {
  accounts: {
    Query: { me: () => users[0], users: () => users },
    User: { __resolveReference: ({ id }: { id: string }) => users.find((user) => user.id === id) },
  },
  products: {
    Query: { topProducts: (_: unknown, { first }: { first: number }) => products.slice(0, first) },
    Product: { __resolveReference: ({ upc }: { upc: string }) => products.find((product) => product.upc === upc) },
  },
  inventory: {
    Product: {
      inStock: ({ upc }: { upc: string }) => Number(upc) % 2 === 1,
      shippingEstimate: ({ price, weight }: { price: number; weight: number }) => (price > 1_000 ? 0 : weight / 2),
    },
  },
  reviews: {
    Query: { topReviews: () => reviews },
    Review: { author: () => ({ id: '1', username: 'ada' }), product: ({ upc }: { upc: string }) => ({ upc }) },
    User: { reviews: () => reviews.slice(0, 2) },
    Product: { reviews: ({ upc }: { upc: string }) => reviews.filter((review) => review.upc === upc) },
  },
}

for (const [index, [name, sdl]] of Object.entries(linked(market)).entries()) {
  const schema = buildSubgraphSchema({
    typeDefs: parse(sdl),
    resolvers: resolvers[name as keyof typeof resolvers],
  })
  const answers = new Map<string, string>()
  const answer = async (body: string): Promise<string> => {
    const { query, variables } = JSON.parse(body)
    const made = JSON.stringify(await graphql({ schema, source: query, variableValues: variables }))
    answers.set(body, made)
    return made
  }
  createServer((incoming, outgoing) => {
    void (async () => {
      const body = await text(incoming)
      const made = answers.get(body) ?? (await answer(body))
      outgoing.setHeader('content-type', 'application/json').end(made)
    })()
  }).listen(Number(process.argv[2 + index]), '127.0.0.1')
}
