import type { IncomingMessage, ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { BodyTooLarge, readBody } from '#platform/http.ts'
import type { Device } from '#platform/viewer.ts'
import type { Caller } from '../identity.ts'
import type { Admission, Place } from './admission.ts'
import { ownerOf } from './connection.ts'
import { framingOf, type Framing } from './framing.ts'
import type { SubscriptionLimits } from './limits.ts'
import { isSubscribePayload, type SubscribePayload } from './messages.ts'
import type { Operations } from './operations.ts'
import { Outbox, Wire } from './outbox.ts'
import { Pulse } from './pulse.ts'

const PATIENCE_MS = 2_000

export interface HttpStreamOptions {
  operations: Operations
  admission: Admission
  limits: SubscriptionLimits
  /** What a client came with, and from where. */
  deviceOf: (incoming: IncomingMessage) => Device
  refuse: (outgoing: ServerResponse, refusal: Refusal & { requestId: string }) => void
}

interface Refusal {
  status: number
  code: string
  message: string
}

/** Serves operations over HTTP responses that stay open, Server-Sent Events or multipart, by what a client accepts. */
export class HttpStreams implements AsyncDisposable {
  readonly #options: HttpStreamOptions
  readonly #pulse: Pulse
  readonly #open = new Set<ServerResponse>()

  constructor(options: HttpStreamOptions) {
    this.#options = options
    this.#pulse = new Pulse(options.limits.heartbeatMs)
  }

  /** @returns false when the client does not ask for a stream; nothing has been read then */
  async answer(
    incoming: IncomingMessage,
    outgoing: ServerResponse,
    { caller, requestId }: { caller: Caller; requestId: string },
  ): Promise<boolean> {
    const framing = framingOf(incoming.headers.accept)
    if (!framing) return false
    const { refuse, admission, deviceOf } = this.#options
    const payload = await readOperation(incoming)
    if ('status' in payload) {
      // What is left of a body that is too large is not read, so the connection ends with this answer.
      if (payload.status === 413) outgoing.setHeader('connection', 'close')
      refuse(outgoing, { ...payload, requestId })
      return true
    }
    const device = deviceOf(incoming)
    const place = admission.admit(device.ip, () => outgoing.end())
    if (place?.claim(ownerOf(caller))) {
      this.#stream(outgoing, framing, place, payload, { caller, device, requestId, isSafe: incoming.method === 'GET' })
    } else {
      place?.leave()
      refuse(outgoing, { ...(admission.isClosed ? stopping : tooMany), requestId })
    }
    return true
  }

  /** Waits a moment for clients to take what is left for them. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const outgoing of this.#open) outgoing.end()
    const latest = performance.now() + PATIENCE_MS
    while (this.#open.size > 0 && performance.now() < latest) await sleep(20)
    for (const outgoing of this.#open) outgoing.destroy()
    this.#pulse[Symbol.dispose]()
  }

  #stream(
    outgoing: ServerResponse,
    framing: Framing,
    place: Place,
    payload: SubscribePayload,
    asker: { caller: Caller; device: Device; requestId: string; isSafe: boolean },
  ): void {
    const { operations, limits } = this.#options
    const wire = new Wire(outgoing)
    const write = (text: string) => outgoing.writableEnded || outgoing.write(text)
    let leave = (): void => {}
    let isBegun = false
    let wasFull = false
    const outbox = new Outbox({
      wire,
      limits,
      counts: operations.counts,
      write: (result) => write(framing.next(result)),
      finish: (errors) => {
        if (errors) write(framing.errors(operations.formatted(errors, asker.requestId), isBegun))
        write(framing.complete)
        outgoing.end()
      },
      stop: () => leave(),
    })
    const stopBeat = this.#pulse.add(() => {
      // Nothing went out since the last time: nobody reads.
      if (wire.isFull && wasFull) outgoing.destroy()
      else if (!wire.isFull) write(framing.heartbeat)
      wasFull = wire.isFull
    })
    outgoing.on('drain', () => (wasFull = false))
    // Who is told of no end connects again.
    const lifetime = setTimeout(() => outgoing.end(), Math.min(limits.lifetimeMs, 2 ** 31 - 1))
    this.#open.add(outgoing)
    outgoing.once('close', () => {
      this.#open.delete(outgoing)
      stopBeat()
      clearTimeout(lifetime)
      leave()
      outbox.discard()
      place.leave()
    })
    outgoing.writeHead(200, {
      'content-type': framing.contentType,
      'cache-control': 'no-cache, no-transform',
      // Proxies that buffer would keep the events to themselves.
      'x-accel-buffering': 'no',
    })
    write(framing.opening)
    const { query, operationName, variables, extensions } = payload
    leave = operations.begin({ query, operationName, variables, extensions, ...asker }, outbox)
    isBegun = true
  }
}

/** The operation in a request, or why there is none. */
async function readOperation(incoming: IncomingMessage): Promise<SubscribePayload | Refusal> {
  const { method, headers, url = '/' } = incoming
  if (method !== 'GET' && method !== 'POST') {
    return { status: 405, code: 'METHOD_NOT_ALLOWED', message: 'Operations are sent by GET or POST.' }
  }
  let payload: unknown
  try {
    if (method === 'GET') payload = fromSearch(new URL(url, 'http://localhost').searchParams)
    // Nothing else, or a page of another site could send one without asking its browser.
    else if (/^application\/json\b/i.test(headers['content-type'] ?? '')) payload = JSON.parse(await readBody(incoming))
    else return { status: 415, code: 'BAD_REQUEST', message: 'The body must be application/json.' }
  } catch (error) {
    if (error instanceof BodyTooLarge) return { status: 413, code: 'BAD_REQUEST', message: 'The body is too large.' }
    if (!(error instanceof SyntaxError)) throw error
    payload = null
  }
  if (isSubscribePayload(payload)) return payload
  return { status: 400, code: 'BAD_REQUEST', message: 'This is not a GraphQL request.' }
}

function fromSearch(search: URLSearchParams): unknown {
  const json = (name: string): unknown => {
    const text = search.get(name)
    return text === null ? undefined : JSON.parse(text)
  }
  return {
    query: search.get('query'),
    operationName: search.get('operationName'),
    variables: json('variables'),
    extensions: json('extensions'),
  }
}

const stopping: Refusal = { status: 503, code: 'SERVICE_UNAVAILABLE', message: 'This router is stopping.' }

const tooMany: Refusal = {
  status: 429,
  code: 'SUBSCRIPTION_LIMIT_EXCEEDED',
  message: 'There are too many open connections.',
}
