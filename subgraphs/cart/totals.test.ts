import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { demoId } from '#platform/ids.ts'
import type { Money } from '#platform/money.ts'
import { basketOf, priceOf, type Pricing } from './cart.ts'
import {
  NOW,
  aLine,
  amountOff,
  buyGet,
  freeShipping,
  offering,
  percentOff,
  standardDelivery,
} from './pricing.fixture.ts'
import type { Candidate } from './promotion.ts'
import type { TaxRate } from './tax.ts'

const CATEGORIES = [demoId('category/a'), demoId('category/b')]
const KINDS = ['standard', 'books', 'toys']

const line = fc.record({
  unitPriceMinor: fc.oneof(fc.nat({ max: 20 }), fc.nat({ max: 5_000_000 })),
  quantity: fc.integer({ min: 1, max: 20 }),
  taxCategory: fc.constantFrom(...KINDS),
  categoryIds: fc.subarray(CATEGORIES),
})
const categoryIds = fc.option(fc.subarray(CATEGORIES, { minLength: 1 }))
const percent = fc
  .tuple(fc.integer({ min: 0, max: 99 }), fc.integer({ min: 1, max: 10_000 }))
  .map(([whole, parts]) => ((whole * 10_000 + parts) / 10_000).toFixed(4))
const promotion: fc.Arbitrary<Candidate> = fc.oneof(
  fc.tuple(percent, categoryIds).map(([text, ids]) => percentOff(text, { categoryIds: ids })),
  fc
    .tuple(fc.integer({ min: 1, max: 100_000 }), categoryIds)
    .map(([minor, ids]) => amountOff(minor, { categoryIds: ids })),
  fc
    .tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 4 }), categoryIds)
    .map(([buy, free, ids]) => buyGet(buy, free, { categoryIds: ids })),
  categoryIds.map((ids) => freeShipping({ categoryIds: ids })),
)
// Some kinds of goods have a rate of their own, contained in their prices or not, beside others where it is otherwise.
// A region's come before the country's, in whichever letters.
const rates: fc.Arbitrary<TaxRate[]> = fc.uniqueArray(
  fc.record({
    countryCode: fc.constant('DE'),
    region: fc.constantFrom(null, 'Bayern'),
    taxCategory: fc.constantFrom(...KINDS),
    rate: fc
      .oneof(fc.constantFrom(0, 999_999), fc.integer({ min: 0, max: 499_999 }))
      .map((millionths) => (millionths / 1_000_000).toFixed(6)),
    isIncludedInPrice: fc.boolean(),
  }),
  { selector: ({ region, taxCategory }) => `${region} ${taxCategory}` },
)
const cart = fc.record({
  values: fc.array(line, { maxLength: 12 }),
  promotions: fc.array(promotion, { maxLength: 6 }),
  rates,
  shippingMinor: fc.nat({ max: 10_000 }),
  region: fc.constantFrom(null, 'bayern', 'BAYERN', 'Hessen'),
  // 0, 2, 3 and 4 decimals.
  currency: fc.constantFrom('JPY', 'EUR', 'BHD', 'KWD', 'CLF'),
})
// Every kind at once, and more.
const everyKind: typeof cart = cart.chain((given) =>
  fc
    .tuple(percent, fc.integer({ min: 1, max: 100_000 }), fc.integer({ min: 1, max: 4 }))
    .map(([text, minor, units]) => [buyGet(units, 1), percentOff(text), amountOff(minor), freeShipping()])
    .map((promotions) => ({ ...given, promotions: [...promotions, ...given.promotions] })),
)

type Given = typeof cart extends fc.Arbitrary<infer T> ? T : never

const sum = (amounts: readonly Money[]): number => amounts.reduce((total, { amountMinor }) => total + amountMinor, 0)

function pricingOf({ values, promotions, rates, shippingMinor, region, currency }: Given): Pricing {
  const lines = values.map((value, index) => ({ ...aLine(`line-${index}`, value), categoryIds: value.categoryIds }))
  const delivery = standardDelivery(shippingMinor, currency)
  return priceOf(
    basketOf(lines, offering(...lines), currency),
    { chosen: delivery, current: delivery },
    { rates, place: { countryCode: 'DE', region } },
    {
      promotions: promotions.map((each, index) => ({ ...each, id: demoId(`promotion/${index}`) })),
      codes: [],
      now: NOW,
    },
  )
}

