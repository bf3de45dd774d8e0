import type { Availability } from './schema.generated.ts'
import type { MovementRow, StockLevelRow, VariantRow } from './tables.ts'

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

/** Units of a variant at all locations together. Twice as many are still an `Int`, as sums are shown. */
export const MOST_ON_HAND = 1_000_000_000

/** Units that can be sold. */
export const available = ({ onHand, reserved, committed }: Counters): number => onHand - reserved - committed

/** Counters of several locations together. */
export function totals(levels: readonly Counters[]): Counters {
  const sum = (counter: Counter) => levels.reduce((units, level) => units + level[counter], 0)
  return { onHand: sum('onHand'), reserved: sum('reserved'), committed: sum('committed') }
}

/** What shoppers see instead of numbers. `units` are those that can be sold now. */
export function availability(
  units: number,
  { lowStockThreshold }: Pick<VariantRow, 'lowStockThreshold'>,
): Availability {
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
