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
  if (unreported.size > 0) errors.push(...findErrors(data, unreported))
  if (errors.length > 0) return { data: result.data, errors }
  if (incomplete.length === 0) return { data: result.data }
  return unexplained(result.data, incomplete)
}

/**
 * Errors of failures that no field of the response came across: another null had taken their parent along, or they are
 * about fields that only the plan asked for.
 */
function findErrors(data: Data, unreported: Set<Failure>): GraphQLError[] {
  const errors: GraphQLError[] = []
  const visit = (value: unknown, path: readonly (string | number)[]): void => {
    if (value instanceof Failure) {
      if (unreported.delete(value)) errors.push(value.at(path))
    } else if (Array.isArray(value)) for (const [index, item] of value.entries()) visit(item, [...path, index])
    else if (isData(value)) for (const [key, field] of Object.entries(value)) visit(field, [...path, key])
  }
  visit(data, [])
  return [...errors, ...[...unreported].map((failure) => failure.at(undefined))]
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
