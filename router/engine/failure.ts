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

  /** Further errors that the same null came from. */
  readonly others: Failure[] = []
  /** Whether it is of a whole entity: its fields, at which it then stands, share it. */
  readonly isOfEntity: boolean
  /** Whether a subgraph said null here, rather than nothing. */
  readonly isNull: boolean

  /** @param place what of an answer is null because of it; left out for what was not answered at all */
  constructor(
    error: Pick<GraphQLError, 'message' | 'extensions'>,
    service: string,
    below: Path = [],
    place?: 'entity' | 'field',
  ) {
    super(error.message)
    const shown = Object.entries(error.extensions).filter(([key]) => !PRIVATE.has(key))
    this.extensions = { code: 'INTERNAL_SERVER_ERROR', ...Object.fromEntries(shown), service }
    this.below = below
    this.isOfEntity = place === 'entity' && below.length > 0
    this.isNull = place === 'field'
  }

  /** Where the error is told of, when it is found at `path`. */
  pathFrom(path: Path): Path {
    return [...(this.isOfEntity ? path.slice(0, -1) : path), ...this.below]
  }

  /** The error as a client gets it. */
  at(path: Path | undefined): GraphQLError {
    return new GraphQLError(this.message, {
      extensions: this.extensions,
      ...(path ? { path: this.pathFrom(path) } : {}),
    })
  }
}

/** Puts an error of a subgraph's answer where its null is; null when the answer has none on the error's path. */
export function placeFailure(data: object, error: GraphQLError, service: string): Failure | null {
  const { path = [] } = error
  let parent = data
  for (const [depth, key] of path.entries()) {
    const value: unknown = Reflect.get(parent, key)
    if (value === null || value === undefined || value instanceof Failure) {
      const place = depth === 1 && path[0] === '_entities' ? 'entity' : 'field'
      const failure = new Failure(error, service, path.slice(depth + 1), place)
      if (value instanceof Failure) value.others.push(failure)
      else Reflect.set(parent, key, failure)
      return failure
    }
    if (typeof value !== 'object') return null
    parent = value
  }
  return null
}
