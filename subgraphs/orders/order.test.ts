import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { allocateLines, allowedActions, canBecome, meanOf, statusByLines, withoutRefused } from './order.ts'

const line = (
  quantity: number,
  shippedQuantity = 0,
  deliveredQuantity = 0,
  cancelledQuantity = 0,
  returnedQuantity = 0,
) => ({
  quantity,
  shippedQuantity,
  deliveredQuantity,
  cancelledQuantity,
  returnedQuantity,
})

describe('an order follows its shipments', () => {
  test('stays confirmed while nothing left', () => {
    expect(statusByLines('CONFIRMED', [line(2), line(1)])).toBe('CONFIRMED')
  })

  test('is partially shipped until all of it left', () => {
    expect(statusByLines('CONFIRMED', [line(2, 2), line(1)])).toBe('PARTIALLY_SHIPPED')
    expect(statusByLines('PARTIALLY_SHIPPED', [line(2, 2), line(1, 1)])).toBe('SHIPPED')
  })

  test('is delivered once all of it arrived, units cancelled left out', () => {
    expect(statusByLines('SHIPPED', [line(2, 2, 2), line(2, 1, 1, 1)])).toBe('DELIVERED')
    expect(statusByLines('SHIPPED', [line(2, 2, 1)])).toBe('SHIPPED')
  })

  test('believes the news of an arrival that overtook the departure', () => {
    expect(statusByLines('CONFIRMED', [line(1, 0, 1)])).toBe('DELIVERED')
    expect(statusByLines('PARTIALLY_SHIPPED', [line(1, 1, 1), line(1, 0, 1)])).toBe('DELIVERED')
    expect(statusByLines('DELIVERED', [line(1, 1, 1)])).toBe('DELIVERED')
  })

  test('is returned once all of it came back, and partially once the rest has arrived', () => {
    expect(statusByLines('DELIVERED', [line(2, 2, 2, 0, 1), line(1, 1, 1)])).toBe('PARTIALLY_RETURNED')
    expect(statusByLines('PARTIALLY_RETURNED', [line(2, 2, 2, 0, 2), line(1, 1, 1, 0, 1)])).toBe('RETURNED')
    expect(statusByLines('COMPLETED', [line(2, 2, 2, 0, 1)])).toBe('PARTIALLY_RETURNED')
  })

  test('that could not be handed over comes back without having arrived', () => {
    expect(statusByLines('SHIPPED', [line(2, 2, 0, 0, 2), line(1, 1)])).toBe('SHIPPED')
    expect(statusByLines('SHIPPED', [line(2, 2, 0, 0, 2), line(1, 1, 1)])).toBe('PARTIALLY_RETURNED')
    expect(statusByLines('SHIPPED', [line(2, 2, 0, 0, 2)])).toBe('RETURNED')
  })

  test('never goes back', () => {
    expect(statusByLines('COMPLETED', [line(1, 1)])).toBe('COMPLETED')
    expect(canBecome('DELIVERED', 'SHIPPED')).toBe(false)
    expect(canBecome('CANCELLED', 'CONFIRMED')).toBe(false)
  })
})

describe('whatever is told of its lines in whatever order', () => {
  // Units of a line leave, and then arrive or come back; each news is about some of them.
  const parcel = fc.record({
    index: fc.nat(2),
    units: fc.integer({ min: 1, max: 3 }),
    fate: fc.constantFrom('GONE', 'ARRIVED', 'BACK', 'SENT_BACK'),
  })
  const counters = {
    GONE: ['shippedQuantity'],
    ARRIVED: ['shippedQuantity', 'deliveredQuantity'],
    BACK: ['shippedQuantity', 'returnedQuantity'],
    SENT_BACK: ['shippedQuantity', 'deliveredQuantity', 'returnedQuantity'],
  } as const

  /** News of parcels that hold no more than was bought; or all of it, so that every line comes to an end. */
  const news = fc.tuple(fc.array(parcel, { maxLength: 3 }), fc.boolean()).map(([parcels, isAll]) => {
    const left = [4, 4, 4]
    const rest = isAll ? left.map((units, index) => ({ index, units, fate: 'ARRIVED' as const })) : []
    return [...parcels, ...rest].flatMap(({ index, units, fate }) => {
      const quantity = Math.min(units, left[index]!)
      left[index]! -= quantity
      return quantity === 0 ? [] : counters[fate].map((counter) => ({ index, quantity, counter }))
    })
  })
  const follow = (told: readonly { index: number; quantity: number; counter: keyof ReturnType<typeof line> }[]) => {
    const lines = [line(4), line(4), line(4)]
    const states = told.map(({ index, quantity, counter }) => {
      lines[index]![counter] += quantity
      return lines.map((each) => ({ ...each }))
    })
    const passed: Parameters<typeof statusByLines>[0][] = ['CONFIRMED']
    for (const seen of states) passed.push(statusByLines(passed.at(-1)!, seen))
    return { status: passed.at(-1)!, passed, lines }
  }

  test('it only goes where the table lets it, and ends in the same state', () => {
    fc.assert(
      fc.property(
        news.chain((told) => fc.tuple(fc.constant(told), fc.shuffledSubarray(told, { minLength: told.length }))),
        ([told, shuffled]) => {
          const { status, passed, lines } = follow(told)
          for (const [index, to] of passed.slice(1).entries()) {
            const from = passed[index]!
            expect(to === from || canBecome(from, to), `${from} → ${to}`).toBe(true)
          }
          expect(follow(shuffled).status).toBe(status)
          const all = (counter: keyof ReturnType<typeof line>) => lines.reduce((sum, each) => sum + each[counter], 0)
          expect(status === 'RETURNED').toBe(all('returnedQuantity') === 12)
          expect(status === 'CONFIRMED').toBe(all('shippedQuantity') === 0)
          if (status === 'DELIVERED') expect([all('deliveredQuantity'), all('returnedQuantity')]).toEqual([12, 0])
        },
      ),
      { numRuns: 500 },
    )
  })
})

