import { describe, expect, test, vi } from 'vitest'
import { demoId } from '#platform/ids.ts'
import { discountsOn, type Discountable } from './discount.ts'
import { NOW, amountOff, buyGet, freeShipping, percentOff } from './pricing.fixture.ts'
import { distinctCodes, untilNextTurnMs, type Candidate } from './promotion.ts'

const day = (days: number) => new Date(NOW.getTime() + days * 86_400_000)
const TOPS = demoId('category/tops')

const line = (id: string, unitPriceMinor: number, quantity = 1, categoryIds: string[] = []): Discountable => ({
  id,
  unitPriceMinor,
  quantity,
  categoryIds,
})

function taken(items: readonly Discountable[], promotions: readonly Candidate[], codes: string[] = [], shipping = 490) {
  const amountMinor = items.reduce((sum, { unitPriceMinor, quantity }) => sum + unitPriceMinor * quantity, 0)
  const cart = { subtotal: { amountMinor, currency: 'EUR' }, shippingMinor: shipping }
  return discountsOn(items, cart, { promotions, codes, now: NOW })
}
const listed = ({ discounts }: ReturnType<typeof taken>) =>
  discounts.map(({ promotion, amount: { amountMinor }, lineId }) => [promotion.kind, amountMinor, lineId])

describe('what a promotion takes off', () => {
  test('a part of the whole cart is split among its lines to the last cent', () => {
    const result = taken([line('a', 333), line('b', 333), line('c', 334)], [percentOff('10.0000')])
    expect(result.offMinor).toEqual([33, 33, 34])
    expect(listed(result)).toEqual([['PERCENT_OFF', 100, null]])
  })

  test('parts have decimals, and all of it can be taken off', () => {
    expect(taken([line('a', 20_000)], [percentOff('12.3450')]).offMinor).toEqual([2_469])
    expect(taken([line('a', 99, 3), line('b', 1)], [percentOff('100.0000')]).offMinor).toEqual([297, 1])
  })

  test('an amount is never more than the goods cost', () => {
    expect(taken([line('a', 3_000), line('b', 1_000)], [amountOff(1_000)]).offMinor).toEqual([750, 250])
    const all = taken([line('a', 300), line('b', 100)], [amountOff(1_000)])
    expect(all.offMinor).toEqual([300, 100])
    expect(listed(all)).toEqual([['AMOUNT_OFF', 400, null]])
  })

  test('the cheapest units are free, once for each time enough are bought', () => {
    const items = [line('dear', 900, 3), line('cheap', 200, 2), line('middle', 500)]
    expect(taken(items.slice(0, 1), [buyGet(2, 1)]).offMinor).toEqual([900])
    const result = taken(items, [buyGet(1, 1)])
    expect(result.offMinor).toEqual([0, 400, 500])
    expect(listed(result)).toEqual([
      ['BUY_X_GET_Y', 400, 'cheap'],
      ['BUY_X_GET_Y', 500, 'middle'],
    ])
    expect(taken([line('a', 900)], [buyGet(1, 1)]).discounts).toEqual([])
  })

  test('the delivery is free, which is listed and is no discount of a line', () => {
    const result = taken([line('a', 900)], [freeShipping()])
    expect(result).toMatchObject({ offMinor: [0], shippingOffMinor: 490 })
    expect(listed(result)).toEqual([['FREE_SHIPPING', 490, null]])
    expect(taken([line('a', 900)], [freeShipping()], [], 0).discounts).toEqual([])
  })

  test('limited to categories it leaves other goods alone, and says which lines it is for', () => {
    const items = [line('tee', 1_000, 1, [TOPS, demoId('category/clothing')]), line('mug', 1_000)]
    for (const promotion of [percentOff('50', { categoryIds: [TOPS] }), amountOff(500, { categoryIds: [TOPS] })]) {
      const result = taken(items, [promotion])
      expect(result.offMinor).toEqual([500, 0])
      expect(listed(result)).toEqual([[promotion.kind, 500, 'tee']])
    }
    expect(taken(items, [buyGet(1, 1, { categoryIds: [TOPS] })]).discounts).toEqual([])
    expect(taken(items.slice(1), [freeShipping({ categoryIds: [TOPS] })]).discounts).toEqual([])
  })

  test('is taken from what others left: free units first, then parts, then amounts, in whatever order they come', () => {
    const items = [line('a', 1_000, 2)]
    const all = [amountOff(100), percentOff('50'), buyGet(1, 1)]
    for (const promotions of [all, all.toReversed()]) {
      expect(listed(taken(items, promotions))).toEqual([
        ['BUY_X_GET_Y', 1_000, 'a'],
        ['PERCENT_OFF', 500, null],
        ['AMOUNT_OFF', 100, null],
      ])
    }
  })
})

