import { Failure } from './failure.ts'

export type Data = Record<string, unknown>

export const isData = (value: unknown): value is Data =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Failure)

/**
 * Adds what a fetch brought to what is known already. Objects and lists of the same length are merged in depth; neither
 * null nor a failure replaces a value, and a value replaces either.
 */
export function merge(known: Data, fetched: Data): void {
  if (known === fetched) return
  for (const key of Object.keys(fetched)) {
    const value = fetched[key]
    if (value !== undefined) known[key] = merged(known[key], value)
  }
}

function merged(present: unknown, value: unknown): unknown {
  if (present === undefined || present === null) return value
  if (present === value || value === null || value instanceof Failure) return present
  if (isData(present) && isData(value)) merge(present, value)
  else if (Array.isArray(present) && Array.isArray(value) && present.length === value.length) {
    for (const [index, item] of value.entries()) present[index] = merged(present[index], item)
  } else return value
  return present
}

/** A copy in depth: several may share an answer or an event, and each adds to its own. */
export function copy<T>(value: T): T
export function copy(value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item: unknown) => copy(item))
  if (!isData(value)) return value
  const copied: Data = {}
  for (const key of Object.keys(value)) copied[key] = copy(value[key])
  return copied
}
