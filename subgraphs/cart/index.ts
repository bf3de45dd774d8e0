import { forgetting } from '#platform/forgetting.ts'
import { sdl, type Subgraph } from '#platform/subgraph.ts'
import { abandonCarts } from './carts.ts'
import { reactions } from './reactions.ts'
import { resolvers } from './resolvers.ts'
import { seed } from './seed.ts'
import { idempotencyKeys, inbox } from './tables.ts'

export default {
  name: 'cart',
  typeDefs: sdl(import.meta.url),
  resolvers,
  reactions,
  jobs: [{ name: 'abandon carts', everySeconds: 600, run: abandonCarts }, forgetting({ keys: idempotencyKeys, inbox })],
  seed,
} satisfies Subgraph
