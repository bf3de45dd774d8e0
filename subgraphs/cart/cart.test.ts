import { describe, expect, test } from 'vitest'
import { toDecimal } from '#platform/money.ts'
import { basketOf, blocksCheckout, next, priceOf, type Offer } from './cart.ts'
import { aLine, offering, standardDelivery } from './pricing.fixture.ts'
import type { CartLineRow } from './tables.ts'
import type { TaxRate } from './tax.ts'

const rates: TaxRate[] = [
  { countryCode: 'DE', region: null, taxCategory: 'standard', rate: '0.190000', isIncludedInPrice: true },
  { countryCode: 'DE', region: null, taxCategory: 'books', rate: '0.070000', isIncludedInPrice: true },
  { countryCode: 'US', region: 'NY', taxCategory: 'standard', rate: '0.088750', isIncludedInPrice: false },
]
const berlin = { rates, place: { countryCode: 'DE', region: null } }
const newYork = { rates, place: { countryCode: 'US', region: 'NY' } }
const none = { chosen: null, current: null }

describe('what a cart comes to', () => {
  test('taxes contained in prices change no total', () => {
    const lines = [aLine('tee', { unitPriceMinor: 2_490 }), aLine('mug', { unitPriceMinor: 1_450, quantity: 2 })]
    const option = standardDelivery(490)
    const pricing = priceOf(basketOf(lines, offering(...lines), 'EUR'), { chosen: option, current: option }, berlin)
    expect(pricing).toMatchObject({
      lineCount: 2,
      totalQuantity: 3,
      totalWeightGrams: 300,
      subtotal: { amountMinor: 5_390 },
      shippingTotal: { amountMinor: 490 },
      total: { amountMinor: 5_880 },
      // 58.80 × 19 / 119
      taxTotal: { amountMinor: 939 },
      problems: [],
    })
    expect(pricing.taxLines).toEqual([
      { title: 'VAT 19 %', rate: '0.19', amount: { amountMinor: 939, currency: 'EUR' }, isIncludedInPrice: true },
    ])
  })

  test('taxes that prices do not contain are added', () => {
    const lines = [aLine('tee', { unitPriceMinor: 10_000 })]
    const pricing = priceOf(basketOf(lines, offering(...lines), 'USD'), none, newYork)
    expect(pricing.taxLines).toMatchObject([
      { title: 'Sales tax 8.875 %', rate: '0.08875', amount: { amountMinor: 888 } },
    ])
    expect(pricing.total).toEqual({ amountMinor: 10_888, currency: 'USD' })
  })

  test('each rate has one tax line, and the delivery is taxed at the standard rate', () => {
    const book = aLine('book', { unitPriceMinor: 1_070, taxCategory: 'books' })
    const option = standardDelivery(1_190)
    const basket = basketOf([book], offering(book), 'EUR')
    const pricing = priceOf(basket, { chosen: option, current: option }, berlin)
    expect(pricing.taxLines.map(({ title, amount }) => [title, amount.amountMinor])).toEqual([
      ['VAT 19 %', 190],
      ['VAT 7 %', 70],
    ])
    expect(pricing.lines[0]?.taxTotal.amountMinor).toBe(70)
  })

  test('a place without rates has no tax, and an empty cart comes to nothing', () => {
    const tee = aLine('tee')
    const abroad = { rates, place: { countryCode: 'JP', region: null } }
    expect(priceOf(basketOf([tee], offering(tee), 'EUR'), none, abroad).taxLines).toEqual([])
    expect(priceOf(basketOf([], new Map(), 'EUR'), none, berlin)).toMatchObject({
      taxLines: [],
      total: { amountMinor: 0 },
    })
  })
})

