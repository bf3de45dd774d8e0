import type { ExecutionResult } from 'graphql'
import { copy, type Data } from './merge.ts'

type Result = ExecutionResult<Data>

interface Shared {
  answer: Promise<Result>
  waiting: number
  /** How many of those who wait have not got their answer yet, once it is there. */
  leaving: AbortController
}

/**
 * Identical query fetches that are under way at the same time, each sent once. A shared fetch is cancelled when the last
 * of those who wait for it has left.
 */
export class Inflight {
  readonly #shared = new Map<string, Shared>()
  /** How many fetches were sent, and how many were spared. */
  readonly counts = { sent: 0, shared: 0 }

  /**
   * @param key everything that an answer depends on
   * @param send sends the fetch; its signal aborts when nobody waits any more
   * @param signal aborts when this one caller leaves, with what to reject with as its reason
   * @returns an answer of the caller's own
   */
  async ask(key: string, send: (signal: AbortSignal) => Promise<Result>, signal: AbortSignal): Promise<Result> {
    signal.throwIfAborted()
    let shared = this.#shared.get(key)
    if (shared) this.counts.shared++
    else shared = this.#send(key, send)
    const { answer, leaving } = shared
    shared.waiting++
    const { promise: left, reject } = Promise.withResolvers<never>()
    const leave = () => reject(signal.reason)
    signal.addEventListener('abort', leave, { once: true })
    try {
      const result = await Promise.race([answer, left])
      // The last to get it may keep it.
      return --shared.waiting === 0 ? result : copyOf(result)
    } catch (error) {
      if (--shared.waiting === 0) {
        this.#forget(key, shared)
        leaving.abort(error)
      }
      throw error
    } finally {
      signal.removeEventListener('abort', leave)
    }
  }

  #send(key: string, send: (signal: AbortSignal) => Promise<Result>): Shared {
    this.counts.sent++
    const leaving = new AbortController()
    const shared: Shared = { answer: send(leaving.signal), waiting: 0, leaving }
    this.#shared.set(key, shared)
    const over = () => this.#forget(key, shared)
    shared.answer.then(over, over)
    return shared
  }

  #forget(key: string, shared: Shared): void {
    if (this.#shared.get(key) === shared) this.#shared.delete(key)
  }
}

const copyOf = ({ data, ...rest }: Result): Result =>
  data ? { data: copy(data), ...rest } : { ...rest, ...(data === null ? { data } : {}) }
