/**
 * An iterator whose `return` is heard at once. A generator that waits hears of `return` only when its wait is over; here
 * `signal` aborts first, and `run` waits for nothing that does not end with it (see `untilAborted`).
 */
export function stoppable<T>(
  run: (signal: AbortSignal) => AsyncGenerator<T, void>,
  outer?: AbortSignal,
): AsyncIterableIterator<T> {
  const ending = new AbortController()
  const items = run(outer ? AbortSignal.any([outer, ending.signal]) : ending.signal)
  const iterator: AsyncIterableIterator<T> = {
    next: () => items.next(),
    async return() {
      ending.abort()
      await items.return()
      return { done: true, value: undefined }
    },
    [Symbol.asyncIterator]: () => iterator,
  }
  return iterator
}

/** What `source` yields until `signal` aborts; the source is then told to end, and not waited for. */
export async function* untilAborted<T>(source: AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T, void> {
  const iterator = source[Symbol.asyncIterator]()
  let stop = (): void => {}
  const onAbort = () => stop()
  signal.addEventListener('abort', onAbort)
  try {
    for (;;) {
      // One promise per step: racing a long-lived one would keep every step's reaction alive.
      const step = await new Promise<IteratorResult<T>>((resolve, reject) => {
        stop = () => resolve({ done: true, value: undefined })
        if (signal.aborted) stop()
        else iterator.next().then(resolve, reject)
      })
      if (step.done) return
      yield step.value
    }
  } finally {
    signal.removeEventListener('abort', onAbort)
    // It may hear of it only with its next event, or fail in ending: neither is anybody's business any more.
    iterator.return?.().catch(() => {})
  }
}
