import { available, effects, type Placed, type Units } from './stock.ts'
import type { LocationRow, MovementRow, StockLevelRow } from './tables.ts'
import type { ReservationStatus } from './reservation.ts'

// The rules of stock once more, one command after another: what random commands on the real one are held against.

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

/** A command as the tests name it; `checkout` stands for its order too. */
export type Command =
  | { name: 'restock'; variant: string; location: string; quantity: number }
  | { name: 'adjust'; variant: string; location: string; delta: number }
  | { name: 'set'; variant: string; location: string; quantity: number; isStale: boolean }
  | { name: 'transfer'; variant: string; from: string; to: string; quantity: number }
  | { name: 'reserve'; checkout: string; attempt: number; lines: Units[] }
  | { name: 'extend' | 'commit'; checkout: string }
  | { name: 'release'; checkout: string; attempt: number }
  | { name: 'sweep' }
  | { name: 'ship'; checkout: string; variant: string; location: string; quantity: number }
  | { name: 'return'; checkout: string; variant: string; location: string; quantity: number; restock: boolean }

interface Hold {
  checkout: string
  attempt: number
  status: ReservationStatus
  isSold: boolean
  lines: (Placed & { shipped: number; returned: number })[]
}

/** The stock as it should be, and the alerts of what is low. */
export class StockModel {
  readonly levels: RankedLevel[]
  readonly holds: Hold[] = []
  readonly alerts: { variantId: string; locationId: string; isOpen: boolean }[] = []
  readonly #threshold: number

  constructor(levels: readonly RankedLevel[], threshold: number) {
    this.levels = levels.map((level) => ({ ...level }))
    this.#threshold = threshold
  }

  level(variantId: string, locationId: string): RankedLevel {
    return this.levels.find((each) => each.variantId === variantId && each.locationId === locationId)!
  }

  /** Carries a command out. @returns the code it is refused with; null when it is done. */
  run(command: Command): string | null {
    const before = this.levels.map(available)
    const code = this.#run(command)
    for (const [index, level] of this.levels.entries()) this.#watch(level, available(level) - before[index]!)
    return code
  }

