import { createSourceEventStream, execute, type ExecutionArgs, type ExecutionResult } from 'graphql'

/**
 * graphql-js's `subscribe` with a context of its own for each event: a context's loaders remember what they read, and
 * what an event tells must be read after it.
 */
export async function subscribe(
  args: ExecutionArgs,
  createContext: () => unknown,
): Promise<AsyncIterableIterator<ExecutionResult> | ExecutionResult> {
  const events = await createSourceEventStream({ ...args, contextValue: createContext() })
  if (!(Symbol.asyncIterator in events)) return events
  const iterator = events[Symbol.asyncIterator]()
  const results: AsyncIterableIterator<ExecutionResult> = {
    async next() {
      const { done, value } = await iterator.next()
      if (done) return { done: true, value: undefined }
      return { done: false, value: await execute({ ...args, rootValue: value, contextValue: createContext() }) }
    },
    async return() {
      await iterator.return?.()
      return { done: true, value: undefined }
    },
    [Symbol.asyncIterator]() {
      return this
    },
  }
  return results
}
