import { describe, expect, test } from 'vitest'
import { unitsOf } from './stripe-answers.ts'

describe('an amount as Stripe counts it', () => {
  test.each([
    ['EUR', 58_80, 5_880],
    // None after the point: no hundredfold charge.
    ['JPY', 500, 500],
    ['KRW', 500, 500],
    // None after the point, and yet counted in hundredths.
    ['ISK', 500, 50_000],
    ['UGX', 500, 50_000],
    // Two after the point, and yet counted whole.
    ['MGA', 57_00, 57],
    ['KWD', 5_120, 5_120],
    ['TND', 5_120, 5_120],
  ])('%s: %i minor units are %i', (currency, amountMinor, amount) => {
    expect(unitsOf({ amountMinor, currency })).toEqual({ amount, currency: currency.toLowerCase() })
  })

  test.each([
    ['KWD', 5_124],
    ['BHD', 5_125],
    ['JOD', 1],
    ['OMR', 5],
    ['TND', 12_345],
    ['MGA', 500_50],
  ])('%s: %i minor units are none: another amount is never charged in their place', (currency, amountMinor) => {
    expect(() => unitsOf({ amountMinor, currency })).toThrow('charged')
  })
})
