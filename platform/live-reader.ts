import { LiveOverflow, type LiveMessage } from './live.ts'

const DEFAULT_CAPACITY = 1000

export interface LiveReaderOptions {
  signal?: AbortSignal
  /** Messages that may wait to be read. */
  capacity?: number
}

/** One subscription: a bounded queue of JSON texts, parsed when read, so that no two readers ever share an object. */
export class LiveReader implements AsyncIterableIterator<LiveMessage> {
  #queue: { topic: string; text: string }[] = []
  #waiting: ((result: IteratorResult<LiveMessage>) => void)[] = []
  #state: 'open' | 'overflowed' | 'ended' = 'open'
  readonly #capacity: number
  readonly #signal: AbortSignal | undefined
  readonly #onEnd: (reader: LiveReader) => void

  /** `onEnd` is called once, when nothing more can be delivered. */
  constructor({ signal, capacity = DEFAULT_CAPACITY }: LiveReaderOptions, onEnd: (reader: LiveReader) => void) {
    this.#capacity = capacity
    this.#signal = signal
    this.#onEnd = onEnd
    signal?.addEventListener('abort', this.end)
  }

  push(topic: string, text: string): void {
    if (this.#state !== 'open') return
    const waiting = this.#waiting.shift()
    if (waiting) waiting({ value: parsed(topic, text), done: false })
    else if (this.#queue.length < this.#capacity) this.#queue.push({ topic, text })
    else this.#close('overflowed')
  }

  /** Ends it for its reader too. An arrow function, because it is a listener as well. */
  readonly end = (): void => {
    if (this.#state === 'open') this.#close('ended')
  }

  #close(state: 'overflowed' | 'ended'): void {
    this.#state = state
    this.#queue = []
    this.#signal?.removeEventListener('abort', this.end)
    for (const resolve of this.#waiting) resolve({ value: undefined, done: true })
    this.#waiting = []
    this.#onEnd(this)
  }

  async next(): Promise<IteratorResult<LiveMessage>> {
    if (this.#state === 'overflowed') {
      this.#state = 'ended'
      throw new LiveOverflow(`More than ${this.#capacity} messages behind`)
    }
    const message = this.#queue.shift()
    if (message) return { value: parsed(message.topic, message.text), done: false }
    if (this.#state === 'ended') return { value: undefined, done: true }
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  async return(): Promise<IteratorResult<LiveMessage>> {
    this.end()
    return { value: undefined, done: true }
  }

  [Symbol.asyncIterator](): this {
    return this
  }
}

const parsed = (topic: string, text: string): LiveMessage => ({ topic, message: JSON.parse(text) as unknown })
