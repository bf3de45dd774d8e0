import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { parseInput, problem, Rejection } from './user-errors.ts'

const restock = z.object({ quantity: z.int().min(1, 'At least 1.') })

function problemsOf(input: unknown, found: Parameters<typeof parseInput>[2] = []) {
  try {
    parseInput(restock, input, found)
    return []
  } catch (error) {
    if (!(error instanceof Rejection)) throw error
    return error.errors.map(({ code, field }) => `${code} ${field?.join('.')}`)
  }
}

describe('parseInput', () => {
  test('reports what the schema, the caller and the key have against an input, all at once', () => {
    expect(
      problemsOf({ quantity: 0, idempotencyKey: '' }, [problem('NOT_FOUND', 'No such place.', ['locationId'])]),
    ).toEqual(['INVALID input.quantity', 'NOT_FOUND input.locationId', 'INVALID input.idempotencyKey'])
  })

  test.each(['k', 'k'.repeat(128)])('takes a key of up to 128 characters', (idempotencyKey) => {
    expect(problemsOf({ quantity: 1, idempotencyKey })).toEqual([])
  })

  test('refuses a longer key, although the schema does not mention it', () => {
    expect(problemsOf({ quantity: 1, idempotencyKey: 'k'.repeat(129) })).toEqual(['INVALID input.idempotencyKey'])
  })

  test('asks for no key where the input has none', () => {
    expect(problemsOf({ quantity: 1 })).toEqual([])
  })
})
