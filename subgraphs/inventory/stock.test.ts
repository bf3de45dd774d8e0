import { describe, expect, test } from 'vitest'
import { availability } from './stock.ts'

describe('availability', () => {
  const threshold = { lowStockThreshold: 5 }

  test('is out of stock when everything is promised', () => {
    expect(availability(0, threshold)).toBe('OUT_OF_STOCK')
  })

  test('is low up to the threshold, and in stock above it', () => {
    expect([1, 5].map((units) => availability(units, threshold))).toEqual(['LOW_STOCK', 'LOW_STOCK'])
    expect(availability(6, threshold)).toBe('IN_STOCK')
  })
})
