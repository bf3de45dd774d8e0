import { GraphQLError } from 'graphql'

const OUTAGES: readonly unknown[] = ['SUBGRAPH_UNAVAILABLE', 'SUBGRAPH_TIMEOUT']

/** The answer, or null when the other part cannot be reached in time. Any other failure passes through. */
export async function unlessUnreachable<T>(answer: Promise<T>): Promise<T | null> {
  try {
    return await answer
  } catch (error) {
    if (error instanceof GraphQLError && OUTAGES.includes(error.extensions.code)) return null
    throw error
  }
}
