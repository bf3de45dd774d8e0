import { inputPath, type UserError, type UserErrorCode } from '#platform/user-errors.ts'
import { MAX_LINES, detailsOf, mostUnits, type Details, type Offer, type Offers } from './cart.ts'
import type { CartLineRow } from './tables.ts'

/** A line as it is to be kept. */
export type LineToKeep = Details & { quantity: number }

export interface Changes {
  keep: LineToKeep[]
  removeIds: string[]
  errors: UserError[]
}

type Held = Pick<CartLineRow, 'id' | 'variantId' | 'quantity'>

/**
 * Units put in on top of what is held. Units of one variant add up, whichever entries they come in. Every problem of the
 * input is found at once.
 */
export function addition(
  wanted: readonly { variantId: string; quantity: number }[],
  offers: NonNullable<Offers>,
  held: readonly Held[],
): Changes {
  const quantities = new Map(held.map(({ variantId, quantity }) => [variantId, quantity]))
  const keep = new Map<string, LineToKeep>()
  const errors: UserError[] = []
  wanted.forEach(({ variantId, quantity }, index) => {
    const offer = offers.get(variantId)
    if (quantity < 1) errors.push(error('INVALID', 'At least one unit.', index, 'quantity'))
    if (!offer) errors.push(error('NOT_FOUND', 'No such variant is for sale.', index, 'variantId'))
    if (quantity < 1 || !offer) return
    // What is there counts, not what was once asked for: a line shown as reduced is topped up from what it shows.
    const sum = Math.min(quantities.get(variantId) ?? 0, offer.available, mostUnits(offer)) + quantity
    quantities.set(variantId, sum)
    const tooMany = beyond(offer, sum, index)
    if (tooMany) errors.push(tooMany)
    keep.set(variantId, { ...detailsOf(offer), quantity: sum })
  })
  if (quantities.size > MAX_LINES) {
    errors.push({
      code: 'LIMIT_EXCEEDED',
      message: `A cart holds at most ${MAX_LINES} lines.`,
      field: inputPath(['lines']),
    })
  }
  return { keep: [...keep.values()], removeIds: [], errors }
}

/**
 * New quantities for lines held; 0 removes one, and of two entries for one line the last counts. When the catalogue cannot
 * be asked, a line keeps the details it has.
 */
export function update(
  wanted: readonly { lineId: string; quantity: number }[],
  offers: Offers,
  held: readonly CartLineRow[],
): Changes {
  const keep = new Map<string, LineToKeep>()
  const removeIds = new Set<string>()
  const errors: UserError[] = []
  wanted.forEach(({ lineId, quantity }, index) => {
    const line = held.find(({ id }) => id === lineId)
    if (!line) return errors.push(error('NOT_FOUND', 'No such line is in the cart.', index, 'lineId'))
    if (quantity < 0) return errors.push(error('INVALID', 'No fewer than 0 units.', index, 'quantity'))
    keep.delete(line.variantId)
    removeIds.delete(line.id)
    if (quantity === 0) return removeIds.add(line.id)
    const offer = offers ? offers.get(line.variantId) : { ...line, available: Infinity, categoryIds: null }
    if (!offer) return errors.push(error('NOT_FOUND', 'This variant is no longer for sale.', index, 'lineId'))
    const tooMany = beyond(offer, quantity, index)
    if (tooMany) return errors.push(tooMany)
    return keep.set(line.variantId, { ...detailsOf(offer), quantity })
  })
  return { keep: [...keep.values()], removeIds: [...removeIds], errors }
}

function beyond(offer: Offer, requested: number, index: number): UserError | null {
  const { variantId, available } = offer
  const most = mostUnits(offer)
  if (requested > most) return error('LIMIT_EXCEEDED', `A cart holds at most ${most} of it.`, index, 'quantity')
  if (requested <= available) return null
  const units = Math.max(available, 0)
  return {
    ...error('INSUFFICIENT_STOCK', units ? `Only ${units} can be bought now.` : 'It is sold out.', index, 'quantity'),
    __typename: 'InsufficientStockError',
    variant: { id: variantId },
    requested,
    available: units,
  }
}

const error = (code: UserErrorCode, message: string, index: number, field: string): UserError => ({
  code,
  message,
  field: inputPath(['lines', index, field]),
})
