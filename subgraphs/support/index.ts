import { sdl, type Subgraph } from '#platform/subgraph.ts'
import { resolvers } from './resolvers.ts'
import { seed } from './seed.ts'

export default { name: 'support', typeDefs: sdl(import.meta.url), resolvers, seed } satisfies Subgraph
