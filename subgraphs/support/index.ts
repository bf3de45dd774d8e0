import { forgetting } from '#platform/forgetting.ts'
import { sdl, type Subgraph } from '#platform/subgraph.ts'
import { resolvers } from './resolvers.ts'
import { seed } from './seed.ts'
import { idempotencyKeys } from './tables.ts'

export default {
  name: 'support',
  typeDefs: sdl(import.meta.url),
  resolvers,
  jobs: [forgetting({ keys: idempotencyKeys })],
  seed,
} satisfies Subgraph
