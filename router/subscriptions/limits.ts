/** How much clients that stay connected may ask for. */
export interface SubscriptionLimits {
  /** graphql-ws sockets and HTTP streams at once. */
  connections: number
  connectionsPerAddress: number
  /** Of one account, guest or API key. */
  connectionsPerCaller: number
  /** Operations under way on one socket. */
  operationsPerSocket: number
  frameBytes: number
  /** Until `connection_init` must have come. */
  initMs: number
  /** How long a connection may stay; clients of a longer need connect again. */
  lifetimeMs: number
  /** How often a connection is asked whether somebody is there. Who does not answer until the next time is not. */
  keepAliveMs: number
  /** How often something goes out over an HTTP stream, at least. */
  heartbeatMs: number
  /** Events that may wait for one slow operation. */
  waitingEvents: number
  /** Characters of events that may wait for one slow connection. */
  waitingSize: number
  /** Bytes that may wait in a connection's own buffer; beyond, nobody is reading and it is ended. */
  bufferedBytes: number
}

export const defaultSubscriptionLimits = (isDevelopment: boolean): SubscriptionLimits => ({
  connections: 50_000,
  // A developer's clients, and their load tests, all come from one address.
  connectionsPerAddress: isDevelopment ? Infinity : 1_000,
  connectionsPerCaller: isDevelopment ? Infinity : 100,
  operationsPerSocket: 100,
  frameBytes: 1_048_576,
  initMs: 3_000,
  lifetimeMs: 24 * 60 * 60 * 1000,
  keepAliveMs: 12_000,
  heartbeatMs: 5_000,
  waitingEvents: 1_000,
  waitingSize: 1_048_576,
  bufferedBytes: 16 * 1_048_576,
})

/** Counts connections: in all, per address and per caller. */
export class Admission {
  readonly #limits: SubscriptionLimits
  readonly #byKey = new Map<string, number>()
  #total = 0

  constructor(limits: SubscriptionLimits) {
    this.#limits = limits
  }

  get total(): number {
    return this.#total
  }

  /** A place for one connection, or null when there is none. */
  admit(address: string | null): Place | null {
    if (this.#total >= this.#limits.connections) return null
    if (!this.#take(`address ${address}`, this.#limits.connectionsPerAddress)) return null
    this.#total++
    let owner: string | null = null
    return {
      claim: (caller) => {
        if (caller === owner) return true
        if (caller && !this.#take(`caller ${caller}`, this.#limits.connectionsPerCaller)) return false
        if (owner) this.#free(`caller ${owner}`)
        owner = caller
        return true
      },
      leave: () => {
        this.#total--
        this.#free(`address ${address}`)
        if (owner) this.#free(`caller ${owner}`)
      },
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
  /** Says whose it is, null for nobody's. @returns false when they have too many */
  claim(caller: string | null): boolean
  leave(): void
}
