import { forgetting } from '#platform/forgetting.ts'
import { sdl, type Subgraph } from '#platform/subgraph.ts'
import { countRecentSales } from './best-sellers.ts'
import { tellRestocked } from './back-in-stock.ts'
import { settleAlerts } from './low-stock.ts'
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
    { name: 'settle low-stock alerts', everySeconds: 60, run: settleAlerts },
    { name: 'tell who asked what is back in stock', everySeconds: 30, run: tellRestocked },
    { name: 'count recent sales', everySeconds: 300, run: countRecentSales },
    forgetting({ keys: idempotencyKeys }),
  ],
  seed,
} satisfies Subgraph
