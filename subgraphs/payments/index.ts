import { sdl, type Subgraph } from '#platform/subgraph.ts'
import { reactions } from './reactions.ts'
import { reconcile } from './reconciliation.ts'
import { askAfterBuyers, countUnknown, resolveMovements } from './recovery.ts'
import { outdatedCards, resealCards } from './resealing.ts'
import { resolvers } from './resolvers.ts'
import { routes } from './routes.ts'
import { seed } from './seed.ts'
import { countStuck } from './stuck.ts'

export default {
  name: 'payments',
  typeDefs: sdl(import.meta.url),
  resolvers,
  reactions,
  jobs: [
    { name: 'resolve movements', everySeconds: 5, run: resolveMovements },
    { name: 'ask after buyers', everySeconds: 60, run: askAfterBuyers },
    { name: 'reconcile', everySeconds: 600, run: reconcile },
    { name: 'reseal cards', everySeconds: 600, run: resealCards },
  ],
  gauges: [
    {
      name: 'mercato_cards_sealed_with_an_old_secret',
      help: 'Saved cards that an older ENCRYPTION_SECRET has sealed; it is needed while there are any',
      read: outdatedCards,
    },
    {
      name: 'mercato_payments_unknown',
      help: 'Payments whose answer the provider still owes',
      read: countUnknown,
    },
    {
      name: 'mercato_payments_stuck',
      help: 'Payments of undone checkouts whose money the provider refused to give back; staff have to look',
      read: countStuck,
    },
  ],
  routes,
  seed,
} satisfies Subgraph
