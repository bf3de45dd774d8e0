/** What a client may send in the graphql-transport-ws protocol. */
export type ClientMessage =
  | { type: 'connection_init'; payload?: Record<string, unknown> | null }
  | { type: 'ping' | 'pong'; payload?: Record<string, unknown> | null }
  | { type: 'subscribe'; id: string; payload: SubscribePayload }
  | { type: 'complete'; id: string }

export interface SubscribePayload {
  /** Left out when `extensions.persistedQuery` names it. */
  query?: string | null
  operationName?: string | null
  variables?: Record<string, unknown> | null
  extensions?: Record<string, unknown> | null
}

/** Codes that sockets are closed with; the first is WebSocket's own, the others the protocol's. */
export const CloseCode = {
  goingAway: 1001,
  internalError: 4500,
  badRequest: 4400,
  unauthorized: 4401,
  forbidden: 4403,
  subprotocolNotAcceptable: 4406,
  initialisationTimeout: 4408,
  subscriberAlreadyExists: 4409,
  tooMany: 4429,
} as const

/** The subprotocol that is spoken. */
export const PROTOCOL = 'graphql-transport-ws'

/** Reads a message; null when it is none that a client may send. */
export function readMessage(text: string): ClientMessage | null {
  let message: unknown
  try {
    message = JSON.parse(text)
  } catch {
    return null
  }
  if (!isRecord(message)) return null
  const { type, id, payload } = message
  switch (type) {
    case 'connection_init':
    case 'ping':
    case 'pong':
      return isOptionalRecord(payload) ? { type, payload } : null
    case 'subscribe':
      return isId(id) && isSubscribePayload(payload) ? { type, id, payload } : null
    case 'complete':
      return isId(id) ? { type, id } : null
    default:
      return null
  }
}

/** Whether a value is an operation as clients send it, over whatever transport. */
export function isSubscribePayload(value: unknown): value is SubscribePayload {
  if (!isRecord(value)) return false
  const { query, operationName, variables, extensions } = value
  const isNamed = isNothing(query) && isRecord(Object(extensions).persistedQuery)
  if (!(typeof query === 'string' || isNamed) || !(isNothing(operationName) || typeof operationName === 'string'))
    return false
  return isOptionalRecord(variables) && isOptionalRecord(extensions)
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const isNothing = (value: unknown): value is null | undefined => value === null || value === undefined
const isOptionalRecord = (value: unknown): value is Record<string, unknown> | null | undefined =>
  isNothing(value) || isRecord(value)
const isId = (value: unknown): value is string => typeof value === 'string' && value !== ''
