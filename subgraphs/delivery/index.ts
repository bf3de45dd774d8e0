import { forgetting } from '#platform/forgetting.ts'
import { sdl, type Subgraph } from '#platform/subgraph.ts'
import { animate } from './demo.ts'
import { reactions } from './reactions.ts'
import { resolvers } from './resolvers.ts'
import { routes } from './routes.ts'
import { seed } from './seed.ts'
import { idempotencyKeys, inbox } from './tables.ts'

export default {
  name: 'delivery',
  typeDefs: sdl(import.meta.url),
  resolvers,
  reactions,
  routes,
  jobs: [forgetting({ keys: idempotencyKeys, inbox })],
  seed,
  animate,
} satisfies Subgraph