  // Raised by what takes units and leaves few, unless one is open; closed by what brings enough.
  #watch(level: RankedLevel, gained: number): void {
    const { variantId, locationId } = level
    const isLow = available(level) <= this.#threshold
    const open = this.alerts.find(
      (alert) => alert.isOpen && alert.variantId === variantId && alert.locationId === locationId,
    )
    if (gained < 0 && isLow && !open) this.alerts.push({ variantId, locationId, isOpen: true })
    if (gained > 0 && !isLow && open) open.isOpen = false
  }

  #run(command: Command): string | null {
    switch (command.name) {
      case 'restock':
        return this.#move('RESTOCK', { ...at(command), quantity: command.quantity })
      case 'adjust':
        return this.#take(command.variant, command.location, command.delta, 'ADJUST')
      case 'set': {
        if (command.isStale) return 'CONFLICT'
        const { onHand } = this.level(command.variant, command.location)
        return this.#take(command.variant, command.location, command.quantity - onHand, 'ADJUST')
      }
      case 'transfer':
        return (
          this.#take(command.variant, command.from, -command.quantity, 'TRANSFER') ??
          this.#take(command.variant, command.to, command.quantity, 'TRANSFER')
        )
      case 'reserve':
        return this.#reserve(command.checkout, command.attempt, command.lines)
      case 'extend':
        return this.#refused(this.#newest(command.checkout), ['HELD'])
      case 'commit':
        return this.#commit(this.#newest(command.checkout))
      case 'release':
        return this.#release(command.checkout, command.attempt)
      case 'sweep':
        for (const hold of this.holds.filter(({ status }) => status === 'HELD')) this.#undo(hold, 'EXPIRED')
        return null
      case 'ship':
        return this.#ship(command)
      case 'return':
        return this.#return(command)
    }
  }

  #move(kind: MovementRow['kind'], { variantId, locationId, quantity }: Placed): null {
    const level = this.level(variantId, locationId)
    for (const counter of ['onHand', 'reserved', 'committed'] as const)
      level[counter] += effects[kind][counter] * quantity
    return null
  }

  #take(variantId: string, locationId: string, quantity: number, kind: 'ADJUST' | 'TRANSFER'): string | null {
    if (available(this.level(variantId, locationId)) + quantity < 0) return 'INSUFFICIENT_STOCK'
    return this.#move(kind, { variantId, locationId, quantity })
  }

  #newest(checkout: string): Hold | undefined {
    return this.holds.filter((hold) => hold.checkout === checkout).toSorted((a, b) => b.attempt - a.attempt)[0]
  }

  #refused(hold: Hold | undefined, from: readonly ReservationStatus[]): string | null {
    if (!hold) return 'NOT_FOUND'
    return from.includes(hold.status) ? null : 'STATE_TRANSITION'
  }

  #reserve(checkout: string, attempt: number, lines: readonly Units[]): string | null {
    if (this.holds.some((hold) => hold.checkout === checkout && hold.attempt === attempt)) return 'STATE_TRANSITION'
    const placed = this.#place(lines)
    if (!placed) return 'INSUFFICIENT_STOCK'
    this.holds.push({ checkout, attempt, status: 'HELD', isSold: false, lines: placed })
    return null
  }

  #place(lines: readonly Units[]): Hold['lines'] | null {
    const placed = lines.map((line) => allocate(line, this.levels))
    if (placed.includes(null)) return null
    const all = placed.flatMap((each) => each ?? [])
    for (const each of all) this.#move('RESERVE', each)
    return all.map((each) => ({ ...each, shipped: 0, returned: 0 }))
  }

  #commit(hold: Hold | undefined): string | null {
    if (!hold) return 'NOT_FOUND'
    if (hold.status === 'COMMITTED') return null
    if (hold.status === 'RELEASED') return 'STATE_TRANSITION'
    if (hold.status === 'EXPIRED') {
      const byVariant = Map.groupBy(hold.lines, ({ variantId }) => variantId)
      const wanted = [...byVariant].map(([variantId, parts]) => ({
        variantId,
        quantity: parts.reduce((units, { quantity }) => units + quantity, 0),
      }))
      const placed = this.#place(wanted)
      if (!placed) return 'INSUFFICIENT_STOCK'
      hold.lines = placed
    }
    for (const line of hold.lines) this.#move('COMMIT', line)
    Object.assign(hold, { status: 'COMMITTED', isSold: true })
    return null
  }

  #release(checkout: string, attempt: number): string | null {
    const hold = this.holds.find((each) => each.checkout === checkout && each.attempt === attempt)
    if (!hold) this.holds.push({ checkout, attempt, status: 'RELEASED', isSold: false, lines: [] })
    if (!hold || hold.status === 'RELEASED') return null
    if (hold.lines.some(({ shipped }) => shipped > 0)) return 'STATE_TRANSITION'
    this.#undo(hold, 'RELEASED')
    return null
  }

  #undo(hold: Hold, status: 'EXPIRED' | 'RELEASED'): void {
    const kind = hold.status === 'HELD' ? 'RELEASE' : 'UNCOMMIT'
    if (hold.status !== 'EXPIRED') for (const line of hold.lines) this.#move(kind, line)
    hold.status = status
  }

  #sale(checkout: string): Hold | string {
    const sale = this.holds
      .filter((hold) => hold.checkout === checkout && hold.isSold)
      .toSorted((a, b) => b.attempt - a.attempt)[0]
    return this.#refused(sale, ['COMMITTED']) ?? sale!
  }

  #ship({ checkout, variant, location, quantity }: Extract<Command, { name: 'ship' }>): string | null {
    const sale = this.#sale(checkout)
    if (typeof sale === 'string') return sale
    const line = sale.lines.find((each) => each.variantId === variant && each.locationId === location)
    if (!line) return 'NOT_FOUND'
    if (line.quantity - line.shipped < quantity) return 'STATE_TRANSITION'
    line.shipped += quantity
    return this.#move('SHIP', { variantId: variant, locationId: location, quantity: -quantity })
  }

  #return({ checkout, variant, location, quantity, restock }: Extract<Command, { name: 'return' }>): string | null {
    const sale = this.#sale(checkout)
    if (typeof sale === 'string') return sale
    const lines = sale.lines.filter((each) => each.variantId === variant)
    if (lines.length === 0) return 'NOT_FOUND'
    if (lines.reduce((units, line) => units + line.shipped - line.returned, 0) < quantity) return 'STATE_TRANSITION'
    let missing = quantity
    for (const line of lines) {
      const back = Math.min(missing, line.shipped - line.returned)
      line.returned += back
      missing -= back
    }
    return restock ? this.#move('RETURN', { variantId: variant, locationId: location, quantity }) : null
  }
}

const at = ({ variant, location }: { variant: string; location: string }) => ({
  variantId: variant,
  locationId: location,
})
