import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { brandOf, cardProblems, isExpired, passesLuhn, type Card } from './card.ts'

const now = new Date('2026-03-15T12:00:00Z')
const visa: Card = {
  cardNumber: '4242 4242 4242 4242',
  expiryMonth: 12,
  expiryYear: 2028,
  cvc: '123',
  holderName: 'Ada',
}
const fieldsAtFault = (change: Partial<Card>) => cardProblems({ ...visa, ...change }, now).map(({ field }) => field)

describe('a card as typed in', () => {
  test('is fine with spaces in its number and without a name', () => {
    expect(cardProblems(visa, now)).toEqual([])
    expect(cardProblems({ ...visa, holderName: null }, now)).toEqual([])
  })

  test('tells every problem at once, without repeating what was typed', () => {
    const card: Card = {
      cardNumber: '4242424242424241',
      expiryMonth: 13,
      expiryYear: 28,
      cvc: '12x',
      holderName: 'a'.repeat(201),
    }
    const problems = cardProblems(card, now)
    expect(problems.map(({ field }) => field)).toEqual(['cardNumber', 'expiryMonth', 'expiryYear', 'cvc', 'holderName'])
    expect(JSON.stringify(problems)).not.toMatch(/4242|12x/)
  })

  test.each([
    ['15346781053311236', 'fails Luhn'],
    ['4242424242424241', 'fails Luhn'],
    ['42424242424', 'is too short'],
    ['42424242424242424242', 'is too long'],
    ['4242-4242-4242-4242', 'has other signs than digits'],
    ['４２４２４２４２４２４２４２４２', 'has digits of another script'],
  ])('is refused when its number %s %s', (cardNumber) => {
    expect(fieldsAtFault({ cardNumber })).toEqual(['cardNumber'])
  })

  test('says REQUIRED for what is empty', () => {
    const problems = cardProblems({ ...visa, cardNumber: ' ', cvc: '' }, now)
    expect(problems.map(({ field, code }) => [field, code])).toEqual([
      ['cardNumber', 'REQUIRED'],
      ['cvc', 'REQUIRED'],
    ])
  })

  test('has a security code of 4 digits from American Express, of 3 or 4 from others', () => {
    const amex = { cardNumber: '378282246310005' }
    expect(fieldsAtFault({ ...amex, cvc: '123' })).toEqual(['cvc'])
    expect(fieldsAtFault({ ...amex, cvc: '1234' })).toEqual([])
    expect(fieldsAtFault({ cvc: '1234' })).toEqual([])
    expect(fieldsAtFault({ cvc: '12345' })).toEqual(['cvc'])
  })
})

describe('expiry', () => {
  test('is the end of the month, in UTC', () => {
    const march = { expiryMonth: 3, expiryYear: 2026 }
    expect(isExpired(march, new Date('2026-03-31T23:59:59.999Z'))).toBe(false)
    expect(isExpired(march, new Date('2026-04-01T00:00:00.000Z'))).toBe(true)
    expect(isExpired({ expiryMonth: 12, expiryYear: 2025 }, now)).toBe(true)
  })

  test('names the field that makes it too old', () => {
    expect(fieldsAtFault({ expiryMonth: 2, expiryYear: 2026 })).toEqual(['expiryMonth'])
    expect(fieldsAtFault({ expiryYear: 2025 })).toEqual(['expiryYear'])
  })
})

test('Luhn catches every single wrong digit', () => {
  const digit = fc.integer({ min: 0, max: 9 })
  const number = fc.array(digit, { minLength: 11, maxLength: 18 }).map((digits) => {
    const body = digits.join('')
    const check = Array.from({ length: 10 }, (_, each) => String(each)).find((each) => passesLuhn(body + each))
    return body + check!
  })
  fc.assert(
    fc.property(number, fc.nat(), fc.integer({ min: 1, max: 9 }), (valid, where, by) => {
      const index = where % valid.length
      const wrong = valid.slice(0, index) + String((Number(valid[index]) + by) % 10) + valid.slice(index + 1)
      expect(passesLuhn(valid)).toBe(true)
      expect(passesLuhn(wrong)).toBe(false)
    }),
  )
})

test.each([
  ['4242424242424242', 'visa'],
  ['5555555555554444', 'mastercard'],
  ['2223003122003222', 'mastercard'],
  ['378282246310005', 'amex'],
  ['6011111111111117', 'discover'],
  ['3056930009020004', 'diners'],
  ['3566002020360505', 'jcb'],
  ['6200000000000005', 'unionpay'],
  ['9999999999999995', null],
])('%s is of brand %s', (digits, brand) => {
  expect(brandOf(digits)).toBe(brand)
})
