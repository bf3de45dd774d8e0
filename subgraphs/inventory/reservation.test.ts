import { describe, expect, test } from 'vitest'
import { mayBecome } from './reservation.ts'

describe('a hold', () => {
  test('may be sold, let go of or swept', () => {
    expect(mayBecome('HELD', 'COMMITTED')).toBe(true)
    expect(mayBecome('HELD', 'RELEASED')).toBe(true)
    expect(mayBecome('HELD', 'EXPIRED')).toBe(true)
  })

  test('that was swept may be taken again', () => {
    expect(mayBecome('EXPIRED', 'COMMITTED')).toBe(true)
  })

  test('that was let go of stays so', () => {
    for (const to of ['HELD', 'COMMITTED', 'EXPIRED', 'RELEASED'] as const)
      expect(mayBecome('RELEASED', to)).toBe(false)
  })

  test('that was sold can only be undone', () => {
    expect(mayBecome('COMMITTED', 'RELEASED')).toBe(true)
    expect(mayBecome('COMMITTED', 'EXPIRED')).toBe(false)
  })
})
