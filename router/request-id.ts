import { uuidv7 } from '#platform/ids.ts'

// It goes into logs and headers of every part, so it is nothing but a short word.
const SANE = /^[\w-]{8,64}$/

/** The id that a request came with, when it is a sane one, or a new one. */
export const requestIdOf = (given: unknown): string =>
  typeof given === 'string' && SANE.test(given) ? given : uuidv7()
