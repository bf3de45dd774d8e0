/** Calls many things now and then: each once in `everyMs`, a share of them at a time, so that they never come all at once. */
export class Pulse implements Disposable {
  readonly #slots: Set<() => void>[]
  readonly #timer: NodeJS.Timeout
  #added = 0
  #turn = 0

  constructor(everyMs: number, slots = 10) {
    this.#slots = Array.from({ length: slots }, () => new Set<() => void>())
    this.#timer = setInterval(() => {
      for (const beat of this.#slots[this.#turn++ % slots]!) beat()
    }, everyMs / slots)
  }

  /** @returns how to stop it */
  add(beat: () => void): () => void {
    const slot = this.#slots[this.#added++ % this.#slots.length]!
    slot.add(beat)
    return () => slot.delete(beat)
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
  }
}
