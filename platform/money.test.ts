import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { fractionDigits, includedTax, parseMoney, portion, split, sum, toDecimal } from './money.ts'

const amounts = fc.maxSafeInteger()
const currencies = fc.constantFrom('EUR', 'JPY', 'KWD', 'CLF', 'HUF')
const eur = (amountMinor: number) => ({ amountMinor, currency: 'EUR' })
const parse = (amount: string, currencyCode = 'EUR') => parseMoney({ amount, currencyCode })

describe('an amount as text', () => {
  test('has the precision of its currency', () => {
    const texts = [
      [1299, 'EUR', '12.99'],
      [1299, 'JPY', '1299'],
      [1299, 'KWD', '1.299'],
      [5, 'EUR', '0.05'],
      [-5, 'EUR', '-0.05'],
      [0, 'JPY', '0'],
      [1_000_00, 'HUF', '1000.00'],
    ] as const
    for (const [amountMinor, currency, text] of texts) expect(toDecimal({ amountMinor, currency })).toBe(text)
  })

  test('comes back as the same amount', () => {
    fc.assert(
      fc.property(amounts, currencies, (amountMinor, currency) => {
        const amount = toDecimal({ amountMinor, currency })
        expect(parseMoney({ amount, currencyCode: currency })).toEqual({ amountMinor, currency })
      }),
    )
  })

  test('may have fewer decimals than the currency, never more', () => {
    expect(parse('12')).toEqual(eur(1200))
    expect(parse('12.9')).toEqual(eur(1290))
    expect(parse('12.990')).toBeNull()
    expect(parse('12.0', 'JPY')).toBeNull()
    expect(fractionDigits('IDR')).toBe(2)
  })

  test('is refused when malformed or too large to be exact', () => {
    for (const amount of ['', ' 1', '1,00', '1.', '.5', '+1', '1e3', '0x1', 'NaN', '--1', '1.2.3', '٣']) {
      expect(parse(amount), amount).toBeNull()
    }
    expect(parse('90071992547409.91')).toEqual(eur(Number.MAX_SAFE_INTEGER))
    expect(parse('90071992547409.92')).toBeNull()
    expect(parse('9'.repeat(400))).toBeNull()
  })

  test('has no negative zero', () => {
    expect(parse('-0.00')).toEqual(eur(0))
  })

  test('is never made of half a minor unit', () => {
    expect(() => toDecimal(eur(0.5))).toThrow(RangeError)
  })
})

describe('a sum', () => {
  test('adds amounts of one currency', () => {
    expect(sum([eur(1), eur(-3), eur(10)], 'EUR')).toEqual(eur(8))
    expect(sum([], 'JPY')).toEqual({ amountMinor: 0, currency: 'JPY' })
  })

  test('refuses another currency and an inexact total', () => {
    expect(() => sum([eur(1), { amountMinor: 1, currency: 'USD' }], 'EUR')).toThrow(RangeError)
    expect(() => sum([eur(Number.MAX_SAFE_INTEGER), eur(1)], 'EUR')).toThrow(RangeError)
  })
})

describe('a split', () => {
  const weights = fc.array(fc.nat(), { minLength: 1, maxLength: 20 })

  test('gives left-over units to the largest remainders, the earlier part first', () => {
    expect(split(100, [1, 1, 1])).toEqual([34, 33, 33])
    expect(split(-100, [1, 1, 1])).toEqual([-34, -33, -33])
    expect(split(10, [1, 2, 4])).toEqual([1, 3, 6])
    expect(split(5, [0, 3, 0])).toEqual([0, 5, 0])
    expect(split(5, [0, 0])).toEqual([3, 2])
  })

  test('adds up to the amount exactly', () => {
    fc.assert(
      fc.property(amounts, weights, (amount, shares) => {
        expect(split(amount, shares).reduce((total, part) => total + BigInt(part), 0n)).toBe(BigInt(amount))
      }),
    )
  })

  test('keeps every part within one unit of its exact share', () => {
    fc.assert(
      fc.property(amounts, weights, (amount, shares) => {
        const whole = shares.reduce((total, share) => total + BigInt(share), 0n)
        fc.pre(whole > 0n)
        split(amount, shares).forEach((part, index) => {
          const off = BigInt(part) * whole - BigInt(amount) * BigInt(shares[index]!)
          expect(off < whole && off > -whole).toBe(true)
        })
      }),
    )
  })

  test('of a negated amount has the negated parts', () => {
    fc.assert(
      fc.property(amounts, weights, (amount, shares) => {
        expect(split(-amount, shares)).toEqual(split(amount, shares).map((part) => (part === 0 ? 0 : -part)))
      }),
    )
  })

  test('needs weights, none of them negative', () => {
    expect(() => split(1, [])).toThrow(RangeError)
    expect(() => split(1, [2, -1])).toThrow(RangeError)
  })
})

describe('a portion', () => {
  const cents = fc.integer({ min: -(10 ** 12), max: 10 ** 12 })
  const rates = fc.integer({ min: 0, max: 99_999 }).map((n) => `0.${String(n).padStart(5, '0')}`)

  test('is exact and rounds half up', () => {
    expect(portion(1000, '0.19')).toBe(190)
    expect(portion(50, '0.01')).toBe(1)
    expect(portion(49, '0.01')).toBe(0)
    expect(portion(-50, '0.01')).toBe(-1)
    // 1.005 * 100 is 100.49999999999999 in floating point.
    expect(portion(100, '1.005')).toBe(101)
    expect(portion(9_007_199_254_740_991, '1')).toBe(9_007_199_254_740_991)
    expect(Object.is(portion(-1, '0'), 0)).toBe(true)
  })

  test('is never more than half a unit away from the exact product', () => {
    fc.assert(
      fc.property(cents, rates, (amount, rate) => {
        const off = BigInt(portion(amount, rate)) * 100_000n - BigInt(amount) * BigInt(rate.slice(2))
        expect(off <= 50_000n && off >= -50_000n).toBe(true)
      }),
    )
  })

  test('refuses a rate that is no plain decimal number', () => {
    for (const rate of ['', '19 %', '1e-2', '.19', 'NaN']) expect(() => portion(1, rate), rate).toThrow(RangeError)
  })
})

describe('tax included in a price', () => {
  test('is what was added to the net amount', () => {
    expect(includedTax(1190, '0.19')).toBe(190)
    expect(includedTax(1299, '0.19')).toBe(207)
    expect(includedTax(-1190, '0.19')).toBe(-190)
    expect(includedTax(1000, '0')).toBe(0)
    expect(() => includedTax(1, '-0.1')).toThrow(RangeError)
  })

  test('is found again from net and tax, within the cent that rounding costs', () => {
    const nets = fc.nat(10 ** 12)
    fc.assert(
      fc.property(nets, fc.constantFrom('0.05', '0.07', '0.19', '0.2', '0.21'), (net, rate) => {
        const tax = portion(net, rate)
        expect(Math.abs(includedTax(net + tax, rate) - tax)).toBeLessThanOrEqual(1)
      }),
    )
  })
})
