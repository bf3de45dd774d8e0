import { forgetting } from '#platform/forgetting.ts'
import { sdl, type Subgraph } from '#platform/subgraph.ts'
import { countRecentSales } from './best-sellers.ts'
import { reactions } from './reactions.ts'
import { expireReservations } from './reservations.ts'
import { resolvers } from './resolvers.ts'
import { seed } from './seed.ts'
import { idempotencyKeys } from './tables.ts'

export default {
  name: 'inventory',
  typeDefs: sdl(import.meta.url),
  resolvers,
  reactions,
  jobs: [
    { name: 'expire reservations', everySeconds: 5, run: expireReservations },
    { name: 'count recent sales', everySeconds: 300, run: countRecentSales },
    forgetting({ keys: idempotencyKeys }),
  ],
  seed,
} satisfies Subgraph
