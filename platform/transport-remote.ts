import { LRUCache } from 'lru-cache'
import { Pool, type Dispatcher } from 'undici'
import { DEVICE_HEADERS, INTERNAL_TOKEN_HEADER, type InternalTokens } from './internal-token.ts'
import type { Logger } from './log.ts'
import { failures, patience, revive, type Patience } from './transport-failures.ts'
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
  const path = pathname + search
  const pool = new Pool(origin, { connections: 128, headersTimeout: 0, bodyTimeout: 0, connect: { timeout: 3_000 } })
  const socket = subgraphSocket({ name, url: url.replace(/^http/, 'ws'), tokens, log })

  // Operations come again and again; their text is escaped once.
  const heads = new LRUCache<string, string>({ max: 2_000 })
  const headOf = (query: string): string => {
    const known = heads.get(query)
    if (known) return known
    const head = `{"query":${JSON.stringify(query)}`
    heads.set(query, head)
    return head
  }

  const post = async (request: SubgraphRequest, wait: Patience): Promise<unknown> => {
    const { query, operationName, variables, variablesJson, viewer, device, requestId } = request
    const operation = operationName === undefined ? '' : `,"operationName":${JSON.stringify(operationName)}`
    const json = variablesJson ?? JSON.stringify(variables ?? {})
    const token = await tokens.sign(viewer, name)
    const text = await exchange(
      pool,
      {
        path,
        method: 'POST',
        headers: [
          'content-type',
          'application/json',
          'accept',
          'application/json',
          'x-request-id',
          requestId,
          INTERNAL_TOKEN_HEADER,
          token,
          'x-deadline',
          String(wait.until),
          ...(device?.ip ? [DEVICE_HEADERS.ip, device.ip] : []),
          ...(device?.userAgent ? [DEVICE_HEADERS.userAgent, encodeURIComponent(device.userAgent)] : []),
        ],
        body: `${headOf(query)}${operation},"variables":${json}}`,
      },
      wait,
    )
    return JSON.parse(text)
  }

  return {
    async execute(request) {
      using wait = patience(request)
      try {
        return graphqlResult(await post(request, wait))
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

/** The body of the answer, read without the streams that undici's own `request` wraps it in. */
function exchange(pool: Pool, options: Dispatcher.DispatchOptions, { signal }: Patience): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const chunks: Buffer[] = []
  let size = 0
  let controller: Dispatcher.DispatchController | undefined
  const giveUp = (error: Error) => {
    reject(error)
    controller?.abort(error)
  }
  const onAbort = () => giveUp(new Error('Nobody waits any more'))
  signal.addEventListener('abort', onAbort, { once: true })
  pool.dispatch(options, {
    onRequestStart(started) {
      controller = started
      if (signal.aborted) onAbort()
    },
    // undici insists on hearing that nobody looks at the status.
    onResponseStart() {},
    onResponseData(_controller, chunk) {
      size += chunk.length
      if (size > MAX_RESPONSE_BYTES) giveUp(new Error(`The answer is larger than ${MAX_RESPONSE_BYTES} bytes`))
      else chunks.push(chunk)
    },
    onResponseEnd() {
      signal.removeEventListener('abort', onAbort)
      resolve((chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)).toString('utf8'))
    },
    onResponseError(_controller, error) {
      signal.removeEventListener('abort', onAbort)
      reject(error)
    },
  })
  return promise
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
