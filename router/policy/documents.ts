import {
  GraphQLError,
  parse,
  recommendedRules,
  specifiedRules,
  validate,
  type DocumentNode,
  type GraphQLSchema,
} from 'graphql'
import { LRUCache } from 'lru-cache'
import { brokenLimit, type OperationLimits } from './limits.ts'
import { reservedNames } from './reserved-names.ts'

/** Rules of the GraphQL specification, and ours. */
export const validationRules = [...recommendedRules, reservedNames]

/** Parses operations, holds them against the limits and validates them, each text once. */
export class Documents {
  /** How often an operation was known, and how often it was read anew. */
  readonly counts = { hits: 0, misses: 0 }
  readonly #known = new LRUCache<string, { document: DocumentNode; uses: number }>({ max: 2_000 })
  readonly #schema: GraphQLSchema
  readonly #limits: OperationLimits

  constructor(schema: GraphQLSchema, limits: OperationLimits) {
    this.#schema = schema
    this.#limits = limits
  }

  read(query: string): DocumentNode | { errors: readonly GraphQLError[] } {
    const known = this.#known.get(query)
    if (known) {
      this.counts.hits++
      known.uses++
      return known.document
    }
    this.counts.misses++
    try {
      const document = parse(query, { maxTokens: this.#limits.tokens })
      // First, for some rules of validation take the square of what a large document has.
      const broken = brokenLimit(document, this.#limits)
      if (broken) return { errors: [broken] }
      const problems = this.#problems(document)
      if (problems.length > 0) return { errors: problems.map((problem) => coded(problem, 'GRAPHQL_VALIDATION_FAILED')) }
      this.#known.set(query, { document, uses: 1 })
      return document
    } catch (error) {
      if (error instanceof GraphQLError) return { errors: [coded(error, 'GRAPHQL_PARSE_FAILED')] }
      throw error
    }
  }

  /** The documents that are read most, those first. */
  hottest(count: number): { text: string; document: DocumentNode }[] {
    return [...this.#known.entries()]
      .toSorted(([, left], [, right]) => right.uses - left.uses)
      .slice(0, count)
      .map(([text, { document }]) => ({ text, document }))
  }

  #problems(document: DocumentNode): readonly GraphQLError[] {
    try {
      return validate(this.#schema, document, [...specifiedRules, ...validationRules])
    } catch (error) {
      // graphql-js 16 throws, rather than reports, for `@include(if: $x)` at the root of a subscription.
      return [error instanceof GraphQLError ? error : new GraphQLError('The operation is not valid.')]
    }
  }
}

function coded({ message, locations, nodes, source, positions, extensions }: GraphQLError, code: string): GraphQLError {
  return new GraphQLError(message, {
    ...(locations ? { nodes, source, positions } : {}),
    extensions: { ...extensions, code },
  })
}
