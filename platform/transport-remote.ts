import { GraphQLError } from 'graphql'
import { LRUCache } from 'lru-cache'
import { HttpConnections } from './http-connections.ts'
import { DEVICE_HEADERS, INTERNAL_TOKEN_HEADER, type InternalTokens } from './internal-token.ts'
import type { Logger } from './log.ts'
import { failures, LONGEST_WAIT_MS, revive } from './transport-failures.ts'
import { subgraphSocket } from './transport-socket.ts'
import type { SubgraphRequest, Transport } from './transport.ts'

const MAX_RESPONSE_BYTES = 20 * 1024 * 1024

export interface RemoteTransportOptions {
  name: string
  /** Where it answers GraphQL: POST for queries and mutations, graphql-ws at the same path for subscriptions. */
  url: string
  tokens: InternalTokens
  /** Hears why there was no answer. */
  log?: Logger
}

/** The way to a subgraph that is another process: a pool of kept-alive connections, and one socket for subscriptions. */
export function remoteTransport({ name, url, tokens, log }: RemoteTransportOptions): Transport {
  const address = new URL(url)
  const connections = new HttpConnections({ url: address, maxBytes: MAX_RESPONSE_BYTES })
  // Nothing is said of the encodings that are accepted: what is near is not worth compressing.
  const head = `POST ${address.pathname}${address.search} HTTP/1.1\r\nhost: ${address.host}\r\nconnection: keep-alive\r\ncontent-type: application/json\r\naccept: application/json\r\n`
  const socket = subgraphSocket({ name, url: url.replace(/^http/, 'ws'), tokens, log })

  // Operations come again and again; their text is escaped once.
  const heads = new LRUCache<string, string>({ max: 2_000 })
  const bodyHeadOf = (query: string): string => {
    const known = heads.get(query)
    if (known) return known
    const text = `{"query":${JSON.stringify(query)}`
    heads.set(query, text)
    return text
  }

  const post = async (request: SubgraphRequest): Promise<unknown> => {
    const { query, operationName, variables, variablesJson, viewer, device, requestId, deadline, signal } = request
    const until = Math.round(Math.min(Date.now() + LONGEST_WAIT_MS, deadline ?? Infinity))
    const operation = operationName === undefined ? '' : `,"operationName":${JSON.stringify(operationName)}`
    const json = variablesJson ?? JSON.stringify(variables ?? {})
    const body = `${bodyHeadOf(query)}${operation},"variables":${json}}`
    const who = `${INTERNAL_TOKEN_HEADER}: ${await tokens.sign(viewer, name)}\r\n`
    const ip = device?.ip ? `${DEVICE_HEADERS.ip}: ${visible(device.ip)}\r\n` : ''
    const agent = device?.userAgent ? `${DEVICE_HEADERS.userAgent}: ${encodeURIComponent(device.userAgent)}\r\n` : ''
    const own = `x-request-id: ${visible(requestId)}\r\nx-deadline: ${until}\r\n`
    const length = `content-length: ${Buffer.byteLength(body)}\r\n\r\n`
    return JSON.parse(
      await connections.send(head + own + who + ip + agent + length + body, { until, late: failures.timeout, signal }),
    )
  }

  return {
    async execute(request) {
      try {
        return graphqlResult(await post(request))
      } catch (error) {
        if (request.signal?.aborted) throw request.signal.reason
        log?.warn({ err: error, subgraph: name, requestId: request.requestId }, 'no answer from a subgraph')
        throw error instanceof GraphQLError ? error : failures.unavailable()
      }
    },
    subscribe: (request) => socket.subscribe(request),
    async [Symbol.asyncDispose]() {
      await Promise.all([socket[Symbol.asyncDispose](), connections[Symbol.asyncDispose]()])
    },
  }
}

/** Any status may carry an answer; what has neither `data` nor `errors` is none. */
function graphqlResult(body: unknown) {
  const { data, errors, extensions } = Object(body)
  const hasErrors = Array.isArray(errors) && errors.length > 0
  if (data === undefined && !hasErrors) throw new Error('The answer is not a GraphQL result')
  return {
    ...(data === undefined ? {} : { data }),
    ...(hasErrors ? { errors: revive(errors) } : {}),
    ...(extensions ? { extensions } : {}),
  }
}

/** @throws Error at what would be more than one header, or none */
function visible(value: string): string {
  if (!/^[\x21-\x7e]*$/.test(value)) throw new Error('A header would not be one')
  return value
}
