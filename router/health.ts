import { uuidv7 } from '#platform/ids.ts'
import type { Transport } from '#platform/transport.ts'
import { anonymous } from '#platform/viewer.ts'

const PATIENCE_MS = 2_000
// A crowd of probes asks the subgraphs no more often than this.
const FRESH_MS = 1_000

interface Readiness {
  isReady: boolean
  subgraphs: Record<string, 'up' | 'down'>
}

/** Whether subgraphs answer. One that does not is reported; the router is ready while any of them does. */
export class Health {
  readonly #transports: () => ReadonlyMap<string, Transport>
  #latest: { at: number; readiness: Promise<Readiness> } | null = null
  isStopping = false

  /** @param transports the ways to the subgraphs as they are now */
  constructor(transports: () => ReadonlyMap<string, Transport>) {
    this.#transports = transports
  }

  live(): Response {
    return Response.json({ status: 'up' })
  }

  async ready(): Promise<Response> {
    const now = performance.now()
    if (!this.#latest || now - this.#latest.at > FRESH_MS) this.#latest = { at: now, readiness: this.#ask() }
    const { isReady, subgraphs } = await this.#latest.readiness
    const isUp = isReady && !this.isStopping
    return Response.json({ status: isUp ? 'up' : 'down', subgraphs }, { status: isUp ? 200 : 503 })
  }

  async #ask(): Promise<Readiness> {
    const deadline = Date.now() + PATIENCE_MS
    const states = await Promise.all(
      [...this.#transports()].map(async ([name, transport]) => {
        const isUp = await transport
          .execute({ query: '{ __typename }', viewer: anonymous, requestId: uuidv7(), deadline })
          .then(
            () => true,
            () => false,
          )
        return [name, isUp ? 'up' : 'down'] as const
      }),
    )
    return { isReady: states.some(([, state]) => state === 'up'), subgraphs: Object.fromEntries(states) }
  }
}
