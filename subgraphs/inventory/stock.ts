import type { Availability } from './schema.generated.ts'
import type { LocationRow, MovementRow, StockLevelRow, VariantRow } from './tables.ts'

type Counter = 'onHand' | 'reserved' | 'committed'
type Counters = Pick<StockLevelRow, Counter>

/** What one unit of a movement adds to each counter. A shipment's quantity is negative: its units left. */
export const effects = {
  RESTOCK: { onHand: 1, reserved: 0, committed: 0 },
  ADJUST: { onHand: 1, reserved: 0, committed: 0 },
  RETURN: { onHand: 1, reserved: 0, committed: 0 },
  TRANSFER: { onHand: 1, reserved: 0, committed: 0 },
  RESERVE: { onHand: 0, reserved: 1, committed: 0 },
  RELEASE: { onHand: 0, reserved: -1, committed: 0 },
  EXPIRE: { onHand: 0, reserved: -1, committed: 0 },
  COMMIT: { onHand: 0, reserved: -1, committed: 1 },
  UNCOMMIT: { onHand: 0, reserved: 0, committed: -1 },
  SHIP: { onHand: 1, reserved: 0, committed: 1 },
} as const satisfies Record<MovementRow['kind'], Counters>

/** Units that can be sold. */
export const available = ({ onHand, reserved, committed }: Counters): number => onHand - reserved - committed

/** Counters of several locations together. */
export function totals(levels: readonly Counters[]): Counters {
  const sum = (counter: Counter) => levels.reduce((units, level) => units + level[counter], 0)
  return { onHand: sum('onHand'), reserved: sum('reserved'), committed: sum('committed') }
}

/** What shoppers see instead of numbers. `levels` are those of the locations that orders are filled from. */
export function availability(
  levels: readonly Counters[],
  { lowStockThreshold }: Pick<VariantRow, 'lowStockThreshold'>,
): Availability {
  const units = available(totals(levels))
  if (units <= 0) return 'OUT_OF_STOCK'
  return units <= lowStockThreshold ? 'LOW_STOCK' : 'IN_STOCK'
}

export interface Units {
  variantId: string
  quantity: number
}

/** Units of a variant at a location. */
export interface Placed extends Units {
  locationId: string
}

/** A location's level with the location's place in the order that orders are filled in. */
export type RankedLevel = StockLevelRow & Pick<LocationRow, 'priority'>

/** A line that cannot be filled. `index` is its place among those asked for. */
export interface Shortage extends Units {
  index: number
  available: number
}

/**
 * Where the units of each line come from: one location if one has them all, the first by priority; otherwise split, by
 * priority. Each variant stands in one line only. Every line that cannot be filled is a shortage.
 */
export function allocate(
  lines: readonly Units[],
  levels: readonly RankedLevel[],
): { allocations: Placed[]; shortages: Shortage[] } {
  const ranked = levels.toSorted((a, b) => a.priority - b.priority || (a.locationId < b.locationId ? -1 : 1))
  const allocations: Placed[] = []
  const shortages: Shortage[] = []
  for (const [index, { variantId, quantity }] of lines.entries()) {
    const mine = ranked.filter((level) => level.variantId === variantId && available(level) > 0)
    const units = available(totals(mine))
    if (units < quantity) {
      shortages.push({ index, variantId, quantity, available: units })
      continue
    }
    const whole = mine.find((level) => available(level) >= quantity)
    let missing = quantity
    for (const level of whole ? [whole] : mine) {
      const taken = Math.min(missing, available(level))
      if (taken > 0) allocations.push({ variantId, locationId: level.locationId, quantity: taken })
      missing -= taken
    }
  }
  return { allocations, shortages }
}
