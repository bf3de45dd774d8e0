import { forgetting } from '#platform/forgetting.ts'
import { sdl, type Subgraph } from '#platform/subgraph.ts'
import { rotateKeys } from './keys.ts'
import { sendMails } from './mails.ts'
import { reactions } from './reactions.ts'
import { resolvers } from './resolvers.ts'
import { routes } from './routes.ts'
import { seed } from './seed.ts'
import { inbox } from './tables.ts'
import { forgetSessions } from './sessions.ts'

export default {
  name: 'users',
  typeDefs: sdl(import.meta.url),
  resolvers,
  reactions,
  routes,
  jobs: [
    { name: 'send mails', everySeconds: 1, run: sendMails },
    { name: 'rotate signing keys', everySeconds: 3_600, run: rotateKeys },
    { name: 'forget old sessions', everySeconds: 3_600, run: forgetSessions },
    forgetting({ inbox }),
  ],
  seed,
} satisfies Subgraph
