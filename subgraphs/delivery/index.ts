import { sdl, type Subgraph } from '#platform/subgraph.ts'
import { animate } from './demo.ts'
import { reactions } from './reactions.ts'
import { resolvers } from './resolvers.ts'
import { routes } from './routes.ts'
import { seed } from './seed.ts'

export default {
  name: 'delivery',
  typeDefs: sdl(import.meta.url),
  resolvers,
  reactions,
  routes,
  seed,
  animate,
} satisfies Subgraph
