import { Pool } from 'undici'
import { DEVICE_HEADERS, INTERNAL_TOKEN_HEADER, type InternalTokens } from './internal-token.ts'
import type { Logger } from './log.ts'
import { failures, patience, revive } from './transport-failures.ts'
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
  const { origin, pathname, search } = new URL(url)
  const pool = new Pool(origin, { connections: 128, headersTimeout: 0, bodyTimeout: 0, connect: { timeout: 3_000 } })
  const socket = subgraphSocket({ name, url: url.replace(/^http/, 'ws'), tokens, log })

  const post = async (request: SubgraphRequest, signal: AbortSignal): Promise<unknown> => {
    const { query, operationName, variables, viewer, device, requestId, deadline } = request
    const { body } = await pool.request({
      path: pathname + search,
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json',
        'x-request-id': requestId,
        [INTERNAL_TOKEN_HEADER]: await tokens.sign(viewer, name),
        ...(device?.ip ? { [DEVICE_HEADERS.ip]: device.ip } : {}),
        ...(device?.userAgent ? { [DEVICE_HEADERS.userAgent]: encodeURIComponent(device.userAgent) } : {}),
        ...(deadline === undefined ? {} : { 'x-deadline': String(Math.round(deadline)) }),
      },
      body: JSON.stringify({ query, operationName, variables }),
      signal,
    })
    const chunks: Buffer[] = []
    let size = 0
    for await (const chunk of body as AsyncIterable<Buffer>) {
      size += chunk.length
      if (size > MAX_RESPONSE_BYTES) throw new Error(`The answer is larger than ${MAX_RESPONSE_BYTES} bytes`)
      chunks.push(chunk)
    }
    return JSON.parse(Buffer.concat(chunks).toString('utf8'))
  }

  return {
    async execute(request) {
      using wait = patience(request)
      try {
        return graphqlResult(await post(request, wait.signal))
      } catch (error) {
        if (request.signal?.aborted) throw wait.reason()
        log?.warn({ err: error, subgraph: name, requestId: request.requestId }, 'no answer from a subgraph')
        throw wait.signal.aborted ? wait.reason() : failures.unavailable()
      }
    },
    subscribe: (request) => socket.subscribe(request),
    async [Symbol.asyncDispose]() {
      await Promise.all([socket[Symbol.asyncDispose](), pool.destroy()])
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
