import { available, type Placed, type Units } from './stock.ts'
import type { LocationRow, StockLevelRow } from './tables.ts'

// The rules of stock once more, one thing after another: what random commands on the real one are held against.

/** A location's level with the location's place in the order that orders are filled in. */
export type RankedLevel = StockLevelRow & Pick<LocationRow, 'priority'>

/**
 * Where the units of a line come from: one location if one has them all, the first by priority; otherwise several, by
 * priority. Null when there are too few.
 */
export function allocate({ variantId, quantity }: Units, levels: readonly RankedLevel[]): Placed[] | null {
  const mine = levels
    .filter((level) => level.variantId === variantId && available(level) > 0)
    .toSorted((a, b) => a.priority - b.priority || (a.locationId < b.locationId ? -1 : 1))
  if (mine.reduce((units, level) => units + available(level), 0) < quantity) return null
  const whole = mine.find((level) => available(level) >= quantity)
  let missing = quantity
  const placed = (whole ? [whole] : mine).map(({ locationId, ...level }) => {
    const taken = Math.min(missing, available(level))
    missing -= taken
    return { variantId, locationId, quantity: taken }
  })
  return placed.filter((each) => each.quantity > 0)
}
