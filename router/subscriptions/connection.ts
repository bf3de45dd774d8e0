import type { Duplex } from 'node:stream'
import type { GraphQLError } from 'graphql'
import type { WebSocket } from 'ws'
import { CodedError } from '#platform/errors.ts'
import type { Logger } from '#platform/log.ts'
import type { Device } from '#platform/viewer.ts'
import type { Authenticator, Caller } from '../identity.ts'
import { requestIdOf } from '../request-id.ts'
import type { Place } from './admission.ts'
import type { SubscriptionLimits } from './limits.ts'
import { CloseCode, PROTOCOL, readMessage, type ClientMessage, type SubscribePayload } from './messages.ts'
import type { Operations } from './operations.ts'
import { Outbox, Wire } from './outbox.ts'

export interface ConnectionOptions {
  operations: Operations
  authenticator: Authenticator
  limits: SubscriptionLimits
  log: Logger
}

/** Somebody who has just come. */
export interface Arrival {
  socket: WebSocket
  /** What the socket writes to, to know when it takes more. */
  stream: Duplex
  place: Place
  device: Device
}

/** Whose connection a caller's is, for counting. */
export const ownerOf = ({ viewer }: Caller): string | null => ('id' in viewer ? `${viewer.kind} ${viewer.id}` : null)

/**
 * One client over graphql-transport-ws. They show themselves in `connection_init`, and may show a newer token with any
 * operation, which then counts for the ones that follow too.
 */
export class Connection {
  readonly #options: ConnectionOptions
  readonly #socket: WebSocket
  readonly #place: Place
  readonly #device: Device
  readonly #wire: Wire
  readonly #operations = new Map<string, { stop: () => void }>()
  readonly #openedAt = performance.now()
  #initTimer: NodeJS.Timeout | undefined
  #caller: Caller | null = null
  #isInitialised = false
  #isAlive = true

