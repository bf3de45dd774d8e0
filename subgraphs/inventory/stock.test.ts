import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { allocate, availability, available, totals, type RankedLevel } from './stock.ts'

const level = (variantId: string, locationId: string, onHand: number, priority = 1, promised = 0): RankedLevel => ({
  variantId,
  locationId,
  onHand,
  reserved: promised,
  committed: 0,
  priority,
})

describe('availability', () => {
  const threshold = { lowStockThreshold: 5 }

  test('is out of stock when everything is promised', () => {
    expect(availability([level('shirt', 'berlin', 3, 1, 3)], threshold)).toBe('OUT_OF_STOCK')
    expect(availability([], threshold)).toBe('OUT_OF_STOCK')
  })

  test('is low up to the threshold, over all locations', () => {
    expect(availability([level('shirt', 'berlin', 3), level('shirt', 'hamburg', 2)], threshold)).toBe('LOW_STOCK')
    expect(availability([level('shirt', 'berlin', 3), level('shirt', 'hamburg', 3)], threshold)).toBe('IN_STOCK')
  })
})

describe('units are taken', () => {
  test('from the location of the lowest priority number', () => {
    const levels = [level('shirt', 'hamburg', 9, 2), level('shirt', 'berlin', 9, 1)]
    expect(allocate([{ variantId: 'shirt', quantity: 4 }], levels).allocations).toEqual([
      { variantId: 'shirt', locationId: 'berlin', quantity: 4 },
    ])
  })

  test('from a later location rather than from two', () => {
    const levels = [level('shirt', 'berlin', 2, 1), level('shirt', 'hamburg', 9, 2)]
    expect(allocate([{ variantId: 'shirt', quantity: 4 }], levels).allocations).toEqual([
      { variantId: 'shirt', locationId: 'hamburg', quantity: 4 },
    ])
  })

  test('from several when none has them all', () => {
    const levels = [level('shirt', 'berlin', 2, 1), level('shirt', 'hamburg', 3, 2)]
    expect(allocate([{ variantId: 'shirt', quantity: 4 }], levels).allocations).toEqual([
      { variantId: 'shirt', locationId: 'berlin', quantity: 2 },
      { variantId: 'shirt', locationId: 'hamburg', quantity: 2 },
    ])
  })

  test('never where they are not, and every line that cannot be filled is named', () => {
    const lines = ['shirt', 'mug', 'bag'].map((variantId) => ({ variantId, quantity: 5 }))
    const levels = [level('shirt', 'berlin', 5, 1, 1), level('mug', 'berlin', 5)]
    expect(allocate(lines, levels).shortages).toEqual([
      { index: 0, variantId: 'shirt', quantity: 5, available: 4 },
      { index: 2, variantId: 'bag', quantity: 5, available: 0 },
    ])
  })

  test('exactly as many as asked for, whatever lies where', () => {
    const levels = fc.array(fc.record({ onHand: fc.nat(20), promised: fc.nat(20), priority: fc.nat(3) }), {
      maxLength: 6,
    })
    fc.assert(
      fc.property(levels, fc.integer({ min: 1, max: 60 }), (shelves, quantity) => {
        const there = shelves.map(({ onHand, promised, priority }, index) =>
          level('shirt', `location ${index}`, onHand + promised, priority, promised),
        )
        const { allocations, shortages } = allocate([{ variantId: 'shirt', quantity }], there)
        const units = available(totals(there))
        if (quantity > units) return shortages[0]?.available === units && allocations.length === 0
        const taken = allocations.reduce((sum, each) => sum + each.quantity, 0)
        const isThere = allocations.every(
          (each) =>
            each.quantity > 0 && each.quantity <= available(there.find((own) => own.locationId === each.locationId)!),
        )
        return taken === quantity && isThere && shortages.length === 0
      }),
    )
  })
})
