import { describe, expect, test } from 'vitest'
import { rateFor, taxes, type TaxRate } from './tax.ts'

const rate = (countryCode: string, region: string | null, taxCategory: string, value: string): TaxRate => ({
  countryCode,
  region,
  taxCategory,
  rate: value,
  isIncludedInPrice: countryCode !== 'US',
})
const rates = [
  rate('DE', null, 'standard', '0.190000'),
  rate('DE', null, 'books', '0.070000'),
  rate('US', null, 'standard', '0.050000'),
  rate('US', 'NY', 'standard', '0.088750'),
]

describe('which rate applies', () => {
  test.each([
    ['the kind’s own', { countryCode: 'DE', region: 'Berlin' }, 'books', '0.070000'],
    ['the standard one for other kinds', { countryCode: 'DE', region: null }, 'garden', '0.190000'],
    ['the region’s before the country’s', { countryCode: 'US', region: 'ny' }, 'books', '0.088750'],
    ['the country’s where the region has none', { countryCode: 'US', region: 'OR' }, 'standard', '0.050000'],
    ['none in a country without any', { countryCode: 'JP', region: null }, 'standard', undefined],
  ])('%s', (_, place, kind, expected) => {
    expect(rateFor(rates, place, kind)?.rate).toBe(expected)
  })
})

test('tax is counted on the sum of a rate and split so that no unit is lost', () => {
  const standard = rates[0]!
  const { taxLines, sharesMinor } = taxes(
    [1, 1, 1, 1, 1, 1].map((amountMinor) => ({ amountMinor, rate: standard })),
    'EUR',
  )
  // 6 × 19 / 119 = 0.958: one cent in all, where each alone would come to none.
  expect(taxLines.map(({ amount }) => amount.amountMinor)).toEqual([1])
  expect(sharesMinor).toEqual([1, 0, 0, 0, 0, 0])
})

test.each([
  ['0.190000', 'VAT 19 %', '0.19'],
  ['0.055000', 'VAT 5.5 %', '0.055'],
  ['0.100000', 'VAT 10 %', '0.1'],
  ['0.088750', 'VAT 8.875 %', '0.08875'],
])('a rate of %s is called %s', (value, title, shown) => {
  const { taxLines } = taxes([{ amountMinor: 1_000, rate: rate('DE', null, 'standard', value) }], 'EUR')
  expect(taxLines).toMatchObject([{ title, rate: shown }])
})
