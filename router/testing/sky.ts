import { buildSubgraphSchema } from '@apollo/subgraph'
import { composeServices } from '@apollo/composition'
import { GraphQLError, parse, type GraphQLSchema } from 'graphql'
import { client, type Viewer } from '#platform/viewer.ts'

/** What resolvers of the sky work with. */
export interface SkyContext {
  viewer: Viewer
  requestId: string
}

const LINK = `extend schema @link(url: "https://specs.apollo.dev/federation/v2.12", import: [
  "@key" "@requires" "@external" "@shareable" "@authenticated" "@requiresScopes" "@inaccessible" "@provides" "@tag"
])\n`

const planets = [
  { id: 'p1', name: 'Venus', mass: 49, radius: 6, moonIds: [] as string[] },
  { id: 'p2', name: 'Mars', mass: 6, radius: 3, moonIds: ['m1', 'm2'] },
  { id: 'p3', name: 'Neptune', mass: 102, radius: 25, moonIds: ['m3'] },
]
const moons = [
  { id: 'm1', name: 'Phobos', planetId: 'p2' },
  { id: 'm2', name: 'Deimos', planetId: 'p2' },
  { id: 'm3', name: 'Triton', planetId: 'p3' },
]
const astronomers = [
  { id: 'a1', name: 'Asaph Hall', email: 'hall@observatory.example', diary: 'Clear night.', planetIds: ['p2'] },
  { id: 'a2', name: 'Johann Galle', email: 'galle@observatory.example', diary: 'Found it.', planetIds: ['p3'] },
]
const byId = <T extends { id: string }>(list: readonly T[], id: string): T | null =>
  list.find((each) => each.id === id) ?? null

/** Sightings that a test lets happen. Each reader gets those that come after it began. */
export class Sightings {
  readonly #readers = new Set<(id: string) => void>()

  get readers(): number {
    return this.#readers.size
  }

