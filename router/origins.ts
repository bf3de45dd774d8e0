import type { IncomingMessage, ServerResponse } from 'node:http'

/** Which web pages of other sites may call, and open sockets. */
export interface Origins {
  allows(incoming: IncomingMessage): boolean
  /** Sets the CORS headers. True when the request was a preflight, and is answered. */
  answer(incoming: IncomingMessage, outgoing: ServerResponse): boolean
}

/**
 * @param list comma-separated origins. An empty list lets every page in during development, and in production only those
 * that the router itself serves.
 */
export function allowedOrigins({ list, isDevelopment }: { list: string; isDevelopment: boolean }): Origins {
  const listed = new Set(
    list
      .split(',')
      .map((origin) => origin.trim())
      .filter(Boolean),
  )
  const isOpen = listed.has('*') || (listed.size === 0 && isDevelopment)

  const allows = ({ headers: { origin, host } }: IncomingMessage): boolean => {
    // Only browsers send an origin, and only they need to be kept from speaking for their user.
    if (origin === undefined || isOpen || listed.has(origin)) return true
    return URL.canParse(origin) && new URL(origin).host === host
  }
  return {
    allows,
    answer(incoming, outgoing) {
      const { method, headers } = incoming
      outgoing.setHeader('vary', 'origin')
      if (headers.origin !== undefined && allows(incoming)) {
        outgoing.setHeader('access-control-allow-origin', headers.origin)
        outgoing.setHeader('access-control-expose-headers', 'x-request-id, retry-after')
      }
      if (method !== 'OPTIONS' || !headers['access-control-request-method']) return false
      outgoing.setHeader('access-control-allow-methods', 'GET, POST, OPTIONS')
      outgoing.setHeader(
        'access-control-allow-headers',
        headers['access-control-request-headers'] ?? 'content-type, authorization',
      )
      outgoing.setHeader('access-control-max-age', '7200')
      outgoing.writeHead(204).end()
      return true
    },
  }
}
