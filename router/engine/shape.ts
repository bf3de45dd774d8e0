import {
  execute,
  GraphQLError,
  type DocumentNode,
  type ExecutionResult,
  type GraphQLFieldResolver,
  type GraphQLSchema,
} from 'graphql'
import { CodedError } from '#platform/errors.ts'
import type { Denied } from '../policy/authorize.ts'
import { Failure } from './failure.ts'
import { isData, type Data } from './merge.ts'

export interface Shaping {
  schema: GraphQLSchema
  /** As the client sent it: fields that nobody was asked for, since they are denied, come out as null. */
  document: DocumentNode
  operationName: string | undefined
  variables: Readonly<Record<string, unknown>>
  denied: Denied
}

/**
 * The response that a client asked for, out of what the subgraphs brought: the operation is executed once more over the
 * public schema with that data as its root. So aliases, fragments, null propagation, introspection and the order of
 * fields are graphql-js's own, and an error is reported at the path where its value is missing.
 */
export function shape(shaping: Shaping, data: Data, failures: ReadonlySet<Failure>): ExecutionResult {
  const { schema, document, operationName, variables, denied } = shaping
  const result = execute({
    schema,
    document,
    operationName,
    variableValues: variables,
    rootValue: data,
    contextValue: denied,
    fieldResolver,
    typeResolver: (value) => (isData(value) && typeof value.__typename === 'string' ? value.__typename : undefined),
  }) as ExecutionResult

  const unreported = new Set(failures)
  const [errors, incomplete]: [GraphQLError[], GraphQLError[]] = [[], []]
  for (const error of result.errors ?? []) {
    const { originalError, path } = error
    if (originalError instanceof Failure) {
      unreported.delete(originalError)
      errors.push(originalError.at(path))
    } else if (originalError instanceof CodedError) {
      errors.push(new GraphQLError(error.message, { path, extensions: error.extensions }))
    } else incomplete.push(error)
  }
  for (const failure of unreported) errors.push(failure.at(undefined))
  if (errors.length > 0) return { data: result.data, errors }
  if (incomplete.length === 0) return { data: result.data }
  return unexplained(result.data, incomplete)
}

// A subgraph broke its own schema. Nulls that the schema allows are only noted, a response without data is an error.
function unexplained(data: ExecutionResult['data'], incomplete: readonly GraphQLError[]): ExecutionResult {
  if (data) {
    const valueCompletion = incomplete.map(({ path }) => ({ message: 'What came does not fit the schema.', path }))
    return { data, extensions: { valueCompletion } }
  }
  const errors = incomplete.map(
    ({ path, extensions }) =>
      new GraphQLError('What came does not fit the schema.', {
        path,
        extensions: { ...extensions, code: path ? 'INTERNAL_SERVER_ERROR' : 'BAD_USER_INPUT' },
      }),
  )
  return { data, errors }
}

const fieldResolver: GraphQLFieldResolver<Data, Denied> = (source, _args, denied, { parentType, fieldName, path }) => {
  const value = Object.hasOwn(source, path.key) ? source[path.key] : undefined
  if (denied.size === 0) return value
  // What may not be seen of an interface may be seen of this type, but then it was asked for and is there.
  const types = value === undefined ? [parentType, ...parentType.getInterfaces()] : [parentType]
  const refusal = types.map(({ name }) => denied.get(`${name}.${fieldName}`)).find(Boolean)
  if (refusal) throw refusal
  return value
}