describe('a code', () => {
  const why = (values: Partial<Candidate>, items = [line('a', 1_000)]) => {
    const promotion = percentOff('10', { code: 'Spring', ...values })
    const { discountCodes, discounts } = taken(items, [promotion], ['SPRING'])
    expect(discounts).toEqual([])
    return discountCodes[0]!
  }

  test('counts in upper and lower case alike', () => {
    const { discountCodes, offMinor } = taken([line('a', 1_000)], [percentOff('10', { code: 'Spring' })], ['sPRING'])
    expect(offMinor).toEqual([100])
    expect(discountCodes).toEqual([{ code: 'sPRING', isApplicable: true, reason: null }])
  })

  test.each([
    ['it is switched off', { isActive: false }, /no such code/],
    ['it has not begun', { startsAt: day(1) }, /not begun/],
    ['it ended', { endsAt: NOW }, /ended/],
    ['it is used up', { usageLimit: 3, usageCount: 3 }, /used up/],
    ['this buyer used it', { perCustomerLimit: 1, usedByCustomer: 1 }, /used this offer/],
    ['the goods are too few', { minimumSubtotalMinor: 1_001 }, /10\.01 EUR or more/],
    ['the goods are others', { categoryIds: [TOPS] }, /other goods/],
  ])('that does not count because %s says so', (_why, values, reason) => {
    expect(why(values)).toEqual({ code: 'SPRING', isApplicable: false, reason: expect.stringMatching(reason) })
  })

  test('that nobody knows, or that takes nothing off, says so', () => {
    expect(taken([line('a', 1_000)], [], ['?']).discountCodes).toEqual([
      { code: '?', isApplicable: false, reason: 'There is no such code.' },
    ])
    expect(why({}, []).reason).toMatch(/nothing off/)
    const shipping = taken([line('a', 1_000)], [freeShipping({ code: 'SHIP' })], ['ship'], 0)
    expect(shipping.discountCodes[0]!.reason).toMatch(/no delivery to pay/)
  })

  test('counts within its time and its limits', () => {
    const just = { startsAt: NOW, endsAt: day(1), usageLimit: 2, usageCount: 1, perCustomerLimit: 2, usedByCustomer: 1 }
    expect(taken([line('a', 1_000)], [percentOff('10', { ...just, minimumSubtotalMinor: 1_000 })]).offMinor).toEqual([
      100,
    ])
  })
})

test('the next turn is when the first of all offers begins or ends that have not yet', () => {
  const offers = [
    freeShipping({ startsAt: day(-2), endsAt: day(2) }),
    freeShipping({ startsAt: day(1), endsAt: day(3) }),
    freeShipping(),
  ]
  expect(untilNextTurnMs(offers, NOW)).toBe(86_400_000)
  expect(untilNextTurnMs(offers.slice(2), NOW)).toBe(Infinity)
})

describe('codes', () => {
  test('that differ only in upper and lower case are one, as it was first entered', () => {
    expect(distinctCodes(['Summer', 'fig', 'SUMMER', 'FIG', 'linen'])).toEqual(['Summer', 'fig', 'linen'])
  })

  test('are each looked at once, however many somebody sends', () => {
    const looks = vi.spyOn(String.prototype, 'toUpperCase')
    try {
      distinctCodes(Array.from({ length: 1_000 }, (_, index) => `code-${index}`))
      expect(looks).toHaveBeenCalledTimes(1_000)
    } finally {
      looks.mockRestore()
    }
  })
})
