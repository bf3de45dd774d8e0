import { GraphQLError, type GraphQLFormattedError } from 'graphql'
import type { Logger } from '#platform/log.ts'
import { maskError } from '#platform/mask-error.ts'
import { exceeded, type OperationLimits } from './policy/limits.ts'

// What graphql-js's parser says when a document has too many tokens; it has no code for it.
const TOO_MANY_TOKENS = /^Syntax Error: Document contains more th\w+ \d+ tokens/

/** An error of parsing, validation or execution as clients get it, but for its request id. */
export function publicError(thrown: unknown, limits: OperationLimits, log: Logger): GraphQLFormattedError {
  if (thrown instanceof Error && TOO_MANY_TOKENS.test(thrown.message)) {
    const { message, extensions } = maskError(exceeded('tokens', undefined, limits.tokens), log)
    return { message, extensions: { ...extensions } }
  }
  const { message, path, extensions } = maskError(thrown, log)
  const locations = thrown instanceof GraphQLError ? thrown.locations : undefined
  return { message, ...(locations ? { locations } : {}), ...(path ? { path } : {}), extensions: { ...extensions } }
}

export const withRequestId = <T extends GraphQLFormattedError>(error: T, requestId: string): GraphQLFormattedError => ({
  ...error,
  extensions: { ...error.extensions, requestId },
})
