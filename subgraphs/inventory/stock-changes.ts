import { z } from 'zod'
import type { Context } from '#platform/context.ts'
import { givenId } from '#platform/ids.ts'
import { inputPath, type UserError } from '#platform/user-errors.ts'
import { requireScope } from '#platform/viewer.ts'
import { bookMoves, rejectAny, shortage } from './bookings.ts'
import { variantOf } from './loaders.ts'
import { parsePlaced, type NamedPlace, type Place } from './places.ts'
import { MOST_ON_HAND } from './stock.ts'
import type { StockAdjustInput, StockRestockInput, StockSetInput, StockTransferInput } from './schema.generated.ts'

const MAX_UNITS = 1_000_000

const units = z.int().min(1, 'At least 1.').max(MAX_UNITS, 'At most 1,000,000.')
const reason = z.string().trim().max(500, 'A reason has at most 500 characters.')
const place = { variantId: givenId, locationId: givenId }

const eachPlaceOnce = (places: readonly { variantId: string; locationId: string }[]): boolean =>
  new Set(places.map(({ variantId, locationId }) => `${variantId} ${locationId}`)).size === places.length
const ONCE = 'Name each variant once per location.'

const restockInput = z.object({ ...place, quantity: units, reason: reason.nullish() })

/** Books in goods that arrived. */
export async function restock(ctx: Context, input: StockRestockInput) {
  requireScope(ctx.viewer, 'inventory:manage')
  const placeOf = (at: Place): NamedPlace[] => [{ ...at, path: [] }]
  const { quantity, reason: note, ...at } = await parsePlaced(ctx, restockInput, input, placeOf)
  const { movements, isReplay } = await bookMoves(ctx, 'stockRestock', input, placeOf(at), () => [
    { ...at, quantity, kind: 'RESTOCK', reason: note || null },
  ])
  return { productVariant: await variantOf(ctx).load(at.variantId), stockMovement: movements[0]!, isReplay }
}

const adjustInput = z.object({
  changes: z
    .array(
      z.object({
        ...place,
        delta: z
          .int()
          .min(-MAX_UNITS)
          .max(MAX_UNITS)
          .refine((delta) => delta !== 0, 'A change of 0 changes nothing.'),
      }),
    )
    .min(1, 'Name at least one change.')
    .max(100, 'At most 100 changes.')
    .refine(eachPlaceOnce, ONCE),
  reason: reason.min(1, 'Say why.'),
})

/** Corrects stock; all changes or none. */
export async function adjustStock(ctx: Context, input: StockAdjustInput) {
  requireScope(ctx.viewer, 'inventory:manage')
  const placesOf = ({ changes }: { changes: readonly Place[] }): NamedPlace[] =>
    changes.map((change, index) => ({ ...change, path: ['changes', index], unitsField: 'delta' }))
  const adjustment = await parsePlaced(ctx, adjustInput, input, placesOf)
  const { changes, reason: note } = adjustment
  return await bookMoves(ctx, 'stockAdjust', input, placesOf(adjustment), (shelves) => {
    rejectAny(changes.flatMap(({ delta }, index) => shortage(shelves[index]!, delta, ['changes', index])))
    return changes.map(({ delta, ...at }) => ({ ...at, quantity: delta, kind: 'ADJUST', reason: note }))
  })
}

const count = z.int().min(0, 'A count is 0 or more.').max(MOST_ON_HAND, 'At most 1,000,000,000.')
const setInput = z.object({
  targets: z
    .array(z.object({ ...place, quantity: count, changeFromQuantity: count }))
    .min(1, 'Name at least one target.')
    .max(100, 'At most 100 targets.')
    .refine(eachPlaceOnce, ONCE),
  reason: reason.min(1, 'Say why.'),
})

/** Sets stock to what was counted, where it still is what staff had read; all targets or none. */
export async function countStock(ctx: Context, input: StockSetInput) {
  requireScope(ctx.viewer, 'inventory:manage')
  const placesOf = (count: { targets: readonly Place[] }): NamedPlace[] =>
    count.targets.map((target, index) => ({ ...target, path: ['targets', index] }))
  const counted = await parsePlaced(ctx, setInput, input, placesOf)
  const { targets, reason: note } = counted
  return await bookMoves(ctx, 'stockSet', input, placesOf(counted), (shelves) => {
    rejectAny(
      targets.flatMap(({ quantity, changeFromQuantity }, index): UserError[] => {
        const shelf = shelves[index]!
        const { onHand } = shelf.level
        if (onHand === changeFromQuantity) return shortage(shelf, quantity - onHand, ['targets', index])
        const field = inputPath(['targets', index, 'changeFromQuantity'])
        return [{ code: 'CONFLICT', message: `There are ${onHand} by now. Count again.`, field }]
      }),
    )
    return targets.flatMap(({ quantity, changeFromQuantity, ...at }) =>
      quantity === changeFromQuantity
        ? []
        : [{ ...at, quantity: quantity - changeFromQuantity, kind: 'ADJUST' as const, reason: note }],
    )
  })
}

const transferInput = z
  .object({ variantId: givenId, fromLocationId: givenId, toLocationId: givenId, quantity: units })
  .refine(({ fromLocationId, toLocationId }) => fromLocationId !== toLocationId, {
    message: 'They are there already.',
    path: ['toLocationId'],
  })

type Way = Omit<z.output<typeof transferInput>, 'quantity'>

/** Moves units that are not promised to anybody from one location to another. */
export async function transferStock(ctx: Context, input: StockTransferInput) {
  requireScope(ctx.viewer, 'inventory:manage')
  const placesOf = ({ variantId, fromLocationId, toLocationId }: Way): NamedPlace[] => [
    { variantId, locationId: fromLocationId, path: [], locationField: 'fromLocationId' },
    { variantId, locationId: toLocationId, path: [], locationField: 'toLocationId' },
  ]
  const { quantity, ...way } = await parsePlaced(ctx, transferInput, input, placesOf)
  const from = { variantId: way.variantId, locationId: way.fromLocationId }
  const to = { variantId: way.variantId, locationId: way.toLocationId }
  return await bookMoves(ctx, 'stockTransfer', input, placesOf(way), ([shelf]) => {
    rejectAny(shortage(shelf!, -quantity, ['quantity']))
    return [
      { ...from, quantity: -quantity, kind: 'TRANSFER' },
      { ...to, quantity, kind: 'TRANSFER' },
    ]
  })
}