test('lines, discounts and taxes add up to the totals to the last unit, in every currency, whatever applies', () => {
  fc.assert(
    fc.property(fc.oneof(cart, everyKind), (given) => {
      const { lines, discounts, taxLines, ...totals } = pricingOf(given)
      const [subtotal, discount, shipping, tax, total] = [
        totals.subtotal,
        totals.discountTotal,
        totals.shippingTotal,
        totals.taxTotal,
        totals.total,
      ].map(({ amountMinor }) => amountMinor)
      expect(sum(lines.map(({ discountTotal }) => discountTotal))).toBe(discount)
      expect(sum(lines.map((each) => each.total))).toBe(subtotal! - discount!)
      const saved = given.shippingMinor - shipping!
      expect(sum(discounts.map(({ amount }) => amount))).toBe(discount! + saved)
      expect(sum(taxLines.map(({ amount }) => amount))).toBe(tax)
      const added = sum(taxLines.filter(({ isIncludedInPrice }) => !isIncludedInPrice).map(({ amount }) => amount))
      expect(total).toBe(subtotal! - discount! + shipping! + added)
      for (const money of [...lines.map((each) => each.total), ...discounts.map(({ amount }) => amount)]) {
        expect(money.amountMinor).toBeGreaterThanOrEqual(0)
        expect(money.currency).toBe(given.currency)
      }
      // What lines do not bear of the tax is the delivery's, and no more than the delivery costs.
      const shippingTax = tax! - sum(lines.map(({ taxTotal }) => taxTotal))
      expect(shippingTax).toBeGreaterThanOrEqual(0)
      expect(shippingTax).toBeLessThanOrEqual(shipping!)
    }),
    { numRuns: 500 },
  )
})

test('what is taken off a line is less than a unit away from its exact share', () => {
  fc.assert(
    fc.property(fc.array(line, { minLength: 1, maxLength: 12 }), percent, (values, text) => {
      const given = {
        values,
        promotions: [percentOff(text)],
        rates: [],
        shippingMinor: 0,
        region: null,
        currency: 'EUR' as const,
      }
      for (const { unitPrice, quantity, discountTotal } of pricingOf(given).lines) {
        const exact = (unitPrice.amountMinor * quantity * Number(text)) / 100
        // A unit for the split, half of one for the rounding of the whole.
        expect(Math.abs(discountTotal.amountMinor - exact)).toBeLessThan(1.5 + exact * 1e-9)
      }
    }),
  )
})

test('the tax on a line and on the delivery is a unit away, at most, from what its own rate says', () => {
  fc.assert(
    fc.property(fc.oneof(cart, everyKind), (given) => {
      const { lines, taxLines, shippingTotal, taxTotal } = pricingOf(given)
      const exact = (amountMinor: number, taxCategory: string): number => {
        const found = [given.region, null].flatMap((region) =>
          [taxCategory, 'standard'].flatMap((kind) =>
            given.rates.filter(
              (rate) => rate.taxCategory === kind && rate.region?.toLowerCase() === region?.toLowerCase(),
            ),
          ),
        )
        const [rate] = found
        if (!rate) return 0
        return (amountMinor * Number(rate.rate)) / (rate.isIncludedInPrice ? 1 + Number(rate.rate) : 1)
      }
      // A unit for the split, half of one for the rounding of the whole.
      const near = (tax: number, expected: number) =>
        expect(Math.abs(tax - expected)).toBeLessThan(1.5 + expected * 1e-9)
      lines.forEach(({ total, taxTotal: tax }, index) =>
        near(tax.amountMinor, exact(total.amountMinor, given.values[index]!.taxCategory)),
      )
      const ofLines = sum(lines.map(({ taxTotal: tax }) => tax))
      near(taxTotal.amountMinor - ofLines, exact(shippingTotal.amountMinor, 'standard'))
      for (const { amount } of taxLines) expect(amount.currency).toBe(given.currency)
    }),
    { numRuns: 500 },
  )
})
