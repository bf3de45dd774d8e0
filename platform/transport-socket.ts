import type { ExecutionResult, GraphQLFormattedError } from 'graphql'
import { createClient } from 'graphql-ws'
import { WebSocket } from 'ws'
import { INTERNAL_TOKEN_HEADER, type InternalTokens } from './internal-token.ts'
import type { Logger } from './log.ts'
import { stoppable } from './stoppable.ts'
import { failures, revive } from './transport-failures.ts'
import type { SubgraphRequest } from './transport.ts'

// Events that wait for a slow reader; one more ends the subscription, for a stream with holes would be worse.
const CAPACITY = 1_000
const PING_MS = 10_000
const PONG_MS = 5_000

export interface SubgraphSocket extends AsyncDisposable {
  subscribe(request: SubgraphRequest): AsyncIterableIterator<ExecutionResult>
}

/**
 * The one graphql-ws connection to a subgraph, shared by all subscriptions, each with an identity of its own. Opens with
 * the first of them. When it breaks they all end with SUBGRAPH_CONNECTION_LOST, since nobody knows what they missed, and
 * the next one opens it again.
 */
export function subgraphSocket(options: {
  name: string
  url: string
  tokens: InternalTokens
  log?: Logger | undefined
}): SubgraphSocket {
  const { name, url, tokens, log } = options
  const following = new Set<Events>()
  let pongTimer: NodeJS.Timeout | undefined
  let isConnected = false
  const client = createClient({
    url,
    webSocketImpl: WebSocket,
    retryAttempts: 0,
    lazyCloseTimeout: 5_000,
    connectionAckWaitTimeout: 3_000,
    keepAlive: PING_MS,
    on: {
      connected: () => (isConnected = true),
      // A peer that froze sends no close of its own.
      ping: (isReceived) => {
        if (!isReceived) pongTimer = setTimeout(() => client.terminate(), PONG_MS)
      },
      pong: (isReceived) => {
        if (isReceived) clearTimeout(pongTimer)
      },
      closed: (event) => {
        clearTimeout(pongTimer)
        if (following.size > 0) log?.warn({ subgraph: name, code: Object(event).code }, 'lost the socket of a subgraph')
        const failure = isConnected ? failures.connectionLost : failures.unavailable
        isConnected = false
        for (const events of following) events.fail(failure())
      },
    },
  })

  return {
    subscribe: ({ query, operationName, variables, viewer, requestId, signal: outer }) =>
      stoppable(async function* (signal) {
        const extensions = { [INTERNAL_TOKEN_HEADER]: await tokens.sign(viewer, name), 'x-request-id': requestId }
        const events = new Events(signal)
        following.add(events)
        const unsubscribe = client.subscribe<ExecutionResult['data']>(
          { query, operationName, variables, extensions },
          {
            next: ({ data, errors }) =>
              events.push({ ...(data === undefined ? {} : { data }), ...(errors ? { errors: revive(errors) } : {}) }),
            error: (error) => {
              // A refusal of this one operation comes as a list of GraphQL errors; anything else is the connection's end.
              if (!Array.isArray(error))
                return events.fail(isConnected ? failures.connectionLost() : failures.unavailable())
              events.push({ errors: revive(error as GraphQLFormattedError[]) })
              events.end()
            },
            complete: () => events.end(),
          },
        )
        try {
          yield* events.drain()
        } finally {
          following.delete(events)
          unsubscribe()
        }
      }, outer),
    async [Symbol.asyncDispose]() {
      await client.dispose()
      client.terminate()
    },
  }
}

/** A bounded queue between the socket and one reader. */
class Events {
  readonly #waiting: ExecutionResult[] = []
  #failure: Error | null = null
  #isOver = false
  #wake = (): void => {}

  constructor(signal: AbortSignal) {
    if (signal.aborted) this.end()
    else signal.addEventListener('abort', () => this.end(), { once: true })
  }

  push(event: ExecutionResult): void {
    if (this.#isOver) return
    if (this.#waiting.length >= CAPACITY) return this.fail(failures.tooSlow())
    this.#waiting.push(event)
    this.#wake()
  }

  fail(error: Error): void {
    if (!this.#isOver) this.#failure = error
    this.end()
  }

  end(): void {
    this.#isOver = true
    this.#wake()
  }

  async *drain(): AsyncGenerator<ExecutionResult, void> {
    for (;;) {
      while (this.#waiting.length > 0) yield this.#waiting.shift()!
      if (this.#failure) throw this.#failure
      if (this.#isOver) return
      await new Promise<void>((resolve) => (this.#wake = resolve))
    }
  }
}
