interface Shared<T> {
  answer: Promise<T>
  /** How many have not got their answer yet. */
  waiting: number
  leaving: AbortController
}

/** What is asked by several at the same time, done once. It is given up when the last of those who wait has left. */
export class Inflight<T> {
  readonly #shared = new Map<string, Shared<T>>()
  /** How many were sent, and how many were spared. */
  readonly counts: { sent: number; shared: number }

  constructor(counts = { sent: 0, shared: 0 }) {
    this.counts = counts
  }

  /**
   * @param key everything that an answer depends on
   * @param send does what was asked. Its signal aborts when nobody waits any more; `close` keeps others from joining
   *   from then on, which nobody can once the answer is there.
   * @param signal aborts when this one caller leaves, with what to reject with as its reason
   * @param copyOf makes the copies that all but the last to get it get
   */
  async ask(
    key: string,
    send: (signal: AbortSignal, close: () => void) => Promise<T>,
    signal: AbortSignal | undefined,
    copyOf: (answer: T) => T,
  ): Promise<T> {
    signal?.throwIfAborted()
    let shared = this.#shared.get(key)
    if (shared) this.counts.shared++
    else shared = this.#send(key, send)
    shared.waiting++
    try {
      const answer = await (signal ? unlessAborted(shared.answer, signal) : shared.answer)
      // The last to get it may keep it.
      return --shared.waiting === 0 ? answer : copyOf(answer)
    } catch (error) {
      if (--shared.waiting === 0) {
        this.#forget(key, shared)
        shared.leaving.abort(error)
      }
      throw error
    }
  }

  #send(key: string, send: (signal: AbortSignal, close: () => void) => Promise<T>): Shared<T> {
    this.counts.sent++
    const leaving = new AbortController()
    const close = () => this.#forget(key, shared)
    const shared: Shared<T> = { answer: send(leaving.signal, () => close()), waiting: 0, leaving }
    this.#shared.set(key, shared)
    shared.answer.then(close, close)
    return shared
  }

  #forget(key: string, shared: Shared<T>): void {
    if (this.#shared.get(key) === shared) this.#shared.delete(key)
  }
}

async function unlessAborted<T>(answer: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: left, reject } = Promise.withResolvers<never>()
  const leave = () => reject(signal.reason)
  signal.addEventListener('abort', leave, { once: true })
  try {
    return await Promise.race([answer, left])
  } finally {
    signal.removeEventListener('abort', leave)
  }
}
