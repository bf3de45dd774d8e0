import { isOutage } from '#platform/calls.ts'

/** The answer, or null when the other part cannot be reached in time. Any other failure passes through. */
export async function unlessUnreachable<T>(answer: Promise<T>): Promise<T | null> {
  try {
    return await answer
  } catch (error) {
    if (isOutage(error)) return null
    throw error
  }
}
