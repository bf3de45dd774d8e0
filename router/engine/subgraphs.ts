import { GraphQLError, type ExecutionResult } from 'graphql'
import type { Logger } from '#platform/log.ts'
import { failures } from '#platform/transport-failures.ts'
import type { SubgraphRequest, Transport } from '#platform/transport.ts'
import type { Viewer } from '#platform/viewer.ts'
import type { OperationRequest } from './execute.ts'
import type { Question } from './fetch.ts'
import { copy, type Data } from './merge.ts'
import { Resilience } from './resilience.ts'
import { Inflight } from './sharing.ts'

type Result = ExecutionResult<Data>
type Caller = Pick<OperationRequest, 'viewer' | 'device' | 'requestId' | 'deadline' | 'signal'>

/** The fetches of one request. Disposed of when its response is there. */
export interface Asking extends Disposable {
  ask(question: Question, variablesJson: string): Promise<Result>
}

/** How many mutations have ended. */
export interface Writes {
  ended: number
}

/** The ways to the subgraphs, shared by all requests. */
export class Subgraphs {
  readonly inflight = new Inflight<Result>()
  readonly #transports: ReadonlyMap<string, Transport>
  readonly isSharing: boolean
  readonly #log: Logger
  readonly #resilience = new Map<string, Resilience>()
  readonly #claims = new WeakMap<Viewer, string>()
  // So that nobody joins a query that began before their own write.
  readonly #writes: Writes

  constructor(
    transports: ReadonlyMap<string, Transport>,
    isSharing: boolean,
    log: Logger,
    writes: Writes = { ended: 0 },
  ) {
    this.#writes = writes
    this.#transports = transports
    this.isSharing = isSharing
    this.#log = log
  }

  /** 1 for each subgraph that is not asked for now, 0 for the others that were asked. */
  breakers(): Record<string, number> {
    return Object.fromEntries([...this.#resilience].map(([name, { isBroken }]) => [name, Number(isBroken)]))
  }

  begin(caller: Caller, { isShared }: { isShared: boolean }): Asking {
    const mayShare = this.isSharing && isShared
    // One request asks the same only once, whatever it may share with others: a plan asks for the same entities in
    // several places at the same time.
    let own: Inflight<Result> | undefined
    let leaving: Leaving | undefined
    return {
      ask: (question, variablesJson) => {
        const { operationKind } = question.node
        if (operationKind === 'mutation') return this.#mutate(question, variablesJson, caller)
        if (!mayShare) {
          own ??= new Inflight<Result>(this.inflight.counts)
          const send = () => this.#send(question, variablesJson, caller)
          return own.ask(`${question.id}\n${variablesJson}`, send, undefined, copierOf(question))
        }
        leaving ??= new Leaving(caller)
        return this.inflight.ask(
          `${question.id}\n${this.moment(caller.viewer)}\n${variablesJson}`,
          // Whoever joins may have longer to wait: the transport's own patience is the limit of all. And no device is
          // told, for it asks on behalf of several; what depends on the device is what opens sessions, all mutations.
          (signal) =>
            this.#send(question, variablesJson, { ...caller, device: undefined, deadline: undefined, signal }),
          leaving.signal,
          copierOf(question),
        )
      },
      [Symbol.dispose]: () => leaving?.[Symbol.dispose](),
    }
  }

  /** The same for those to whom subgraphs say the same, as long as nobody changes anything by way of this router. */
  moment(viewer: Viewer): string {
    let claims = this.#claims.get(viewer)
    if (claims === undefined) this.#claims.set(viewer, (claims = JSON.stringify(viewer)))
    return `${this.#writes.ended}\n${claims}`
  }

  async #mutate(question: Question, variablesJson: string, caller: Caller): Promise<Result> {
    try {
      return await this.#send(question, variablesJson, { ...caller, signal: undefined })
    } finally {
      this.#writes.ended++
    }
  }

  async #send({ node }: Question, variablesJson: string, caller: Caller): Promise<Result> {
    const { operation: query, operationKind, operationName, serviceName } = node
    const { viewer, device, requestId, deadline, signal } = caller
    const request: SubgraphRequest = {
      query,
      operationName,
      variablesJson,
      viewer,
      device,
      requestId,
      deadline,
      signal,
    }
    try {
      const transport = this.#transports.get(serviceName)
      if (!transport) throw new Error('There is no such subgraph')
      const mayRetry = operationKind === 'query'
      return (await this.#resilienceOf(serviceName).run(() => transport.execute(request), {
        mayRetry,
        signal,
      })) as Result
    } catch (error) {
      if (error instanceof GraphQLError) throw error
      if (!signal?.aborted) this.#log.error({ err: error, subgraph: serviceName, requestId }, 'a fetch failed')
      throw failures.unavailable()
    }
  }

  #resilienceOf(service: string): Resilience {
    let resilience = this.#resilience.get(service)
    if (!resilience) this.#resilience.set(service, (resilience = new Resilience(service, this.#log)))
    return resilience
  }
}

/** Each who asked adds to the answer what comes later, but for answers to which nobody does: errors are put in theirs. */
const copierOf = ({ isFlat }: Question) => (isFlat ? copyOfBroken : copyOf)

const copyOf = ({ data, ...rest }: Result): Result =>
  data ? { data: copy(data), ...rest } : { ...rest, ...(data === null ? { data } : {}) }

const copyOfBroken = (answer: Result): Result => (answer.errors ? copyOf(answer) : answer)

/** Aborts when a caller leaves or its deadline passes: one timer and one listener for all fetches of a request. */
class Leaving implements Disposable {
  readonly #ending = new AbortController()
  readonly #caller: Caller
  readonly #timer: NodeJS.Timeout | undefined

  constructor(caller: Caller) {
    this.#caller = caller
    const { deadline, signal } = caller
    if (deadline !== undefined) {
      this.#timer = setTimeout(() => this.#ending.abort(failures.timeout()), Math.max(0, deadline - Date.now()))
    }
    signal?.addEventListener('abort', this.#onGone, { once: true })
    if (signal?.aborted) this.#onGone()
  }

  get signal(): AbortSignal {
    return this.#ending.signal
  }

  readonly #onGone = () => this.#ending.abort(failures.unavailable());

  [Symbol.dispose](): void {
    clearTimeout(this.#timer)
    this.#caller.signal?.removeEventListener('abort', this.#onGone)
  }
}
