import { ApolloClient, ApolloLink, CombinedGraphQLErrors, gql, HttpLink, InMemoryCache } from '@apollo/client'
import { GraphQLWsLink } from '@apollo/client/link/subscriptions'
import { cacheExchange, Client as Urql, fetchExchange, subscriptionExchange, type OperationResult } from '@urql/core'
import { createClient as overSocket, type Client as SocketClient } from 'graphql-ws'
import { createClient as overEvents, type Client as EventsClient } from 'graphql-sse'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { eventually } from './testing/eventually.ts'
import { anAccount, startSky, type Sky } from './testing/router-under-test.ts'

// Clients as shops use them, with what they come with and nothing of ours.

interface Outcome {
  data?: any // oxlint-disable-line typescript/no-explicit-any -- a test reads what it asked for
  codes: unknown[]
}
interface Listener {
  next(outcome: Outcome): void
  /** The codes it ended with; none when it is complete. */
  end(codes: unknown[]): void
}
interface ClientUnderTest {
  query(text: string): Promise<Outcome>
  /** @returns how to stop */
  follow(text: string, listener: Listener): () => void
  close(): unknown
}
type Connect = (url: string, headers: Record<string, string>) => ClientUnderTest

const codes = (errors: readonly { extensions?: unknown }[] = []): unknown[] =>
  errors.map(({ extensions }) => Object(extensions).code)

/** graphql-ws and graphql-sse give their clients the same shape. */
const plain = (client: SocketClient | EventsClient): ClientUnderTest => {
  const follow: ClientUnderTest['follow'] = (query, listener) =>
    client.subscribe(
      { query },
      {
        next: ({ data, errors }) =>
          data ? listener.next({ data, codes: codes(errors) }) : listener.end(codes(errors)),
        error: (errors) => listener.end(codes(errors as [])),
        complete: () => listener.end([]),
      },
    )
  return {
    follow,
    query: (text) =>
      new Promise((resolve) => {
        let outcome: Outcome | undefined
        follow(text, { next: (result) => (outcome = result), end: (codes) => resolve(outcome ?? { codes }) })
      }),
    close: () => client.dispose(),
  }
}

const apollo = (link: ApolloLink, close: () => unknown = () => {}): ClientUnderTest => {
  const client = new ApolloClient({ link, cache: new InMemoryCache() })
  const codesOf = (error: unknown) => (CombinedGraphQLErrors.is(error) ? codes(error.errors) : error ? [error] : [])
  return {
    async query(text) {
      const { data, error } = await client.query({ query: gql(text), errorPolicy: 'all' })
      return { data, codes: codesOf(error) }
    },
    follow(text, listener) {
      const following = client.subscribe({ query: gql(text), errorPolicy: 'all' }).subscribe({
        next: ({ data, error }) =>
          data ? listener.next({ data, codes: codesOf(error) }) : listener.end(codesOf(error)),
        error: (error) => listener.end(codesOf(error)),
        complete: () => listener.end([]),
      })
      return () => following.unsubscribe()
    },
    close() {
      client.stop()
      return close()
    },
  }
}

const urql = (client: Urql, close: () => unknown = () => {}): ClientUnderTest => {
  const outcome = ({ data, error }: OperationResult): Outcome => ({
    ...(data ? { data } : {}),
    codes: error?.networkError ? [error.networkError] : codes(error?.graphQLErrors),
  })
  return {
    query: async (text) => outcome(await client.query(text, {}).toPromise()),
    follow(text, listener) {
      const { unsubscribe } = client.subscription(text, {}).subscribe((result) => {
        const { data, codes } = outcome(result)
        if (data) listener.next({ data, codes })
        else listener.end(codes)
      })
      return unsubscribe
    },
    close,
  }
}

const socket = (url: string, connectionParams: Record<string, string>) =>
  overSocket({ url: url.replace('http', 'ws'), webSocketImpl: WebSocket, connectionParams, retryAttempts: 0 })
const events = (url: string, headers: Record<string, string>) => overEvents({ url, headers, retryAttempts: 0 })

const urqlOptions = (url: string, headers: Record<string, string>) =>
  ({ url, fetchOptions: { headers }, preferGetMethod: false }) as const

const urqlOver = (client: SocketClient | EventsClient, url: string, headers: Record<string, string>) => {
  const forwarding = subscriptionExchange({
    forwardSubscription: ({ query = '', operationName, variables }) => ({
      subscribe: (sink) => ({ unsubscribe: client.subscribe({ query, operationName, variables }, sink as never) }),
    }),
  })
  const options = { ...urqlOptions(url, headers), exchanges: [cacheExchange, fetchExchange, forwarding] }
  return urql(new Urql(options), () => client.dispose())
}

