import { createHash } from 'node:crypto'
import { v7, validate } from 'uuid'
import { z } from 'zod'

/** A new id: UUID version 7 (RFC 9562), so that ids made later sort later. */
export const uuidv7 = (): string => v7()

/** Whether `id` can be an id at all. A malformed one is unknown, not an error, and must not reach a uuid column. */
export const isId = (id: string): boolean => validate(id)

/** An id of an input, in the one form that ids are kept in: however it is written, it is the same. */
export const givenId = z.string().toLowerCase()

/**
 * The id that demo data gives to `name`, such as `user/alice`: always the same, so that seeds of different subgraphs can
 * refer to each other. A UUID version 8 (RFC 9562) made from SHA-256.
 */
export function demoId(name: string): string {
  const hash = createHash('sha256').update(`mercato demo ${name}`).digest()
  hash[6] = (hash[6]! & 0x0f) | 0x80
  hash[8] = (hash[8]! & 0x3f) | 0x80
  const hex = hash.toString('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-')
}
