import { z } from 'zod'
import { moneyIn, moneyOf } from '#platform/money-input.ts'
import { attributes } from './product.ts'
import type { Attribute } from './schema.generated.ts'
import type { VariantRow } from './tables.ts'

/** A cart of the largest quantity at this price is still an exact number of minor units. */
const MAX_PRICE_MINOR = 10_000_000_000
const MAX_QUANTITY = 10_000

const units = (least: number, most: number) =>
  z
    .int()
    .min(least, `At least ${least}.`)
    .max(most, `At most ${most.toLocaleString('en')}.`)
    .nullish()

const price = (currency: string) => moneyIn(currency, { most: MAX_PRICE_MINOR })

/** What a variant may be given. Undefined was left out. */
export const variantInput = (currency: string) =>
  z.object({
    sku: z
      .string()
      .trim()
      .regex(/^[\w.\-/+]{1,64}$/, 'An article number has 1 to 64 letters, digits or . - _ / +'),
    title: z.string().trim().max(200, 'A title has at most 200 characters.').nullish(),
    price: price(currency).optional(),
    compareAtPrice: price(currency).nullish(),
    options: attributes('options').nullish(),
    taxCategory: z
      .string()
      .regex(/^[a-z][a-z0-9_-]{0,49}$/, 'A kind of goods is a word such as standard.')
      .nullish(),
    weightGrams: units(0, 10_000_000),
    maxOrderQuantity: units(1, MAX_QUANTITY),
    lowStockThreshold: units(0, 1_000_000),
  })

export type VariantInput = z.output<ReturnType<typeof variantInput>>

type Given = Omit<VariantRow, 'id' | 'productId' | 'position' | 'createdAt' | 'updatedAt' | 'version'>

/** `Blue / M`, or the product's own name when there is nothing to choose. */
const titleOf = (options: readonly Attribute[], productName: string): string =>
  options.map(({ value }) => value).join(' / ') || productName

/** The value given; null clears to `initial`, what is left out stays as it was. */
const chosen = <T>(given: T | null | undefined, before: T | undefined, initial: T): T =>
  given === undefined ? (before ?? initial) : (given ?? initial)

/** A variant with what it was given; a new one has been given a price. */
export function withInput(
  { sku, price, compareAtPrice, options, title, ...input }: VariantInput,
  before: VariantRow | undefined,
  productName: string,
): Given {
  const selectedOptions = chosen<readonly Attribute[]>(options, before?.selectedOptions, [])
  // A title that was made from the options goes with them.
  const isMade = !before || before.title === titleOf(before.selectedOptions, productName)
  const kept = title === undefined && !isMade ? before.title : title
  return {
    sku,
    title: kept || titleOf(selectedOptions, productName).slice(0, 200),
    selectedOptions,
    priceMinor: price ? moneyOf(price).amountMinor : before!.priceMinor,
    compareAtMinor:
      compareAtPrice === undefined
        ? (before?.compareAtMinor ?? null)
        : compareAtPrice && moneyOf(compareAtPrice).amountMinor,
    taxCategory: chosen(input.taxCategory, before?.taxCategory, 'standard'),
    weightGrams: chosen(input.weightGrams, before?.weightGrams, 0),
    maxOrderQuantity: chosen(input.maxOrderQuantity, before?.maxOrderQuantity, 100),
    lowStockThreshold: chosen(input.lowStockThreshold, before?.lowStockThreshold, 5),
  }
}

type Choosing = Pick<VariantRow, 'selectedOptions'>

/** Options that all of these name and `chosen` does not. */
export function missingOptions(options: readonly Attribute[], others: readonly Choosing[]): string[] {
  const names = new Set(options.map(({ name }) => name))
  const first = others[0]?.selectedOptions.map(({ name }) => name) ?? []
  const shared = first.filter((name) =>
    others.every((other) => other.selectedOptions.some((each) => each.name === name)),
  )
  return shared.filter((name) => !names.has(name))
}

/** Whether two variants are the same choice, in whichever order. No choice at all is no other's. */
export function isSameChoice(a: readonly Attribute[], b: readonly Attribute[]): boolean {
  const keyOf = (options: readonly Attribute[]) =>
    options.map(({ name, value }) => JSON.stringify([name, value])).sort()
  return a.length > 0 && JSON.stringify(keyOf(a)) === JSON.stringify(keyOf(b))
}
