import type { Money } from '#platform/money.ts'
import type { MethodRow } from './tables.ts'

const DAY_MS = 86_400_000

export interface DeliveryOption {
  id: string
  name: string
  price: Money
  estimatedFrom: Date
  estimatedTo: Date
}

/** What a delivery costs: the base price, and so much for each begun kilogram; nothing from a subtotal on. */
export function priceOf(
  { basePrice, pricePerKg, freeAbove }: Pick<MethodRow, 'basePrice' | 'pricePerKg' | 'freeAbove'>,
  { weightGrams, subtotalMinor }: { weightGrams: number; subtotalMinor: number },
): number {
  if (freeAbove !== null && subtotalMinor >= freeAbove) return 0
  return basePrice + pricePerKg * Math.ceil(weightGrams / 1000)
}

/** The options that methods give for some goods, cheapest first. */
export function optionsFrom(
  methods: readonly Omit<MethodRow, 'createdAt' | 'updatedAt'>[],
  goods: { weightGrams: number; subtotalMinor: number },
  now: Date,
): DeliveryOption[] {
  return methods
    .map((method) => ({
      id: method.id,
      name: method.name,
      price: { amountMinor: priceOf(method, goods), currency: method.currency },
      estimatedFrom: new Date(now.getTime() + method.minimumDays * DAY_MS),
      estimatedTo: new Date(now.getTime() + method.maximumDays * DAY_MS),
    }))
    .toSorted((a, b) => a.price.amountMinor - b.price.amountMinor || a.name.localeCompare(b.name))
}
