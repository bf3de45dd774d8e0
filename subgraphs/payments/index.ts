import { sdl, type Subgraph } from '#platform/subgraph.ts'
import { reactions } from './reactions.ts'
import { reconcile } from './reconciliation.ts'
import { askAfterBuyers, resolveMovements } from './recovery.ts'
import { resolvers } from './resolvers.ts'
import { routes } from './routes.ts'
import { seed } from './seed.ts'

export default {
  name: 'payments',
  typeDefs: sdl(import.meta.url),
  resolvers,
  reactions,
  jobs: [
    { name: 'resolve movements', everySeconds: 5, run: resolveMovements },
    { name: 'ask after buyers', everySeconds: 60, run: askAfterBuyers },
    { name: 'reconcile', everySeconds: 600, run: reconcile },
  ],
  routes,
  seed,
} satisfies Subgraph
