import type { GraphQLFormattedError } from 'graphql'

/** How results are written into an HTTP response that stays open. Each text stands alone. */
export interface Framing {
  contentType: string
  /** Written first, so that clients know at once that they are heard. */
  opening: string
  /** Written when there is nothing else to say. */
  heartbeat: string
  next(payload: string): string
  /** The errors of an operation that did not begin, or (`isBroken`) could not go on. */
  errors(errors: readonly GraphQLFormattedError[], isBroken: boolean): string
  complete: string
}

/** GraphQL over Server-Sent Events, distinct connections mode. */
export const serverSentEvents: Framing = {
  contentType: 'text/event-stream; charset=utf-8',
  opening: ':\n\n',
  heartbeat: ':\n\n',
  next: (payload) => `event: next\ndata: ${payload}\n\n`,
  errors: (errors) => `event: next\ndata: ${JSON.stringify({ errors })}\n\n`,
  // Browsers do not deliver an event without data.
  complete: 'event: complete\ndata: \n\n',
}

const BOUNDARY = '\r\n--graphql'
// The boundary follows each part at once, for only then do clients take the part for whole.
const part = (json: string) => `\r\ncontent-type: application/json\r\n\r\n${json}${BOUNDARY}`

/** Apollo's multipart protocol for subscriptions, version 1.0. */
export const multipart: Framing = {
  contentType: 'multipart/mixed;boundary="graphql";subscriptionSpec="1.0"',
  opening: BOUNDARY,
  heartbeat: part('{}'),
  next: (payload) => part(`{"payload":${payload}}`),
  errors: (errors, isBroken) => part(JSON.stringify(isBroken ? { payload: null, errors } : { payload: { errors } })),
  complete: '--\r\n',
}

/**
 * The framing that a client asks for, or null when an ordinary response will do. What it names first counts: some clients
 * add event streams to what they accept for every operation.
 */
export function framingOf(accept = ''): Framing | null {
  for (const type of accept.toLowerCase().split(',')) {
    if (/^\s*text\/event-stream\b/.test(type)) return serverSentEvents
    if (/^\s*multipart\/mixed\s*;.*\bsubscriptionspec\s*=\s*"?1\.0"?/.test(type)) return multipart
    if (/^\s*(application\/(\S+\+)?json|\*\/\*)/.test(type)) return null
  }
  return null
}
