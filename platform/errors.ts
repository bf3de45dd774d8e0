import { GraphQLError } from 'graphql'

/** Codes of `errors[].extensions.code` that our own parts throw. */
export type ErrorCode =
  | 'UNAUTHENTICATED'
  | 'FORBIDDEN'
  | 'BAD_USER_INPUT'
  | 'NOT_FOUND'
  | 'PERSISTED_QUERY_NOT_FOUND'
  | 'RATE_LIMITED'
  | 'SUBGRAPH_UNAVAILABLE'
  | 'SUBGRAPH_TIMEOUT'
  | 'SUBGRAPH_CONNECTION_LOST'
  | 'SUBSCRIPTION_JWT_EXPIRED'
  | 'SUBSCRIPTION_LIMIT_EXCEEDED'
  | 'SUBSCRIPTION_SCHEMA_RELOAD'
  | 'OPERATION_LIMIT_EXCEEDED'
  | 'INTERNAL_SERVER_ERROR'

/** A failure whose code and message a client may see. Anything else thrown reaches clients as INTERNAL_SERVER_ERROR. */
export class CodedError extends GraphQLError {
  constructor(code: ErrorCode, message: string, extensions: Record<string, unknown> = {}) {
    super(message, { extensions: { ...extensions, code } })
  }
}

export function unauthenticated(): never {
  throw new CodedError('UNAUTHENTICATED', 'Sign in first.')
}

export function forbidden(): never {
  throw new CodedError('FORBIDDEN', 'You may not do this.')
}

/** To follow what is not there, or is not the caller's to see: nobody learns which of the two it is. */
export function notFound(): never {
  throw new CodedError('NOT_FOUND', 'There is no such thing.')
}

export function badUserInput(message: string): never {
  throw new CodedError('BAD_USER_INPUT', message)
}
