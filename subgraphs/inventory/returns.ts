import { and, eq, sql } from 'drizzle-orm'
import { z } from 'zod'
import type { Context } from '#platform/context.ts'
import type { Db } from '#platform/database.ts'
import { idempotent } from '#platform/idempotency.ts'
import { givenId } from '#platform/ids.ts'
import { Rejection, inputPath, parseInput, type UserError } from '#platform/user-errors.ts'
import type { Service } from '#platform/viewer.ts'
import { tellRestocked } from './back-in-stock.ts'
import { openLevels, rejectOverfull } from './bookings.ts'
import { wantedLines } from './placement.ts'
import { linesOf, lockSale } from './sales.ts'
import type { StockReturnInput } from './schema.generated.ts'
import { lockLevels, moveStock, tellStockChanged, type Move } from './stock-levels.ts'
import type { Units } from './stock.ts'
import { idempotencyKeys, reservationLines, type ReservationLineRow } from './tables.ts'

const returnInput = z.object({
  orderId: givenId,
  reference: z.uuid('A return or shipment is named by its id.'),
  locationId: givenId,
  lines: wantedLines,
  restock: z.boolean(),
})

/** Books in units of an order that came back; into stock only if they can be sold again. */
export async function returnStock(ctx: Context, service: Service, input: StockReturnInput) {
  const { orderId, reference, locationId, lines, restock } = parseInput(returnInput, input)
  const keyed = { scope: `stockReturn ${service.name}`, key: input.idempotencyKey, request: input }
  const { reply, isReplay } = await idempotent(ctx, idempotencyKeys, keyed, async (tx) => {
    const sold = await linesOf(tx, await lockSale(tx, orderId))
    rejectNotOut(sold, lines)
    await noteReturned(tx, sold, lines)
    if (!restock) return []
    const places = lines.map(({ variantId }) => ({ variantId, locationId, path: [] }))
    const known = await openLevels(tx, places)
    const moves = lines.map((line): Move => ({ ...line, locationId, kind: 'RETURN', reference }))
    const lineOf = places.map((place, index) => ({ ...place, path: ['lines', index] }))
    rejectOverfull(await lockLevels(tx, [...known.keys()]), moves, lineOf)
    await moveStock(tx, ctx, moves)
    return lines
  })
  if (!isReplay) {
    await tellStockChanged(ctx, reply)
    await tellRestocked(ctx)
  }
  return { ok: true, isReplay }
}

const out = ({ shipped, returned }: ReservationLineRow): number => shipped - returned

/** @throws Rejection for every line of which so much is not with the customer. */
function rejectNotOut(sold: readonly ReservationLineRow[], lines: readonly Units[]): void {
  const errors = lines.flatMap(({ variantId, quantity }, index): UserError[] => {
    const mine = sold.filter((line) => line.variantId === variantId)
    if (mine.length === 0) {
      const field = inputPath(['lines', index, 'variantId'])
      return [{ code: 'NOT_FOUND', message: 'The order has none of it.', field }]
    }
    if (mine.reduce((units, line) => units + out(line), 0) >= quantity) return []
    const field = inputPath(['lines', index, 'quantity'])
    const message = 'So many are not with the customer.'
    const states = { fromState: 'RETURNED', toState: 'RETURNED', allowed: [] }
    return [{ __typename: 'StateTransitionError', code: 'STATE_TRANSITION', message, field, ...states }]
  })
  if (errors.length > 0) throw new Rejection(errors)
}

async function noteReturned(tx: Db, sold: readonly ReservationLineRow[], lines: readonly Units[]): Promise<void> {
  for (const { variantId, quantity } of lines) {
    let missing = quantity
    for (const line of sold.filter((each) => each.variantId === variantId)) {
      const back = Math.min(missing, out(line))
      missing -= back
      if (back === 0) continue
      await tx
        .update(reservationLines)
        .set({ returned: sql`${reservationLines.returned} + ${back}` })
        .where(
          and(
            eq(reservationLines.reservationId, line.reservationId),
            eq(reservationLines.variantId, variantId),
            eq(reservationLines.locationId, line.locationId),
          ),
        )
    }
  }
}