  constructor({ socket, stream, place, device }: Arrival, options: ConnectionOptions) {
    this.#options = options
    this.#device = device
    this.#socket = socket
    this.#place = place
    this.#wire = new Wire(stream)
    if (socket.protocol !== PROTOCOL) {
      socket.close(CloseCode.subprotocolNotAcceptable, 'Subprotocol not acceptable')
      return
    }
    this.#initTimer = setTimeout(
      () => this.close(CloseCode.initialisationTimeout, 'Connection initialisation timeout'),
      options.limits.initMs,
    )
    socket.on('pong', () => (this.#isAlive = true))
    socket.on('message', (data, isBinary) => {
      if (socket.readyState !== socket.OPEN) return
      const message = isBinary ? null : readMessage((data as Buffer).toString('utf8'))
      if (!message) return this.close(CloseCode.badRequest, 'Invalid message received')
      this.#receive(message).catch((error: unknown) => {
        options.log.error({ err: error }, 'a message over a socket failed')
        this.close(CloseCode.internalError, 'Internal server error')
      })
    })
  }

  close(code: number, reason: string): void {
    this.#stopAll()
    this.#socket.close(code, reason)
  }

  terminate(): void {
    this.#socket.terminate()
  }

  /** To be called when the socket has closed. */
  closed(): void {
    clearTimeout(this.#initTimer)
    this.#stopAll()
    this.#place.leave()
  }

  /** To be called now and then: whoever did not answer since the last time is not there any more. */
  beat(): void {
    if (!this.#isAlive) return this.#socket.terminate()
    if (performance.now() - this.#openedAt > this.#options.limits.lifetimeMs) {
      // A client that is still there connects again by itself.
      return this.close(CloseCode.goingAway, 'Connected for long enough')
    }
    this.#isAlive = false
    if (this.#socket.readyState === this.#socket.OPEN) this.#socket.ping()
  }

  async #receive(message: ClientMessage): Promise<void> {
    switch (message.type) {
      case 'connection_init':
        return await this.#initialise(message.payload ?? {})
      case 'ping':
        return this.#send(JSON.stringify({ type: 'pong', ...(message.payload ? { payload: message.payload } : {}) }))
      case 'pong':
        return
      case 'subscribe':
        return await this.#subscribe(message.id, message.payload)
      case 'complete':
        this.#operations.get(message.id)?.stop()
        this.#operations.delete(message.id)
    }
  }

  async #initialise(shown: Record<string, unknown>): Promise<void> {
    if (this.#isInitialised) return this.close(CloseCode.tooMany, 'Too many initialisation requests')
    this.#isInitialised = true
    clearTimeout(this.#initTimer)
    if (await this.#recognise(shown)) this.#send('{"type":"connection_ack"}')
  }

  /** Who it is, by what they show; null when the socket is closed for it. */
  async #recognise(shown: Record<string, unknown>): Promise<Caller | null> {
    const caller = await this.#options.authenticator.authenticate(shown)
    if (!caller) {
      this.close(CloseCode.forbidden, 'Forbidden')
    } else if (!this.#place.claim(ownerOf(caller))) {
      this.close(CloseCode.tooMany, 'Too many connections')
    } else {
      return (this.#caller = caller)
    }
    return null
  }

  async #subscribe(id: string, payload: SubscribePayload): Promise<void> {
    if (!this.#caller) return this.close(CloseCode.unauthorized, 'Unauthorized')
    if (this.#operations.has(id)) {
      return this.close(CloseCode.subscriberAlreadyExists, `Subscriber for ${id} already exists`.slice(0, 120))
    }
    const { extensions } = payload
    const requestId = requestIdOf(extensions?.['x-request-id'])
    const operation = { stop: () => {} }
    const isOn = () => this.#operations.get(id) === operation
    if (this.#operations.size >= this.#options.limits.operationsPerSocket) {
      return this.#error(id, [tooMany(this.#options.limits.operationsPerSocket)], requestId)
    }
    this.#operations.set(id, operation)
    // GraphiQL sends what is typed in under Headers as `extensions.headers`.
    const shown: Record<string, unknown> = { ...Object(extensions?.headers), ...extensions }
    const isShown = Object.keys(shown).some((name) => /^(authorization|x-api-key)$/i.test(name))
    const caller = isShown ? await this.#recognise(shown) : this.#caller
    if (!caller || !isOn()) return

    const prefix = `{"id":${JSON.stringify(id)},"type":"next","payload":`
    let leave = (): void => {}
    const outbox = new Outbox({
      wire: this.#wire,
      limits: this.#options.limits,
      counts: this.#options.operations.counts,
      write: (result) => this.#send(`${prefix}${result}}`),
      finish: (errors) => {
        if (!isOn()) return
        this.#operations.delete(id)
        if (errors) this.#error(id, errors, requestId)
        else this.#send(JSON.stringify({ id, type: 'complete' }))
      },
      stop: () => leave(),
    })
    const { query, operationName, variables } = payload
    operation.stop = () => {
      leave()
      outbox.discard()
    }
    leave = this.#options.operations.begin(
      { query, operationName, variables, extensions, caller, device: this.#device, requestId },
      outbox,
    )
  }

  #error(id: string, errors: readonly GraphQLError[], requestId: string): void {
    const payload = this.#options.operations.formatted(errors, requestId)
    this.#send(JSON.stringify({ id, type: 'error', payload }))
  }

  #send(text: string): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return
    // Answers cannot wait like events do; who asks on without reading them is let go.
    if (this.#socket.bufferedAmount > this.#options.limits.bufferedBytes) return this.#socket.terminate()
    this.#socket.send(text)
  }

  #stopAll(): void {
    for (const { stop } of this.#operations.values()) stop()
    this.#operations.clear()
  }
}

const tooMany = (limit: number) =>
  new CodedError('SUBSCRIPTION_LIMIT_EXCEEDED', `One socket carries at most ${limit} operations.`)
