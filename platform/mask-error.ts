import { GraphQLError } from 'graphql'
import type { Logger } from './log.ts'
import { withoutValues } from './quoted-values.ts'

/**
 * What a client may see of an error of a subgraph: coded errors and complaints about the request pass, anything else is
 * logged whole and becomes INTERNAL_SERVER_ERROR without a trace of its cause.
 */
export function maskError(thrown: unknown, log: Pick<Logger, 'error'>): GraphQLError {
  const error = thrown instanceof GraphQLError ? thrown : new GraphQLError('', { originalError: asError(thrown) })
  const { path, originalError } = error
  const message = withoutValues(error.message)
  // `http` tells Apollo Server a status, `stacktrace` is its own: neither is for clients.
  const { http: _http, stacktrace: _stacktrace, ...extensions } = error.extensions
  if (typeof extensions.code === 'string') return new GraphQLError(message, { path, extensions })
  // Without a path nothing was resolved yet: the variables do not fit, or the document has no such operation.
  const isAboutRequest = !path && (!originalError || originalError instanceof GraphQLError)
  if (isAboutRequest) return new GraphQLError(message, { extensions: { ...extensions, code: 'BAD_USER_INPUT' } })
  if (isUnstorable(originalError)) {
    const text = 'A text has a character in it that cannot be kept, such as U+0000.'
    return new GraphQLError(text, { path, extensions: { code: 'BAD_USER_INPUT' } })
  }
  log.error({ err: originalError ?? error, path }, 'a resolver failed')
  return new GraphQLError('Something went wrong on our side.', { path, extensions: { code: 'INTERNAL_SERVER_ERROR' } })
}

const asError = (thrown: unknown): Error => (thrown instanceof Error ? thrown : new Error(String(thrown)))

// PostgreSQL's character_not_in_repertoire and untranslatable_character: its texts have no U+0000, ours may.
const isUnstorable = (error: unknown): boolean =>
  error instanceof Error &&
  (('code' in error && (error.code === '22021' || error.code === '22P05')) || isUnstorable(error.cause))
