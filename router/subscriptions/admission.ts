import { setTimeout } from 'node:timers/promises'
import type { SubscriptionLimits } from './limits.ts'

// Clients that all come back at once would be a second outage.
const CLOSE_MS = 1_000
const BATCHES = 10
const LEAST_BATCH = 50

/** Who is connected: counted in all, per address and per caller, and sent away when the router stops. */
export class Admission {
  readonly #limits: SubscriptionLimits
  readonly #byKey = new Map<string, number>()
  readonly #present = new Set<Place>()
  #isClosed = false
  /** How many found no place. */
  refused = 0

  constructor(limits: SubscriptionLimits) {
    this.#limits = limits
  }

  get total(): number {
    return this.#present.size
  }

  /** Whether nobody is let in any more. */
  get isClosed(): boolean {
    return this.#isClosed
  }

  /**
   * A place for one connection, or null when there is none.
   * @param sendAway ends the connection because the router stops
   */
  admit(address: string | null, sendAway: () => void): Place | null {
    const hasRoom = !this.#isClosed && this.#present.size < this.#limits.connections
    if (!hasRoom || !this.#take(`address ${address}`, this.#limits.connectionsPerAddress)) {
      this.refused++
      return null
    }
    let owner: string | null = null
    const place: Place = {
      sendAway,
      claim: (caller) => {
        if (caller === owner) return true
        if (caller && !this.#take(`caller ${caller}`, this.#limits.connectionsPerCaller)) {
          this.refused++
          return false
        }
        if (owner) this.#free(`caller ${owner}`)
        owner = caller
        return true
      },
      leave: () => {
        if (!this.#present.delete(place)) return
        this.#free(`address ${address}`)
        if (owner) this.#free(`caller ${owner}`)
      },
    }
    this.#present.add(place)
    return place
  }

  /** Lets nobody in any more, and sends those who are here away, a batch at a time. */
  async close(): Promise<void> {
    this.#isClosed = true
    const all = [...this.#present]
    const batch = Math.max(LEAST_BATCH, Math.ceil(all.length / BATCHES))
    for (let at = 0; at < all.length; at += batch) {
      if (at > 0) await setTimeout(CLOSE_MS / BATCHES)
      for (const { sendAway } of all.slice(at, at + batch)) sendAway()
    }
  }

  #take(key: string, limit: number): boolean {
    const count = this.#byKey.get(key) ?? 0
    if (count >= limit) return false
    this.#byKey.set(key, count + 1)
    return true
  }

  #free(key: string): void {
    const count = this.#byKey.get(key) ?? 0
    if (count > 1) this.#byKey.set(key, count - 1)
    else this.#byKey.delete(key)
  }
}

/** One connection among the many. */
export interface Place {
  sendAway(): void
  /** Says whose it is, null for nobody's. @returns false when they have too many */
  claim(caller: string | null): boolean
  leave(): void
}
