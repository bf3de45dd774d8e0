import { expect, test } from 'vitest'
import { moneyIn, moneyOf } from './money-input.ts'

const problems = (amount: string, currencyCode: string, range?: Parameters<typeof moneyIn>[1]) =>
  moneyIn('EUR', range)
    .safeParse({ amount, currencyCode })
    .error?.issues.map(({ path }) => path.join('.')) ?? []

test('money of the store’s currency is what it says', () => {
  expect(problems('12.50', 'EUR')).toEqual([])
  expect(moneyOf({ amount: '12.5', currencyCode: 'EUR' })).toEqual({ amountMinor: 1250, currency: 'EUR' })
})

test('another currency and an amount out of range are told together', () => {
  expect(problems('12.50', 'USD')).toEqual(['currencyCode'])
  expect(problems('-1.00', 'USD')).toEqual(['currencyCode', 'amount'])
})

test('an amount has no more decimals than its currency and keeps to the range', () => {
  expect(problems('1.999', 'EUR')).toEqual(['amount'])
  expect(problems('0.00', 'EUR')).toEqual([])
  expect(problems('0.00', 'EUR', { least: 1 })).toEqual(['amount'])
  expect(problems('10.01', 'EUR', { most: 1000 })).toEqual(['amount'])
  const { error } = moneyIn('EUR', { most: 1000 }).safeParse({ amount: '10.01', currencyCode: 'EUR' })
  expect(error?.issues[0]?.message).toBe('At most 10.00 EUR.')
})
