import { forgetting } from '#platform/forgetting.ts'
import { sdl, type Subgraph } from '#platform/subgraph.ts'
import { countInNeed } from './attention.ts'
import { recoverErrands } from './errand-recovery.ts'
import { errandsNeedingAttention } from './errands.ts'
import { closeOrders } from './moving.ts'
import { reactions } from './reactions.ts'
import { expireCheckouts, recoverCheckouts } from './recovery.ts'
import { resolvers } from './resolvers.ts'
import { seed } from './seed.ts'
import { idempotencyKeys, inbox } from './tables.ts'

export default {
  name: 'orders',
  typeDefs: sdl(import.meta.url),
  resolvers,
  reactions,
  jobs: [
    { name: 'recover checkouts', everySeconds: 1, run: recoverCheckouts },
    { name: 'expire checkouts', everySeconds: 10, run: expireCheckouts },
    { name: 'recover errands', everySeconds: 1, run: recoverErrands },
    { name: 'close orders', everySeconds: 600, run: closeOrders },
    forgetting({ keys: idempotencyKeys, inbox }),
  ],
  gauges: [
    {
      name: 'mercato_checkouts_needing_attention',
      help: 'Checkouts that could neither be finished nor undone; staff take them up with checkoutRecover.',
      read: countInNeed,
    },
    {
      name: 'mercato_errands_needing_attention',
      help: 'Cancellations and returns of orders that gave up in the middle; each needs somebody to look at it',
      read: errandsNeedingAttention,
    },
  ],
  seed,
} satisfies Subgraph