describe('problems', () => {
  const priced = (line: CartLineRow, offer: Partial<Offer> | null) =>
    priceOf(basketOf([line], offer ? offering({ ...line, ...offer }) : new Map(), 'EUR'), none, berlin)

  test('a line never shows more units than there are, and says so', () => {
    const pricing = priced(aLine('tee', { quantity: 5 }), { available: 3 })
    expect(pricing.problems).toMatchObject([{ __typename: 'LineQuantityReduced', available: 3, line: { quantity: 3 } }])
    expect(pricing.total.amountMinor).toBe(3_000)
  })

  test('a line never shows more units than a cart may hold', () => {
    const pricing = priced(aLine('tee', { quantity: 30 }), {})
    expect(pricing.problems).toMatchObject([{ __typename: 'LineQuantityReduced', available: 20 }])
  })

  test('a sold-out line keeps its units; the reservation decides', () => {
    const pricing = priced(aLine('tee', { quantity: 2 }), { available: 0 })
    expect(pricing.problems).toMatchObject([{ __typename: 'LineOutOfStock', line: { quantity: 2 } }])
    expect(pricing.problems.some(blocksCheckout)).toBe(false)
  })

  test('a changed price is used and told', () => {
    const pricing = priced(aLine('tee'), { unitPriceMinor: 900 })
    expect(pricing.problems).toMatchObject([
      { __typename: 'LinePriceChanged', previous: { amountMinor: 1_000 }, current: { amountMinor: 900 } },
    ])
    expect(pricing.total.amountMinor).toBe(900)
  })

  test('what is no longer sold stops a checkout', () => {
    const { problems } = priced(aLine('tee'), null)
    expect(problems).toMatchObject([{ __typename: 'LineUnavailable' }])
    expect(problems.some(blocksCheckout)).toBe(true)
  })

  test('a delivery that is not offered any more costs nothing and stops a checkout', () => {
    const tee = aLine('tee')
    const pricing = priceOf(
      basketOf([tee], offering(tee), 'EUR'),
      { chosen: standardDelivery(490), current: null },
      berlin,
    )
    expect(pricing.problems).toEqual([{ __typename: 'DeliveryOptionStale', previousOptionId: 'standard' }])
    expect(pricing.problems.some(blocksCheckout)).toBe(true)
    expect(pricing).toMatchObject({ deliveryOption: null, shippingTotal: { amountMinor: 0 } })
  })

  test('without the catalogue a cart shows what it last knew', () => {
    const pricing = priceOf(basketOf([aLine('tee', { quantity: 3 })], null, 'EUR'), none, berlin)
    expect(pricing).toMatchObject({ problems: [], total: { amountMinor: 3_000 } })
  })
})

describe('the dearest and heaviest cart', () => {
  const many = Array.from({ length: 100 }, (_, index) =>
    aLine(`line-${index}`, {
      unitPriceMinor: 10_000_000_000,
      weightGrams: 10_000_000,
      quantity: 10_000,
      maxOrderQuantity: 10_000,
    }),
  )
  const option = standardDelivery(10_000_000_000)
  const dear: TaxRate[] = ['standard', 'books'].map((taxCategory) => ({
    countryCode: 'US',
    region: null,
    taxCategory,
    rate: '0.999999',
    isIncludedInPrice: false,
  }))

  test.each([
    ['as it was filled', many],
    ['after its prices rose', many.map((line) => ({ ...line, unitPriceMinor: Number.MAX_SAFE_INTEGER }))],
  ])('%s comes to amounts that can be told to the cent, and says which lines hold less', (_, offered) => {
    const basket = basketOf(many, offering(...offered.map((line) => ({ ...line, available: 1_000_000 }))), 'EUR')
    const pricing = priceOf(
      basket,
      { chosen: option, current: option },
      { rates: dear, place: { countryCode: 'US', region: null } },
    )
    const { subtotal, taxTotal, total, totalWeightGrams, problems } = pricing
    for (const money of [subtotal, taxTotal, total]) expect(() => toDecimal(money)).not.toThrow()
    expect(totalWeightGrams).toBeLessThanOrEqual(2_147_483_647)
    expect(problems.filter(({ __typename }) => __typename === 'LineQuantityReduced')).toHaveLength(100)
  })
})

test('what became an order, went into another cart or was given up stays so', () => {
  expect(next.CONVERTED).toEqual([])
  expect(next.MERGED).toEqual([])
  expect(next.ABANDONED).toEqual([])
})
