import type { Writable } from 'node:stream'
import type { GraphQLError } from 'graphql'
import { failures } from '#platform/transport-failures.ts'
import type { SubscriptionLimits } from './limits.ts'
import type { Listener, SubscriptionCounts } from './stream.ts'
import { Waiting } from './waiting.ts'

/** The way out to one client, shared by its operations. What it does not take waits with them, within bounds. */
export class Wire {
  readonly #stream: Pick<Writable, 'writableNeedDrain'>
  readonly #behind = new Set<Outbox>()
  /** Characters that wait, of all operations. */
  waitingSize = 0

  constructor(stream: Pick<Writable, 'writableNeedDrain' | 'on'>) {
    this.#stream = stream
    stream.on('drain', () => this.#catchUp())
  }

  get isFull(): boolean {
    return this.#stream.writableNeedDrain
  }

  awaits(outbox: Outbox): void {
    this.#behind.add(outbox)
  }

  forget(outbox: Outbox): void {
    this.#behind.delete(outbox)
  }

  #catchUp(): void {
    // One each, in turn, so that a busy operation does not starve the others.
    while (!this.isFull && this.#behind.size > 0) for (const outbox of this.#behind) if (!this.isFull) outbox.sendNext()
  }
}

export interface OutboxOptions {
  wire: Wire
  limits: SubscriptionLimits
  counts: SubscriptionCounts
  write: (payload: string) => void
  /** The last thing written, and the end of the operation. */
  finish: (errors?: readonly GraphQLError[]) => void
  /** Asks for nothing more to come. */
  stop: () => void
}

/**
 * What one operation has to say to a client. While the wire is full results wait: of those with a topic the newest, the
 * others all; when there is no room left the operation ends with SUBSCRIPTION_LIMIT_EXCEEDED.
 */
export class Outbox implements Listener {
  readonly #options: OutboxOptions
  #waiting: Waiting<string> | null = null
  #ending: { errors: readonly GraphQLError[] | undefined } | null = null

  constructor(options: OutboxOptions) {
    this.#options = options
  }

  next(payload: string, topic: string | null): void {
    if (this.#waiting || this.#options.wire.isFull) this.#keep(payload, topic)
    else this.#options.write(payload)
  }

  end(errors?: readonly GraphQLError[]): void {
    if (this.#waiting) this.#ending = { errors }
    else this.#options.finish(errors)
  }

  sendNext(): void {
    const { wire, write, finish } = this.#options
    const payload = this.#waiting?.take()
    if (payload !== undefined) {
      wire.waitingSize -= payload.length
      write(payload)
    }
    if (this.#waiting && this.#waiting.size > 0) return
    this.discard()
    if (this.#ending) finish(this.#ending.errors)
  }

  /** Forgets what waits. */
  discard(): void {
    const { wire } = this.#options
    for (let payload = this.#waiting?.take(); payload !== undefined; payload = this.#waiting?.take()) {
      wire.waitingSize -= payload.length
    }
    this.#waiting = null
    wire.forget(this)
  }

  #keep(payload: string, topic: string | null): void {
    const { wire, limits, counts, stop, finish } = this.#options
    this.#waiting ??= new Waiting(limits.waitingEvents)
    const replaced = this.#waiting.known(topic)
    if (replaced !== undefined) counts.skipped++
    const size = payload.length - (replaced?.length ?? 0)
    if (wire.waitingSize + size <= limits.waitingSize && this.#waiting.add(payload, topic)) {
      wire.waitingSize += size
      wire.awaits(this)
      return
    }
    const failure = failures.tooSlow()
    counts.ended.add('subscription', String(failure.extensions.code))
    stop()
    this.discard()
    finish([failure])
  }
}
