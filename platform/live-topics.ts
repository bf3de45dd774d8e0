import type { LiveReader } from './live-reader.ts'

/** Who reads which topic in this process. */
export class LiveTopics {
  readonly #readers = new Map<string, Set<LiveReader>>()

  names(): string[] {
    return [...this.#readers.keys()]
  }

  join(reader: LiveReader, topics: readonly string[]): void {
    for (const topic of topics) {
      const readers = this.#readers.get(topic)
      if (readers) readers.add(reader)
      else this.#readers.set(topic, new Set([reader]))
    }
  }

  /** Takes a reader away. Returns the topics that nobody reads any more. */
  leave(reader: LiveReader, topics: readonly string[]): string[] {
    return topics.filter((topic) => {
      const readers = this.#readers.get(topic)
      return readers?.delete(reader) && readers.size === 0 && this.#readers.delete(topic)
    })
  }

  deliver(topic: string, text: string): void {
    for (const reader of this.#readers.get(topic) ?? []) reader.push(topic, text)
  }

  /** Ends every reader. */
  end(): void {
    for (const readers of [...this.#readers.values()]) for (const reader of readers) reader.end()
  }
}
