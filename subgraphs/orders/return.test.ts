import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { paidForLines, refundFor, whyNotReturned } from './return.ts'

const amount = fc.integer({ min: 0, max: 1_000_000_00 })

describe('what is paid back', () => {
  test('adds up to what was paid for the line, however its units come back', () => {
    const line = fc.record({ paidMinor: amount, quantity: fc.integer({ min: 1, max: 50 }) })
    const parcels = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 50 })
    fc.assert(
      fc.property(line, parcels, (bought, sizes) => {
        let before = 0
        let paidBack = 0
        for (const size of [...sizes, bought.quantity]) {
          const units = Math.min(size, bought.quantity - before)
          const refund = refundFor(bought, before, units)
          // Nobody gains by sending goods back one by one.
          expect(Math.abs(refund - (bought.paidMinor * units) / bought.quantity)).toBeLessThanOrEqual(units)
          paidBack += refund
          before += units
        }
        expect(paidBack).toBe(bought.paidMinor)
      }),
    )
  })

  test('the last unit takes the rest', () => {
    const line = { paidMinor: 1000, quantity: 3 }
    expect([refundFor(line, 0, 1), refundFor(line, 1, 1), refundFor(line, 2, 1)]).toEqual([334, 333, 333])
    expect(refundFor(line, 0, 0)).toBe(0)
  })
})

describe('what was paid for lines', () => {
  const lines = [
    { totalMinor: 1000, taxMinor: 100 },
    { totalMinor: 500, taxMinor: 50 },
  ]
  const order = { subtotalMinor: 1600, discountMinor: 100, shippingMinor: 300, taxMinor: 180 }

  test('is their total when taxes are contained in it', () => {
    const included = { ...order, totalMinor: 1800, taxLines: [{ isIncludedInPrice: true }] }
    expect(paidForLines(included, lines)).toEqual([1000, 500])
  })

  test('has their own tax on top when taxes are added', () => {
    const added = { ...order, totalMinor: 1980, taxLines: [{ isIncludedInPrice: false }] }
    expect(paidForLines(added, lines)).toEqual([1100, 550])
  })

  test('has a share of what is added when some taxes are and some are not', () => {
    const mixed = { ...order, totalMinor: 1890, taxLines: [{ isIncludedInPrice: false }, { isIncludedInPrice: true }] }
    expect(paidForLines(mixed, lines)).toEqual([1050, 525])
  })

  test('is never more than the order came to', () => {
    const bought = fc.array(fc.record({ totalMinor: amount, taxMinor: fc.integer({ min: 0, max: 1_000_00 }) }), {
      minLength: 1,
      maxLength: 8,
    })
    fc.assert(
      fc.property(
        bought,
        amount,
        fc.integer({ min: 0, max: 1_000 }),
        fc.boolean(),
        (some, shippingMinor, onShipping, isIncluded) => {
          const subtotalMinor = some.reduce((sum, { totalMinor }) => sum + totalMinor, 0)
          const taxMinor = some.reduce((sum, line) => sum + line.taxMinor, onShipping)
          const totalMinor = subtotalMinor + shippingMinor + (isIncluded ? 0 : taxMinor)
          const taxLines = [{ isIncludedInPrice: isIncluded }]
          const whole = { subtotalMinor, discountMinor: 0, shippingMinor, taxMinor, totalMinor, taxLines }
          const paid = paidForLines(whole, some).reduce((sum, minor) => sum + minor, 0)
          expect(paid).toBe(totalMinor - shippingMinor - (isIncluded ? 0 : onShipping))
        },
      ),
    )
  })
})

describe('goods can be sent back', () => {
  const day = (number: number) => new Date(Date.UTC(2026, 0, number))
  const order = { status: 'DELIVERED' as const, deliveredAt: day(5), placedAt: day(1) }

  test('for 30 days after the last of them arrived', () => {
    expect(whyNotReturned(order, day(35))).toBeNull()
    expect(whyNotReturned(order, day(36))).toBe('NOT_APPLICABLE')
    expect(whyNotReturned({ ...order, status: 'PARTIALLY_RETURNED' }, day(35))).toBeNull()
    expect(whyNotReturned({ ...order, status: 'COMPLETED' }, day(6))).toBe('NOT_APPLICABLE')
  })

  test('once they have arrived, and once', () => {
    for (const status of ['CONFIRMED', 'ON_HOLD', 'PARTIALLY_SHIPPED', 'SHIPPED', 'RETURNED', 'CANCELLED'] as const) {
      expect(whyNotReturned({ ...order, status }, day(6))).toBe('STATE_TRANSITION')
    }
  })
})