const clients: Record<string, Connect> = {
  'graphql-ws': (url, headers) => plain(socket(url, headers)),
  'graphql-sse, distinct connections': (url, headers) => plain(events(url, headers)),
  'Apollo Client over HTTP, subscriptions in multipart': (uri, headers) => apollo(new HttpLink({ uri, headers })),
  'Apollo Client, subscriptions over graphql-ws': (url, headers) => {
    const client = socket(url, headers)
    return apollo(new GraphQLWsLink(client), () => client.dispose())
  },
  'urql, subscriptions over graphql-ws': (url, headers) => urqlOver(socket(url, headers), url, headers),
  'urql, subscriptions over Server-Sent Events': (url, headers) => urqlOver(events(url, headers), url, headers),
  'urql, subscriptions in its own fetch': (url, headers) =>
    urql(
      new Urql({ ...urqlOptions(url, headers), exchanges: [cacheExchange, fetchExchange], fetchSubscriptions: true }),
    ),
}

let sky: Sky
beforeAll(async () => {
  sky = await startSky('remote')
})
afterAll(() => sky[Symbol.asyncDispose]())

const readers = (count: number) => eventually(() => expect(sky.sightings.readers).toBe(count))

describe.each(Object.entries(clients))('%s', (_name, connect) => {
  const stops: (() => void)[] = []
  const withClient = async (headers: Record<string, string>, run: (client: ClientUnderTest) => Promise<void>) => {
    const client = connect(`${sky.url}/graphql`, headers)
    try {
      await run(client)
    } finally {
      for (const stop of stops.splice(0)) stop()
      await client.close()
    }
    await readers(0)
  }
  const record = (client: ClientUnderTest, text: string) => {
    const seen: Outcome[] = []
    const endings: unknown[][] = []
    const stop = client.follow(text, { next: (event) => seen.push(event), end: (codes) => endings.push(codes) })
    stops.push(stop)
    return { seen, endings, stop }
  }

  test('gets answers, and what is wrong with them', async () => {
    await withClient({}, async (client) => {
      const { data, codes } = await client.query('{ moon(id: "m1") { id name planet { id name gravity } } }')
      expect(codes).toEqual([])
      expect(data.moon).toMatchObject({ name: 'Phobos', planet: { name: 'Mars', gravity: 67 } })
      const partly = await client.query('{ planet(id: "p2") { id name fragile } }')
      expect(partly).toMatchObject({ data: { planet: { name: 'Mars', fragile: null } }, codes: ['DUST'] })
      expect((await client.query('{ nothing }')).codes).toEqual(['GRAPHQL_VALIDATION_FAILED'])
    })
  })

  test('follows a subscription, each event in order and completed by other subgraphs, until it stops', async () => {
    await withClient({}, async (client) => {
      const { seen, endings, stop } = record(client, 'subscription { sighted { at planet { id name gravity } } }')
      await readers(1)
      for (const id of ['p1', 'p2', 'p3']) sky.sightings.see(id)
      await eventually(() => expect(seen.length).toBe(3))
      expect(seen.map(({ data }) => data.sighted.planet.name)).toEqual(['Venus', 'Mars', 'Neptune'])
      expect(seen[1]!.data.sighted.planet.gravity).toBe(67)
      stop()
      await readers(0)
      expect(endings.flat()).toEqual([])
    })
  })

  test('is told what is wrong with an event, and the next comes all the same', async () => {
    await withClient({}, async (client) => {
      const { seen } = record(client, 'subscription { sighted { at planet { id fragile } } }')
      await readers(1)
      for (const id of ['p1', 'p2', 'p3']) sky.sightings.see(id)
      await eventually(() => expect(seen.length).toBe(3))
      // What urql makes of the third has the errors of the second in it still.
      expect(seen.slice(0, 2).map(({ codes }) => codes)).toEqual([[], ['DUST']])
      expect(seen[2]!.data.sighted.planet.fragile).toBe('fragile p3')
    })
  })

  test('is refused what needs a sign-in, and gets it with one', async () => {
    await withClient({}, async (client) => {
      const { endings } = record(client, 'subscription { secretSighted { at } }')
      await eventually(() => expect(endings[0]).toEqual(['UNAUTHENTICATED']))
    })
    await withClient({ authorization: `Bearer ${await sky.token(anAccount())}` }, async (client) => {
      const { seen } = record(client, 'subscription { secretSighted { at } }')
      await readers(1)
      sky.sightings.see('p1')
      await eventually(() => expect(seen[0]?.data.secretSighted).toMatchObject({ at: 2 }))
    })
  })
})
