import { GraphQLError, type ExecutionResult } from 'graphql'
import type { CodedError } from '#platform/errors.ts'
import { Failure } from './failure.ts'
import { isData, type Data } from './merge.ts'

type Path = readonly (string | number)[]

/** A response whose data is JSON already. */
export interface ResponseText {
  data?: string
  errors?: readonly GraphQLError[]
  extensions?: Record<string, unknown>
}

/** What comes up while a response is written: where the writer is, what is missing and why. */
export class Output {
  readonly variables: Readonly<Record<string, unknown>>
  /** How many things were missing so far. */
  problems = 0
  // Overwritten rather than pushed and popped: it changes with every field.
  readonly #steps: (string | number)[] = []
  #depth = 0
  readonly #errors: GraphQLError[] = []
  // Where entities failed, which each of their fields tells.
  readonly #entities = new Set<string>()
  readonly #incomplete: Path[] = []
  readonly #unreported: Set<Failure>
  readonly #texts: Map<object, Map<Data, string>> | undefined

  /** @param isRepeating whether the same object is likely to be in several places, so that its text is worth keeping */
  constructor(variables: Readonly<Record<string, unknown>>, failures: ReadonlySet<Failure>, isRepeating: boolean) {
    this.variables = variables
    this.#unreported = new Set(failures)
    this.#texts = isRepeating ? new Map() : undefined
  }

  enter(key: string | number): void {
    this.#steps[this.#depth++] = key
  }

  leave(): void {
    this.#depth--
  }

  #path(): (string | number)[] {
    return this.#steps.slice(0, this.#depth)
  }

  /** The text of an object that was written before with the same selection. */
  known(selection: object, object: Data): string | undefined {
    return this.#texts?.get(selection)?.get(object)
  }

  know(selection: object, object: Data, text: string): void {
    if (!this.#texts) return
    const known = this.#texts.get(selection)
    if (known) known.set(object, text)
    else this.#texts.set(selection, new Map([[object, text]]))
  }

  /** Notes a value that is missing because of `failure`. */
  failed(failure: Failure): undefined {
    this.problems++
    this.#report(failure)
    failure.others.forEach((other) => this.#report(other))
  }

  #report(failure: Failure): void {
    this.#unreported.delete(failure)
    const path = failure.pathFrom(this.#path())
    if (failure.isOfEntity) {
      const place = path.join('.')
      if (this.#entities.has(place)) return
      this.#entities.add(place)
    }
    this.#errors.push(failure.at(this.#path()))
  }

  refused({ message, extensions }: CodedError): undefined {
    this.problems++
    this.#errors.push(new GraphQLError(message, { path: this.#path(), extensions }))
  }

  /** Notes a value that does not fit the schema. */
  incomplete(): undefined {
    this.problems++
    this.#incomplete.push(this.#path())
  }

  /** The response. Every failure is told of, those too that no field of the response came across. */
  response(text: string | undefined, data: Data): ResponseText {
    if (this.#unreported.size > 0) this.#errors.push(...findErrors(data, this.#unreported))
    const written = text ?? 'null'
    if (this.#errors.length > 0) return { data: written, errors: this.#errors }
    if (this.#incomplete.length === 0) return { data: written }
    // A subgraph broke its own schema. Nulls that the schema allows are only noted, a response without data is an error.
    const message = 'What came does not fit the schema.'
    if (text !== undefined) {
      return { data: text, extensions: { valueCompletion: this.#incomplete.map((path) => ({ message, path })) } }
    }
    const extensions = { code: 'INTERNAL_SERVER_ERROR' }
    return { data: written, errors: this.#incomplete.map((path) => new GraphQLError(message, { path, extensions })) }
  }
}

/** The response as graphql-js would have given it. */
export function asResult({ data, ...rest }: ResponseText): ExecutionResult {
  return data === undefined ? rest : { data: JSON.parse(data), ...rest }
}

/** A response as the body of an answer. */
export function asText({
  data,
  errors,
  extensions,
}: {
  data?: string
  errors?: readonly unknown[]
  extensions?: object
}): string {
  const parts = [
    errors && `"errors":${JSON.stringify(errors)}`,
    data === undefined ? undefined : `"data":${data}`,
    extensions && `"extensions":${JSON.stringify(extensions)}`,
  ]
  return `{${parts.filter(Boolean).join(',')}}`
}

/**
 * Errors of failures that no field of the response came across: another null had taken their parent along, or they are
 * about fields that only the plan asked for.
 */
function findErrors(data: Data, unreported: Set<Failure>): GraphQLError[] {
  const errors: GraphQLError[] = []
  const seen = new Set<unknown>()
  const visit = (value: unknown, path: Path): void => {
    if (value instanceof Failure) {
      for (const each of [value, ...value.others]) if (unreported.delete(each)) errors.push(each.at(path))
      return
    }
    // An object may be in very many places.
    if (typeof value !== 'object' || seen.has(value)) return
    seen.add(value)
    if (Array.isArray(value)) for (const [index, item] of value.entries()) visit(item, [...path, index])
    else if (isData(value)) for (const [key, field] of Object.entries(value)) visit(field, [...path, key])
  }
  visit(data, [])
  return [...errors, ...[...unreported].map((failure) => failure.at(undefined))]
}