describe('allocations', () => {
  const lines = [
    { id: 'l1', variantId: 'v1', title: 'Mug', quantity: 3 },
    { id: 'l2', variantId: 'v2', title: 'Bag', quantity: 1 },
  ]
  const from = (variantId: string, locationId: string, quantity: number) => ({
    variantId,
    productId: 'p',
    locationId,
    quantity,
  })

  test('a line may leave from two places', () => {
    const sold = [from('v1', 'berlin', 2), from('v1', 'hamburg', 1), from('v2', 'berlin', 1)]
    expect(allocateLines(lines, sold)).toEqual([
      { orderLineId: 'l1', title: 'Mug', variantId: 'v1', locationId: 'berlin', quantity: 2 },
      { orderLineId: 'l1', title: 'Mug', variantId: 'v1', locationId: 'hamburg', quantity: 1 },
      { orderLineId: 'l2', title: 'Bag', variantId: 'v2', locationId: 'berlin', quantity: 1 },
    ])
  })

  test('two lines of one variant share what was sold of it', () => {
    const twice = [lines[0]!, { ...lines[0]!, id: 'l3', quantity: 1 }]
    expect(
      allocateLines(twice, [from('v1', 'berlin', 4)]).map(({ orderLineId, quantity }) => [orderLineId, quantity]),
    ).toEqual([
      ['l1', 3],
      ['l3', 1],
    ])
  })
})

describe('what can be done with an order', () => {
  const paid = { status: 'CONFIRMED' as const, totalMinor: 100, paidAt: new Date() }
  const buyer = { isBuyer: true, hasScope: () => false }
  const staffWith = (...scopes: string[]) => ({ isBuyer: false, hasScope: (scope: string) => scopes.includes(scope) })

  test('money that was taken can be given back by who may', () => {
    expect(allowedActions(paid, staffWith('payments:manage'), false)).toEqual(['REFUND'])
    expect(allowedActions(paid, staffWith('orders:read'), false)).toEqual([])
    expect(allowedActions({ ...paid, status: 'ON_HOLD' }, staffWith('payments:manage'), false)).toEqual(['REFUND'])
    expect(allowedActions({ ...paid, paidAt: null }, staffWith('payments:manage'), false)).toEqual([])
    expect(allowedActions({ ...paid, totalMinor: 0 }, staffWith('payments:manage'), false)).toEqual([])
  })

  test('it can be cancelled by its buyer and by who may, until it leaves', () => {
    for (const who of [buyer, staffWith('orders:manage')]) {
      expect(allowedActions(paid, who, false)).toContain('CANCEL')
      expect(allowedActions({ ...paid, status: 'ON_HOLD' }, who, false)).toContain('CANCEL')
      expect(allowedActions({ ...paid, status: 'PARTIALLY_SHIPPED' }, who, false)).not.toContain('CANCEL')
      expect(allowedActions({ ...paid, status: 'CANCELLED' }, who, false)).not.toContain('CANCEL')
    }
    expect(allowedActions(paid, staffWith('orders:read'), false)).toEqual([])
  })
})

test('what arrived can be sent back by its buyer', () => {
  const delivered = { status: 'DELIVERED' as const, totalMinor: 100, paidAt: new Date() }
  expect(allowedActions(delivered, { isBuyer: true, hasScope: () => false }, true)).toEqual(['RETURN', 'REORDER'])
  expect(allowedActions(delivered, { isBuyer: false, hasScope: () => false }, true)).toEqual([])
})

test('a mean is rounded half up, and there is none of nothing', () => {
  expect([meanOf(0, 0), meanOf(7, 2), meanOf(10, 3), meanOf(20, 3)]).toEqual([0, 4, 3, 7])
})

describe('lines that a cart would not take', () => {
  const lines = [{ quantity: 3 }, { quantity: 2 }, { quantity: 1 }]
  const at = (index: number, code: string, available?: number) => ({
    code,
    field: ['input', 'lines', String(index), 'quantity'],
    ...(available !== undefined && { available }),
  })

  test('are left out, or reduced to what there is', () => {
    expect(withoutRefused(lines, [at(0, 'INSUFFICIENT_STOCK', 2), at(1, 'INSUFFICIENT_STOCK', 0)])).toEqual([
      { quantity: 2 },
      { quantity: 1 },
    ])
    expect(withoutRefused(lines, [at(0, 'NOT_FOUND'), at(2, 'LIMIT_EXCEEDED')])).toEqual([{ quantity: 2 }])
  })

  test('of which there is enough are left out all the same: the cart holds some already', () => {
    expect(withoutRefused([{ quantity: 2 }], [at(0, 'INSUFFICIENT_STOCK', 5)])).toEqual([])
  })

  test('are not the trouble when the error names none of them', () => {
    expect(withoutRefused(lines, [{ code: 'STATE_TRANSITION', field: null }])).toBeNull()
    expect(withoutRefused(lines, [at(7, 'NOT_FOUND')])).toBeNull()
  })
})
