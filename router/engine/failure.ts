import { GraphQLError } from 'graphql'

type Path = readonly (string | number)[]

// What servers are known to add for their developers. Clients of the router are told a code and a request id.
const PRIVATE = new Set([
  'http',
  'url',
  'stack',
  'stacktrace',
  'exception',
  'debug',
  'headers',
  'request',
  'response',
  'serviceName',
])

/**
 * A value that is missing because of an error. It stands in the data where the value would be, so that shaping the
 * response finds it on every path that leads there, and reports it only to those who asked for it.
 */
export class Failure extends Error {
  override name = 'Failure'
  readonly extensions: Readonly<Record<string, unknown>>
  /** Where below this place the error happened: a subgraph moves a null up to the nearest nullable field. */
  readonly below: Path

  constructor(error: Pick<GraphQLError, 'message' | 'extensions'>, service: string, below: Path = []) {
    super(error.message)
    const shown = Object.entries(error.extensions).filter(([key]) => !PRIVATE.has(key))
    this.extensions = { code: 'INTERNAL_SERVER_ERROR', ...Object.fromEntries(shown), service }
    this.below = below
  }

  /** The error as a client gets it. */
  at(path: Path | undefined): GraphQLError {
    return new GraphQLError(this.message, {
      extensions: this.extensions,
      ...(path ? { path: [...path, ...this.below] } : {}),
    })
  }
}

/** Puts an error of a subgraph's answer where its null is; null when the answer has none on the error's path. */
export function placeFailure(data: object, error: GraphQLError, service: string): Failure | null {
  const { path = [] } = error
  let parent = data
  for (const [depth, key] of path.entries()) {
    const value: unknown = Reflect.get(parent, key)
    // Two errors below one null: one of them explains it.
    if (value instanceof Failure) return value
    if (value === null || value === undefined) {
      const failure = new Failure(error, service, path.slice(depth + 1))
      Reflect.set(parent, key, failure)
      return failure
    }
    if (typeof value !== 'object') return null
    parent = value
  }
  return null
}
