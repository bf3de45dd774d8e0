/**
 * What waits for somebody slow, oldest first, bounded. An item with a topic takes the place of an older one with the same
 * topic; one without (null) is never replaced.
 */
export class Waiting<T> {
  readonly #items = new Map<string | number, T>()
  readonly #capacity: number
  #count = 0

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  get size(): number {
    return this.#items.size
  }

  /** What the item would replace. */
  known(topic: string | null): T | undefined {
    return topic === null ? undefined : this.#items.get(topic)
  }

  /** @returns false when there is no room: the reader must be told, for nothing is dropped silently */
  add(item: T, topic: string | null): boolean {
    const key = topic ?? this.#count++
    if (this.#items.size >= this.#capacity && !this.#items.has(key)) return false
    this.#items.set(key, item)
    return true
  }

  take(): T | undefined {
    for (const [key, item] of this.#items) {
      this.#items.delete(key)
      return item
    }
    return undefined
  }

  clear(): void {
    this.#items.clear()
  }
}
