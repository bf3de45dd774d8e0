import { includedTax, portion, split, type Money } from '#platform/money.ts'
import type { TaxRateRow } from './tables.ts'

/** Goods of a kind without a rate of its own, and the delivery, are taxed with this one. */
export const STANDARD = 'standard'

export type TaxRate = Pick<TaxRateRow, 'countryCode' | 'region' | 'taxCategory' | 'rate' | 'isIncludedInPrice'>

export interface Place {
  countryCode: string
  region: string | null
}

/** The parent of the GraphQL type `TaxLine`. */
export interface TaxLine {
  title: string
  /** A fraction: `0.19` is 19 %. */
  rate: string
  amount: Money
  isIncludedInPrice: boolean
}

/** The rate for a kind of goods in a place: the region's before the country's, the kind's own before the standard one. */
export function rateFor(
  rates: readonly TaxRate[],
  { countryCode, region }: Place,
  taxCategory: string,
): TaxRate | null {
  const regions = region ? [region.toUpperCase(), null] : [null]
  for (const place of regions) {
    for (const kind of [taxCategory, STANDARD]) {
      const rate = rates.find(
        (each) =>
          each.countryCode === countryCode &&
          (each.region?.toUpperCase() ?? null) === place &&
          each.taxCategory === kind,
      )
      if (rate) return rate
    }
  }
  return null
}

/**
 * The taxes on some amounts, one per rate, and what of them falls to each amount. A rate is applied to the sum of its
 * amounts, as an invoice states it, and then split by largest remainder: the shares add up to the tax to the last cent.
 */
export function taxes(
  amounts: readonly { amountMinor: number; rate: TaxRate | null }[],
  currency: string,
): { taxLines: TaxLine[]; sharesMinor: number[] } {
  const sharesMinor = amounts.map(() => 0)
  const taxLines: TaxLine[] = []
  const taxed = amounts.flatMap(({ amountMinor, rate }, index) =>
    rate && amountMinor ? [{ amountMinor, rate, index }] : [],
  )
  const groups = Map.groupBy(taxed, ({ rate }) => `${plain(rate.rate)} ${rate.isIncludedInPrice}`)
  for (const group of groups.values()) {
    const { rate, isIncludedInPrice } = group[0]!.rate
    const base = group.reduce((sum, { amountMinor }) => sum + amountMinor, 0)
    const taxMinor = isIncludedInPrice ? includedTax(base, rate) : portion(base, rate)
    const shares = split(
      taxMinor,
      group.map(({ amountMinor }) => amountMinor),
    )
    group.forEach(({ index }, position) => (sharesMinor[index] = shares[position]!))
    taxLines.push({
      title: `${isIncludedInPrice ? 'VAT' : 'Sales tax'} ${percent(rate)} %`,
      rate: plain(rate),
      amount: { amountMinor: taxMinor, currency },
      isIncludedInPrice,
    })
  }
  return { taxLines: taxLines.toSorted((a, b) => Number(b.rate) - Number(a.rate)), sharesMinor }
}

/** `0.190000` → `0.19` */
export const plain = (rate: string): string => (rate.includes('.') ? rate.replace(/\.?0+$/, '') : rate)

/** `0.08875` → `8.875`, exactly: shifted as text. */
function percent(rate: string): string {
  const [whole = '0', fraction = ''] = rate.split('.')
  const digits = `${whole}${fraction.padEnd(2, '0')}`
  const point = digits.length - Math.max(fraction.length, 2) + 2
  return plain(`${digits.slice(0, point)}.${digits.slice(point)}0`).replace(/^0+(?=\d)/, '')
}
