import type { Transport } from '#platform/transport.ts'

interface Address {
  name: string
  url: string
}

/** The ways to the subgraphs. Each stays as it is for as long as some generation of the supergraph has it there. */
export class SubgraphTransports {
  readonly #open: (name: string, url: string) => Transport
  readonly #kept = new Map<string, { transport: Transport; users: number }>()

  constructor(open: (name: string, url: string) => Transport) {
    this.#open = open
  }

  /** Ways to these subgraphs, by name, until they are released. */
  take(subgraphs: readonly Address[]): Map<string, Transport> {
    // All of them or, when one cannot be opened, none.
    const opened = subgraphs.map((each) => ({
      each,
      kept: this.#kept.get(keyOf(each)) ?? { transport: this.#open(each.name, each.url), users: 0 },
    }))
    for (const { each, kept } of opened) {
      kept.users++
      this.#kept.set(keyOf(each), kept)
    }
    return new Map(opened.map(({ each, kept }) => [each.name, kept.transport]))
  }

  /** Closes those that nobody uses any more. */
  async release(subgraphs: readonly Address[]): Promise<void> {
    const unused = subgraphs.filter((each) => {
      const kept = this.#kept.get(keyOf(each))
      return kept && --kept.users === 0
    })
    for (const each of unused) {
      const { transport } = this.#kept.get(keyOf(each))!
      this.#kept.delete(keyOf(each))
      await transport[Symbol.asyncDispose]()
    }
  }
}

const keyOf = ({ name, url }: Address): string => `${name} ${url}`
