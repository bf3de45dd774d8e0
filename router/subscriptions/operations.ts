import { getOperationAST, OperationTypeNode, type DocumentNode, type ExecutionResult, type GraphQLError } from 'graphql'
import { CodedError } from '#platform/errors.ts'
import { uuidv7 } from '#platform/ids.ts'
import type { Logger } from '#platform/log.ts'
import { Tally } from '#platform/tally.ts'
import type { Device } from '#platform/viewer.ts'
import type { Engine, OperationRequest, PreparedSubscription, Refused } from '../engine/execute.ts'
import { publicError, withRequestId } from '../graphql-error.ts'
import type { Authenticator, Caller } from '../identity.ts'
import { rootFields } from '../policy/authorize.ts'
import type { Documents } from '../policy/documents.ts'
import type { OperationLimits } from '../policy/limits.ts'
import type { PersistedQueries } from '../policy/persisted.ts'
import { Lifetimes } from './lifetimes.ts'
import type { Roots } from './roots.ts'
import { schemaReloaded, Stream, type Listener, type SubscriptionCounts } from './stream.ts'

const PATIENCE_MS = 30_000

/** One generation of the supergraph, as far as operations need it. */
export interface Generation {
  engine: Engine
  documents: Documents
  roots: Roots
  /** To be called by whoever makes use of it, until they dispose of what it returns. */
  use(): Disposable
}

export interface OperationsOptions {
  generation: Generation
  authenticator: Authenticator
  persisted: PersistedQueries
  limits: OperationLimits
  log: Logger
}

/** An operation as a client sent it, whatever carried it here. */
export interface Asked {
  /** Left out when `extensions.persistedQuery` names it. */
  query?: string | null | undefined
  operationName?: string | null | undefined
  variables?: Readonly<Record<string, unknown>> | null | undefined
  extensions?: Readonly<Record<string, unknown>> | null | undefined
  caller: Caller
  device?: Device
  requestId: string
  /** Whether it may change anything; a GET may not. */
  isSafe?: boolean
}

interface Live {
  request: Omit<OperationRequest, 'document'> & { query: string }
  stream: Stream
}

/** Carries out operations of all kinds for the transports that stay open: graphql-ws, SSE and multipart. */
export class Operations implements Disposable {
  #generation: Generation
  readonly #lifetimes: Lifetimes
  readonly #persisted: PersistedQueries
  readonly #limits: OperationLimits
  readonly #log: Logger
  readonly #live = new Map<string, Live>()
  readonly counts: SubscriptionCounts = { delivered: 0, skipped: 0, ended: new Tally() }

  constructor({ generation, authenticator, persisted, limits, log }: OperationsOptions) {
    this.#generation = generation
    this.#lifetimes = new Lifetimes(authenticator)
    this.#persisted = persisted
    this.#limits = limits
    this.#log = log
  }

  /** Subscriptions under way; those that are shared count once. */
  get live(): number {
    return this.#live.size
  }

