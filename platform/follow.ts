import { notFound } from './errors.ts'
import type { Live } from './live.ts'

export interface Following<T> {
  /** Where hints about it are published: `{ sequence }` for what is kept, anything else for what is not. */
  topic: string
  /** Highest sequence the client has; everything newer is replayed first. */
  after: number
  /** What is newer than a sequence, oldest first; null ends it. */
  read(after: number): Promise<readonly T[] | null>
  sequenceOf(item: T): number
  /** The item that a hint without a sequence stands for, such as somebody typing; undefined drops it. Without it such a
   * hint makes it read on. */
  transient?(message: unknown): T | undefined
}

/**
 * Replays what a client missed, then goes on live, without a gap between the two: it listens before it reads, and a hint
 * only makes it read on from the last sequence, so that a lost or doubled hint does no harm.
 */
export async function follow<T>(
  live: Live,
  following: Following<T>,
  signal: AbortSignal,
): Promise<AsyncIterableIterator<T>> {
  const hints = await live.subscribe([following.topic], { signal })
  return stoppable(replayed(hints, following), hints)
}

async function* replayed<T>(
  hints: AsyncIterableIterator<{ message: unknown }>,
  { after, read, sequenceOf, transient }: Following<T>,
): AsyncGenerator<T, undefined> {
  let last = after
  // True when it is over.
  const unread = async function* (): AsyncGenerator<T, boolean> {
    for (;;) {
      const items = await read(last)
      if (!items?.length) return items === null
      for (const item of items) {
        last = Math.max(last, sequenceOf(item))
        yield item
      }
    }
  }
  if (yield* unread()) return
  for await (const { message } of hints) {
    const sequence = sequenceIn(message)
    if (sequence === undefined && transient) {
      const item = transient(message)
      if (item !== undefined) yield item
    } else if (sequence === undefined || sequence > last) {
      if (yield* unread()) return
    }
  }
}

function sequenceIn(message: unknown): number | undefined {
  const { sequence } = message as { sequence?: unknown }
  return typeof sequence === 'number' ? sequence : undefined
}

/**
 * Something as it is now, then again after each hint on `topic`; null from `read` ends it.
 * @throws CodedError NOT_FOUND when there is nothing to begin with
 */
export async function followState<T>(
  live: Live,
  topic: string,
  read: () => Promise<T | null>,
  signal: AbortSignal,
): Promise<AsyncIterableIterator<T>> {
  const hints = await live.subscribe([topic], { signal })
  const first = await read().catch(async (error: unknown) => {
    await hints.return?.()
    throw error
  })
  if (first === null) {
    await hints.return?.()
    notFound()
  }
  async function* states(present: T): AsyncGenerator<T, undefined> {
    for (let state: T | null = present; state !== null; state = await read()) {
      yield state
      if ((await hints.next()).done) return
    }
  }
  return stoppable(states(first), hints)
}

// A generator that waits for a hint hears of `return` only when the next hint comes; so the hints are ended first.
function stoppable<T>(
  items: AsyncGenerator<T, undefined>,
  hints: AsyncIterableIterator<unknown>,
): AsyncIterableIterator<T> {
  return {
    next: () => items.next(),
    async return() {
      await hints.return?.()
      return await items.return(undefined)
    },
    [Symbol.asyncIterator]() {
      return this
    },
  }
}
