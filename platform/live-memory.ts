import type { Live, LiveMessage } from './live.ts'
import { LiveReader, type LiveReaderOptions } from './live-reader.ts'
import { LiveTopics } from './live-topics.ts'

/** Live updates among the parts of one process. */
export class MemoryLive implements Live {
  readonly #topics = new LiveTopics()

  async publish(topic: string, message: unknown): Promise<void> {
    this.#topics.deliver(topic, JSON.stringify(message ?? null))
  }

  async subscribe(
    topics: readonly string[],
    options: LiveReaderOptions = {},
  ): Promise<AsyncIterableIterator<LiveMessage>> {
    const reader = new LiveReader(options, () => this.#topics.leave(reader, topics))
    this.#topics.join(reader, topics)
    if (options.signal?.aborted) reader.end()
    return reader
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#topics.end()
  }
}
