import { describe, expect, test } from 'vitest'
import { availability } from './stock.ts'
import type { StockLevelRow } from './tables.ts'

const level = (variantId: string, locationId: string, onHand: number, promised = 0): StockLevelRow => ({
  variantId,
  locationId,
  onHand,
  reserved: promised,
  committed: 0,
})

describe('availability', () => {
  const threshold = { lowStockThreshold: 5 }

  test('is out of stock when everything is promised', () => {
    expect(availability([level('shirt', 'berlin', 3, 3)], threshold)).toBe('OUT_OF_STOCK')
    expect(availability([], threshold)).toBe('OUT_OF_STOCK')
  })

  test('is low up to the threshold, over all locations', () => {
    expect(availability([level('shirt', 'berlin', 3), level('shirt', 'hamburg', 2)], threshold)).toBe('LOW_STOCK')
    expect(availability([level('shirt', 'berlin', 3), level('shirt', 'hamburg', 3)], threshold)).toBe('IN_STOCK')
  })
})