  see(id: string): void {
    for (const read of this.#readers) read(id)
  }

  read<T>(shape: (id: string) => T): AsyncIterableIterator<T> {
    const waiting: string[] = []
    let wake = (): void => {}
    let isOver = false
    const read = (id: string) => {
      waiting.push(id)
      wake()
    }
    this.#readers.add(read)
    return {
      next: async () => {
        while (waiting.length === 0 && !isOver) await new Promise<void>((resolve) => (wake = resolve))
        if (isOver) return { done: true, value: undefined }
        return { done: false, value: shape(waiting.shift()!) }
      },
      return: async () => {
        isOver = true
        this.#readers.delete(read)
        wake()
        return { done: true, value: undefined }
      },
      [Symbol.asyncIterator]() {
        return this
      },
    }
  }
}

/** A small supergraph of three subgraphs, with keys, `@requires`, an interface, guards and a subscription. */
export function sky(sightings = new Sightings()) {
  const typeDefs = {
    planets: `${LINK}
      type Query {
        planets: [Planet!]!
        planet(id: ID!): Planet
        bodies: [Body!]!
        whoami: String
        requestId: String
        explode: String
        explodeFirmly: String!
        mood(mood: Mood): Mood
        hiddenMood: Mood
        slow(ms: Int!): String
      }
      type Mutation {
        renamePlanet(id: ID!, name: String!): Planet
        destroyPlanet(id: ID!): Boolean @authenticated
        slowlyRename(id: ID!, ms: Int!): Boolean
      }
      type Subscription {
        sighted(fail: Boolean = false): Sighting
        secretSighted: Sighting @authenticated
        passing(by: ID): Planet @tag(name: "live-only")
        secretPassing: Planet @authenticated @tag(name: "live-only")
        approaching: Planet @tag(name: "live-only") @tag(name: "latest-wins")
      }
      type Sighting { at: Int! planet: Planet! }
      enum Mood { CALM STORMY HIDDEN @inaccessible }
      interface Body { id: ID! name: String! nickname: String }
      type Comet implements Body { id: ID! name: String! nickname: String @authenticated tail: Int }
      type Planet implements Body @key(fields: "id") { id: ID! name: String! nickname: String mass: Int radius: Int }`,
    moons: `${LINK}
      type Planet @key(fields: "id") {
        id: ID!
        mass: Int @external
        radius: Int @external
        gravity: Int @requires(fields: "mass radius")
        moons: [Moon!]
        fragile: String
      }
      type Moon @key(fields: "id") { id: ID! name: String! planet: Planet! }
      type Query { moon(id: ID!): Moon }`,
    astronomers: `${LINK}
      type Planet @key(fields: "id") { id: ID! discoverer: Astronomer }
      type Astronomer @key(fields: "id") {
        id: ID!
        name: String!
        email: String @authenticated
        diary: String @requiresScopes(scopes: [["diary:read"], ["admin"]])
        planets: [Planet!]!
      }
      type Query { astronomers: [Astronomer!]! vault: Vault }
      type Mutation { hireAstronomer(id: ID!): Boolean fireAstronomer(id: ID!): Boolean @requiresScopes(scopes: [["admin"]]) }
      type Vault @authenticated { gold: Int }`,
  }
  const asked: { vaults: number; mutations: string[] } = { vaults: 0, mutations: [] }
  const resolvers = {
    planets: {
      Query: {
        planets: () => planets,
        planet: (_: unknown, { id }: { id: string }) => byId(planets, id),
        bodies: () => [planets[0], { __typename: 'Comet', id: 'c1', name: 'Halley', nickname: '1P', tail: 9 }],
        whoami: (_: unknown, __: unknown, { viewer }: SkyContext) => JSON.stringify(client(viewer)),
        requestId: (_: unknown, __: unknown, { requestId }: SkyContext) => requestId,
        explode: () => {
          throw new Error('password of the database at 10.0.0.7')
        },
        explodeFirmly: () => {
          throw new GraphQLError('Not today.', { extensions: { code: 'NOT_TODAY' } })
        },
        mood: (_: unknown, { mood }: { mood: string }) => mood,
        hiddenMood: () => 'HIDDEN',
        slow: (_: unknown, { ms }: { ms: number }) => new Promise((done) => setTimeout(done, ms, 'done')),
      },
      Mutation: {
        renamePlanet: (_: unknown, { id, name }: { id: string; name: string }) => {
          asked.mutations.push(`rename ${id}`)
          return { ...byId(planets, id), name }
        },
        slowlyRename: async (_: unknown, { id, ms }: { id: string; ms: number }) => {
          asked.mutations.push(`begin ${id}`)
          await new Promise((done) => setTimeout(done, ms))
          return true
        },
        destroyPlanet: (_: unknown, { id }: { id: string }) => asked.mutations.push(`destroy ${id}`) > 0,
      },
      Subscription: {
        sighted: {
          subscribe: () => sightings.read((id) => id),
          resolve: (id: string, { fail }: { fail: boolean }) => {
            if (fail) throw new GraphQLError('Clouds.', { extensions: { code: 'CLOUDY' } })
            return { at: 1, planet: byId(planets, id) }
          },
        },
        secretSighted: {
          subscribe: () => sightings.read((id) => id),
          resolve: (id: string) => ({ at: 2, planet: byId(planets, id) }),
        },
        passing: { subscribe: () => sightings.read((id) => id), resolve: (id: string) => byId(planets, id) },
        secretPassing: { subscribe: () => sightings.read((id) => id), resolve: (id: string) => byId(planets, id) },
        approaching: { subscribe: () => sightings.read((id) => id), resolve: (id: string) => byId(planets, id) },
      },
      Body: { __resolveType: (body: { __typename?: string }) => body.__typename ?? 'Planet' },
      Planet: {
        nickname: ({ name }: { name: string }) => name.slice(0, 3),
        __resolveReference: ({ id }: { id: string }) => byId(planets, id),
      },
    },
    moons: {
      Query: { moon: (_: unknown, { id }: { id: string }) => byId(moons, id) },
      Planet: {
        gravity: ({ mass, radius }: { mass: number; radius: number }) => Math.round((100 * mass) / radius ** 2),
        moons: ({ id }: { id: string }) => moons.filter(({ planetId }) => planetId === id),
        fragile: ({ id }: { id: string }) => {
          if (id === 'p2') throw new GraphQLError('Dust storm.', { extensions: { code: 'DUST' } })
          return `fragile ${id}`
        },
      },
      Moon: {
        planet: ({ planetId }: { planetId: string }) => ({ id: planetId }),
        __resolveReference: ({ id }: { id: string }) => byId(moons, id),
      },
    },
    astronomers: {
      Query: { astronomers: () => astronomers, vault: () => (asked.vaults++, { gold: 7 }) },
      Mutation: {
        hireAstronomer: (_: unknown, { id }: { id: string }) => asked.mutations.push(`hire ${id}`) > 0,
        fireAstronomer: (_: unknown, { id }: { id: string }) => asked.mutations.push(`fire ${id}`) > 0,
      },
      Planet: {
        discoverer: ({ id }: { id: string }) => astronomers.find(({ planetIds }) => planetIds.includes(id)) ?? null,
      },
      Astronomer: {
        planets: ({ planetIds }: { planetIds: string[] }) => planetIds.map((id) => ({ id })),
        __resolveReference: ({ id }: { id: string }) => byId(astronomers, id),
      },
    },
  }
  const names = ['planets', 'moons', 'astronomers'] as const
  const schemas = new Map<string, GraphQLSchema>(
    names.map((name) => [
      name,
      buildSubgraphSchema({ typeDefs: parse(typeDefs[name]), resolvers: resolvers[name] as never }),
    ]),
  )
  /** The supergraph, with the subgraphs at these addresses. */
  const supergraphSdl = (urls: ReadonlyMap<string, string>): string => {
    const services = names.map((name) => ({
      name,
      url: urls.get(name) ?? `http://${name}.invalid/graphql`,
      typeDefs: parse(typeDefs[name]),
    }))
    const { supergraphSdl: sdl, errors } = composeServices(services)
    if (!sdl) throw new Error(errors?.join('\n'))
    return sdl
  }
  return { names, schemas, sightings, asked, supergraphSdl }
}
