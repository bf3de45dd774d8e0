import type { ExecutionResult } from 'graphql'
import { failures } from '#platform/transport-failures.ts'
import { Waiting } from './waiting.ts'

/** What makes a subgraph send events: ending it is the iterator's `return`. */
type Open = () => AsyncIterableIterator<ExecutionResult>

/** Which thing an event is about: the `id` of what its root field holds; null when that was not asked for. */
export function topicOf({ data }: ExecutionResult): string | null {
  const [thing] = Object.values(data ?? {})
  const id: unknown = Object(thing).id
  return typeof id === 'string' ? id : null
}

/**
 * One subscription at a subgraph that any number of readers follow. It begins with the first reader and ends with the
 * last. Each reader has a queue of its own, so that a slow one delays nobody: when it overflows, only that reader ends.
 */
export class Upstream {
  readonly #open: Open
  readonly #isLatestWins: boolean
  readonly #capacity: number
  readonly #onEnd: () => void
  readonly #readers = new Set<Reader>()
  #events: AsyncIterableIterator<ExecutionResult> | null = null

  constructor(options: { open: Open; isLatestWins: boolean; capacity: number; onEnd?: () => void }) {
    this.#open = options.open
    this.#isLatestWins = options.isLatestWins
    this.#capacity = options.capacity
    this.#onEnd = options.onEnd ?? (() => {})
  }

  read(): AsyncIterableIterator<ExecutionResult> {
    const reader = new Reader(this.#capacity, () => this.#leave(reader))
    this.#readers.add(reader)
    if (!this.#events) {
      this.#events = this.#open()
      void this.#pump(this.#events)
    }
    return reader
  }

  #leave(reader: Reader): void {
    if (!this.#readers.delete(reader) || this.#readers.size > 0) return
    this.#onEnd()
    // Its end may fail like its events may; nobody is left to hear of it.
    this.#events?.return?.().catch(() => {})
  }

  async #pump(events: AsyncIterableIterator<ExecutionResult>): Promise<void> {
    let failure: unknown = null
    try {
      for await (const event of events) {
        const topic = this.#isLatestWins ? topicOf(event) : null
        for (const reader of this.#readers) reader.push(event, topic)
      }
    } catch (error) {
      failure = error
    }
    this.#onEnd()
    for (const reader of this.#readers) reader.finish(failure)
    this.#readers.clear()
  }
}

class Reader implements AsyncIterableIterator<ExecutionResult> {
  readonly #waiting: Waiting<ExecutionResult>
  readonly #leave: () => void
  #isOver = false
  #failure: unknown = null
  #wake = (): void => {}

  constructor(capacity: number, leave: () => void) {
    this.#waiting = new Waiting(capacity)
    this.#leave = leave
  }

  push(event: ExecutionResult, topic: string | null): void {
    if (this.#waiting.add(event, topic)) return this.#wake()
    this.finish(failures.tooSlow())
    this.#leave()
  }

  finish(failure: unknown): void {
    this.#isOver = true
    this.#failure ??= failure
    this.#wake()
  }

  async next(): Promise<IteratorResult<ExecutionResult, undefined>> {
    for (;;) {
      const value = this.#waiting.take()
      if (value) return { done: false, value }
      if (this.#failure) {
        const failure = this.#failure
        this.#failure = null
        throw failure
      }
      if (this.#isOver) return { done: true, value: undefined }
      await new Promise<void>((resolve) => (this.#wake = resolve))
    }
  }

  async return(): Promise<IteratorResult<ExecutionResult, undefined>> {
    this.#waiting.clear()
    this.#failure = null
    this.finish(null)
    this.#leave()
    return { done: true, value: undefined }
  }

  [Symbol.asyncIterator](): this {
    return this
  }
}
