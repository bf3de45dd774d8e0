import { GraphQLError, type ExecutionResult } from 'graphql'
import type { Logger } from '#platform/log.ts'
import { stoppable, untilAborted } from '#platform/stoppable.ts'
import { failures } from '#platform/transport-failures.ts'
import type { Engine, OperationRequest } from '../engine/execute.ts'
import type { Authenticator, Caller } from '../identity.ts'
import { lifetime } from './lifetime.ts'

export interface SubscriptionOptions {
  engine: Engine
  authenticator: Authenticator
  caller: Caller
  log: Logger
}

/**
 * Follows a subscription of the supergraph, whatever carries it to the client: each event of the subgraph that has the
 * root field is completed by the others, in order, one at a time. Nothing is read ahead, so a slow client slows its own
 * subscription only, up to the bounded queue of the transport.
 *
 * The iterator throws a coded GraphQLError when it cannot go on: SUBSCRIPTION_JWT_EXPIRED, SUBGRAPH_CONNECTION_LOST.
 * @returns errors instead when it is not to begin
 */
export function subscribeOperation(
  { engine, authenticator, caller, log }: SubscriptionOptions,
  request: OperationRequest,
): AsyncIterableIterator<ExecutionResult> | { errors: readonly GraphQLError[] } {
  const prepared = engine.prepareSubscription(request)
  if ('errors' in prepared) return prepared
  return stoppable(async function* (left) {
    using allowed = lifetime(caller, authenticator)
    const signal = AbortSignal.any([left, allowed.signal])
    try {
      for await (const event of untilAborted(prepared.follow(signal), signal)) {
        const response = await prepared.complete(event)
        // What took until after the end of the sign-in is not for this client any more.
        if (allowed.signal.aborted) break
        yield response
      }
    } catch (error) {
      if (error instanceof GraphQLError) throw error
      log.error({ err: error, requestId: request.requestId }, 'a subscription broke')
      throw failures.connectionLost()
    }
    allowed.signal.throwIfAborted()
  }, request.signal)
}