  /** Begins an operation. @returns how to give it up; the listener then hears nothing more */
  begin(asked: Asked, listener: Listener): () => void {
    const { caller, device, requestId, operationName, variables, isSafe } = asked
    const refuse = (errors: readonly GraphQLError[]) => {
      listener.end(errors)
      return () => {}
    }
    if (!this.#lifetimes.isCurrent(caller)) return refuse([notCurrent()])
    const query = this.#persisted.read(asked.query, asked.extensions)
    if (typeof query !== 'string') return refuse([query])
    const document = this.#generation.documents.read(query)
    if ('errors' in document) return refuse(document.errors)
    const request = {
      operationName: operationName ?? undefined,
      variables: variables ?? {},
      viewer: caller.viewer,
      device,
      requestId,
    }
    const kind = getOperationAST(document, operationName)?.operation
    if (!kind) return refuse([noOperation()])
    if (kind === OperationTypeNode.SUBSCRIPTION)
      return this.#subscribe({ ...request, query }, document, caller, listener)
    if (isSafe && kind === OperationTypeNode.MUTATION) return refuse([mutationByGet()])
    return this.#execute({ ...request, document }, listener)
  }

  /**
   * Takes up another generation of the supergraph. Subscriptions that are still valid go on, with their events completed
   * by the new plan; the others end with SUBSCRIPTION_SCHEMA_RELOAD.
   */
  reload(generation: Generation): void {
    this.#generation = generation
    for (const { request, stream } of this.#live.values()) {
      const document = generation.documents.read(request.query)
      const prepared = 'errors' in document ? document : prepareSubscription(generation, { ...request, document })
      if ('errors' in prepared || !stream.replan(prepared)) stream.end([schemaReloaded()])
    }
  }

  /** Errors as clients get them. */
  formatted(errors: readonly GraphQLError[], requestId: string) {
    return errors.map((error) => withRequestId(publicError(error, this.#limits, this.#log), requestId))
  }

  [Symbol.dispose](): void {
    this.#lifetimes[Symbol.dispose]()
  }

  #execute(request: OperationRequest, listener: Listener): () => void {
    const gone = new AbortController()
    const { requestId } = request
    const run = async (): Promise<void> => {
      const { engine, use } = this.#generation
      using _ = use()
      const result = await engine.execute({ ...request, signal: gone.signal, deadline: Date.now() + PATIENCE_MS })
      if (gone.signal.aborted) return
      // An answer without data was refused as a whole.
      if (result.data === undefined && result.errors) return listener.end(result.errors)
      listener.next(this.#serialise(result, requestId), null)
      listener.end()
    }
    run().catch((error: unknown) => {
      this.#log.error({ err: error, requestId }, 'an operation failed')
      if (!gone.signal.aborted) listener.end([new CodedError('INTERNAL_SERVER_ERROR', 'Something went wrong.')])
    })
    return () => gone.abort()
  }

  #subscribe(asked: Live['request'], document: DocumentNode, caller: Caller, listener: Listener): () => void {
    const { roots } = this.#generation
    // Validation has seen to it that there is one root field.
    const [root] = rootFields(document, getOperationAST(document, asked.operationName)!.selectionSet)
    const { isLiveOnly = false, isLatestWins = false } = roots.get(root?.name.value ?? '') ?? {}
    // The exact claims: what one may see is for nobody else, were they ever so alike.
    const key = isLiveOnly
      ? JSON.stringify([asked.query, asked.operationName, asked.variables, asked.viewer])
      : uuidv7()
    const known = this.#live.get(key)
    if (known) return known.stream.join(caller, listener)

    // What several may share has a request id of its own, for it is in the errors that all of them get.
    const request = isLiveOnly ? { ...asked, device: undefined, requestId: uuidv7() } : asked
    const { requestId } = request
    const prepared = prepareSubscription(this.#generation, { ...request, document })
    if ('errors' in prepared) {
      listener.end(prepared.errors)
      return () => {}
    }
    const stream = new Stream({
      prepared,
      isLiveOnly,
      isLatestWins,
      lifetimes: this.#lifetimes,
      counts: this.counts,
      serialise: (result) => this.#serialise(result, requestId),
      onError: (error) => this.#log.error({ err: error, requestId }, 'a subscription broke'),
      onEnd: () => {
        if (this.#live.get(key)?.stream === stream) this.#live.delete(key)
      },
    })
    this.#live.set(key, { request, stream })
    return stream.join(caller, listener)
  }

  #serialise({ errors, ...result }: ExecutionResult, requestId: string): string {
    return JSON.stringify(errors ? { ...result, errors: this.formatted(errors, requestId) } : result)
  }
}

/** How a subscription is followed; its generation is in use while an event is completed. */
function prepareSubscription({ engine, use }: Generation, request: OperationRequest): PreparedSubscription | Refused {
  const prepared = engine.prepareSubscription(request)
  if ('errors' in prepared) return prepared
  const using = async <T>(completed: () => Promise<T>): Promise<T> => {
    using _ = use()
    return await completed()
  }
  return {
    follow: (signal) => prepared.follow(signal),
    complete: (event) => using(() => prepared.complete(event)),
    completeText: (event) => using(() => prepared.completeText(event)),
  }
}

const notCurrent = () => new CodedError('UNAUTHENTICATED', 'This sign-in is not valid any more.')
const noOperation = () => new CodedError('BAD_USER_INPUT', 'There is no such operation in the document.')
const mutationByGet = () => new CodedError('BAD_USER_INPUT', 'A mutation is sent by POST.')
