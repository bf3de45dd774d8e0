import { GraphQLError, type ExecutionResult } from 'graphql'
import { CodedError } from '#platform/errors.ts'
import { untilAborted } from '#platform/stoppable.ts'
import type { Tally } from '#platform/tally.ts'
import { failures } from '#platform/transport-failures.ts'
import type { PreparedSubscription } from '../engine/execute.ts'
import type { Caller } from '../identity.ts'
import { expired, type Lifetimes } from './lifetimes.ts'
import { Followed } from './sharing.ts'
import { topicOf } from './upstream.ts'

/** Who hears what comes of an operation: any number of results, then one end. */
export interface Listener {
  /**
   * @param payload an execution result as JSON
   * @param topic what the result is about, when an older one about the same may be skipped; else null
   */
  next(payload: string, topic: string | null): void
  /** @param errors why it ended, unless it is complete */
  end(errors?: readonly GraphQLError[]): void
}

/** What became of events and subscriptions. */
export interface SubscriptionCounts {
  delivered: number
  /** Replaced by a newer one about the same thing before they could be sent. */
  skipped: number
  /** By the code that they ended with. */
  ended: Tally
}

interface Member {
  listener: Listener
  caller: Caller
  unwatch: () => void
}

export interface StreamOptions {
  prepared: PreparedSubscription
  isLiveOnly: boolean
  isLatestWins: boolean
  lifetimes: Lifetimes
  counts: SubscriptionCounts
  /** A result as clients get it. */
  serialise: (result: ExecutionResult) => string
  onError: (error: unknown) => void
  onEnd: () => void
}

/**
 * One subscription of the supergraph: each event of the subgraph that has the root field is completed by the others, in
 * order, one at a time, and written as JSON once, for all members. Members have the same claims and asked the same thing;
 * there is one alone unless the field is `live-only`. It ends with its last member.
 */
export class Stream {
  readonly #options: StreamOptions
  readonly #members = new Set<Member>()
  #prepared: PreparedSubscription
  #following: { events: AsyncIterableIterator<ExecutionResult>; stop: AbortController } | null = null

  constructor(options: StreamOptions) {
    this.#options = options
    this.#prepared = options.prepared
  }

  /** @returns how to leave; the listener then hears nothing more */
  join(caller: Caller, listener: Listener): () => void {
    const member: Member = { caller, listener, unwatch: () => {} }
    member.unwatch = this.#options.lifetimes.watch(caller, (error) => this.#dismiss(member, [error]))
    this.#members.add(member)
    if (!this.#following) this.#follow()
    return () => this.#leave(member)
  }

  /**
   * Goes on under another generation of the supergraph. What is asked of the subgraph stays as it is when it would be the
   * same again; else only a stream that is live-only can begin anew without anybody missing anything.
   * @returns whether it goes on
   */
  replan(prepared: PreparedSubscription): boolean {
    const stop = new AbortController()
    const events = prepared.follow(stop.signal)
    const present = this.#following?.events
    const isSame = events instanceof Followed && present instanceof Followed && events.equals(present)
    if (!isSame && !this.#options.isLiveOnly) return false
    this.#prepared = prepared
    if (isSame) return true
    this.#following?.stop.abort()
    this.#begin(events, stop)
    return true
  }

  /** Ends it for everybody. */
  end(errors?: readonly GraphQLError[]): void {
    for (const member of this.#members) this.#dismiss(member, errors)
  }

  #follow(): void {
    const stop = new AbortController()
    this.#begin(this.#prepared.follow(stop.signal), stop)
  }

  #begin(events: AsyncIterableIterator<ExecutionResult>, stop: AbortController): void {
    this.#following = { events, stop }
    this.#pump(events, stop.signal).then(
      () => stop.signal.aborted || this.end(),
      (error: unknown) => stop.signal.aborted || this.end([this.#coded(error)]),
    )
  }

  async #pump(events: AsyncIterableIterator<ExecutionResult>, signal: AbortSignal): Promise<void> {
    const { isLatestWins, serialise } = this.#options
    for await (const event of untilAborted(events, signal)) {
      const response = await this.#prepared.complete(event)
      if (signal.aborted) return
      this.#deliver(serialise(response), isLatestWins ? topicOf(event) : null)
    }
  }

  #deliver(payload: string, topic: string | null): void {
    const { lifetimes, counts } = this.#options
    counts.delivered += this.#members.size
    for (const member of this.#members) {
      if (lifetimes.isCurrent(member.caller)) member.listener.next(payload, topic)
      else this.#dismiss(member, [expired()])
    }
  }

  #dismiss(member: Member, errors?: readonly GraphQLError[]): void {
    this.#leave(member)
    this.#options.counts.ended.add('subscription', codeOf(errors))
    member.listener.end(errors)
  }

  #leave(member: Member): void {
    if (!this.#members.delete(member)) return
    member.unwatch()
    if (this.#members.size > 0) return
    this.#following?.stop.abort()
    this.#options.onEnd()
  }

  #coded(error: unknown): GraphQLError {
    if (error instanceof GraphQLError) return error
    this.#options.onError(error)
    return failures.connectionLost()
  }
}

const codeOf = ([error]: readonly GraphQLError[] = []): string =>
  error ? `${error.extensions.code as string | undefined}` : 'complete'

export const schemaReloaded = () =>
  new CodedError('SUBSCRIPTION_SCHEMA_RELOAD', 'The schema has changed. Subscribe again from where you are.')
