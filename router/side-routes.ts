import type { IncomingMessage, ServerResponse } from 'node:http'
import { pipeline } from 'node:stream/promises'
import { Agent, request } from 'undici'
import { sendResponse, toRequest } from '#platform/http.ts'
import { INTERNAL_TOKEN_HEADER } from '#platform/internal-token.ts'

/** An address outside GraphQL that somebody else answers under the router's origin. */
export interface SideRoute {
  /** A path, and everything below it. */
  prefix: string
  /** Within this process; or */
  handle?: (request: Request) => Promise<Response>
  /** at this origin, with the same path. */
  url?: string
}

/** Side routes as they are configured: `prefix=url` pairs, comma-separated. @throws Error for anything else. */
export function parseSideRoutes(list: string): SideRoute[] {
  return list
    .split(',')
    .map((pair) => pair.trim())
    .filter(Boolean)
    .map((pair) => {
      const [, prefix, url] = /^(\/[^=]*)=(https?:\/\/.+)$/.exec(pair) ?? []
      if (!prefix || !url || !URL.canParse(url)) throw new Error(`SIDE_ROUTES: "${pair}" is not prefix=url`)
      return { prefix, url }
    })
}

export class SideRoutes implements AsyncDisposable {
  readonly #routes: readonly SideRoute[]
  readonly #agent = new Agent({ headersTimeout: 30_000 })

  constructor(routes: readonly SideRoute[]) {
    this.#routes = routes
  }

  /** False when no route is responsible for the path. */
  async answer(path: string, incoming: IncomingMessage, outgoing: ServerResponse): Promise<boolean> {
    const route = this.#routes.find(({ prefix }) => path === prefix || path.startsWith(`${prefix.replace(/\/$/, '')}/`))
    if (!route) return false
    delete incoming.headers[INTERNAL_TOKEN_HEADER]
    if (route.handle) await sendResponse(outgoing, await route.handle(await toRequest(incoming)))
    else if (route.url) await this.#forward(route.url, incoming, outgoing)
    return true
  }

  async #forward(origin: string, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const { method = 'GET', url = '/', headers, socket } = incoming
    const answer = await request(new URL(url, origin), {
      method,
      dispatcher: this.#agent,
      headers: {
        ...endToEnd(headers),
        host: undefined,
        'x-forwarded-host': headers.host,
        'x-forwarded-for': [headers['x-forwarded-for'], socket.remoteAddress].filter(Boolean).join(', '),
      },
      ...(method === 'GET' || method === 'HEAD' ? {} : { body: incoming }),
    })
    outgoing.writeHead(answer.statusCode, endToEnd(answer.headers))
    await pipeline(answer.body, outgoing)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#agent.close()
  }
}

// RFC 9110, section 7.6.1: these speak of one connection, not of the message.
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

const endToEnd = <T>(headers: Readonly<Record<string, T>>): Record<string, T> =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !HOP_BY_HOP.has(name)))
