import { eq, getTableColumns, inArray } from 'drizzle-orm'
import type { Context } from '#platform/context.ts'
import type { Db } from '#platform/database.ts'
import { idempotent } from '#platform/idempotency.ts'
import { isId } from '#platform/ids.ts'
import { Rejection, inputPath, problem, type UserError } from '#platform/user-errors.ts'
import { client, requireScope } from '#platform/viewer.ts'
import { tellRestocked } from './back-in-stock.ts'
import { insufficient } from './placement.ts'
import { unknownPlaces, type NamedPlace, type Place } from './places.ts'
import { available, MOST_ON_HAND, totals } from './stock.ts'
import { lockLevels, moveStock, tellStockChanged, type Move } from './stock-levels.ts'
import {
  idempotencyKeys,
  locations,
  movements,
  products,
  stockLevels,
  variants,
  type MovementRow,
  type StockLevelRow,
  type VariantRow,
} from './tables.ts'

/** A variant's level at a place, locked, and the variant. */
export interface Shelf {
  level: StockLevelRow
  variant: VariantRow
}

/**
 * Books what staff do to the stock at `places`, all of it or nothing, once per key. `plan` says what moves from what is
 * there, and rejects what cannot be.
 * @throws Rejection NOT_FOUND for every unknown variant and location.
 */
export async function bookMoves(
  ctx: Context,
  command: string,
  input: { idempotencyKey: string },
  places: readonly NamedPlace[],
  plan: (shelves: readonly Shelf[]) => Pick<Move, 'variantId' | 'locationId' | 'quantity' | 'kind' | 'reason'>[],
): Promise<{ movements: MovementRow[]; isReplay: boolean }> {
  requireScope(ctx.viewer, 'inventory:manage')
  const who = client(ctx.viewer)
  const scope = `${command} ${who.kind} ${'id' in who ? who.id : ''}`
  const keyed = { scope, key: input.idempotencyKey, request: input }
  const { reply, isReplay } = await idempotent(ctx, idempotencyKeys, keyed, async (tx) => {
    const known = await openLevels(tx, places)
    const levels = await lockLevels(tx, [...known.keys()])
    const shelves = places.map((place) => ({
      level: levels.find(isAt(place))!,
      variant: known.get(place.variantId)!,
    }))
    // An API key is nobody's account.
    const actorId = who.kind === 'user' ? who.id : null
    const moves = plan(shelves).map((move): Move => ({ ...move, actorId }))
    rejectOverfull(levels, moves, places)
    const moved = await moveStock(tx, ctx, moves)
    return moves.map((move) => moved.find(isAt(move))!.id)
  })
  if (!isReplay) {
    await tellStockChanged(ctx, places)
    await tellRestocked(ctx)
  }
  const rows = await ctx.db.select().from(movements).where(inArray(movements.id, reply))
  return { movements: reply.map((id) => rows.find((row) => row.id === id)!), isReplay }
}

/**
 * Makes sure that there is a level to change at each place. Returns the variants.
 * @throws Rejection NOT_FOUND for every unknown variant and location.
 */
export async function openLevels(tx: Db, places: readonly NamedPlace[]): Promise<Map<string, VariantRow>> {
  const variantIds = places.map(({ variantId }) => variantId).filter(isId)
  const locationIds = places.map(({ locationId }) => locationId).filter(isId)
  // Nobody removes them until the transaction ends. Products first, as whoever does begins with them.
  const found = await tx
    .select({ variant: getTableColumns(variants) })
    .from(products)
    .innerJoin(variants, eq(variants.productId, products.id))
    .where(inArray(variants.id, variantIds))
    .orderBy(products.id, variants.id)
    .for('key share')
  const known = new Map(found.map(({ variant }) => [variant.id, variant]))
  const here = new Set(
    (await tx.select().from(locations).where(inArray(locations.id, locationIds))).map(({ id }) => id),
  )
  rejectAny(unknownPlaces(places, known, here))
  // Two who open the same levels wait for each other in one direction only.
  const inOrder = places
    .map(({ variantId, locationId }) => ({ variantId, locationId }))
    .toSorted((a, b) => (a.variantId + a.locationId < b.variantId + b.locationId ? -1 : 1))
  await tx.insert(stockLevels).values(inOrder).onConflictDoNothing()
  return known
}

const isAt = (place: Place) => (other: Place) =>
  other.variantId === place.variantId && other.locationId === place.locationId

/** The error of taking more than is there and not promised; none when it can be taken. */
export function shortage({ level, variant }: Shelf, delta: number, path: readonly (string | number)[]): UserError[] {
  const units = available(level)
  return units + delta >= 0 ? [] : [insufficient(variant, -delta, units, inputPath(path))]
}

/** @throws Rejection LIMIT_EXCEEDED, at each place that gets some, for every variant of which there would be too many. */
export function rejectOverfull(
  levels: readonly StockLevelRow[],
  moves: readonly Pick<Move, 'variantId' | 'locationId' | 'quantity'>[],
  places: readonly NamedPlace[],
): void {
  const overfull = [...Map.groupBy(moves, ({ variantId }) => variantId)].flatMap(([id, ofVariant]) => {
    const gained = ofVariant.reduce((units, { quantity }) => units + quantity, 0)
    const { onHand } = totals(levels.filter(({ variantId }) => variantId === id))
    return gained > 0 && onHand + gained > MOST_ON_HAND ? ofVariant.filter(({ quantity }) => quantity > 0) : []
  })
  const named = places.filter((place) => overfull.some(isAt(place)))
  const message = `There can be ${MOST_ON_HAND.toLocaleString('en')} of it at most.`
  rejectAny(named.map(({ path, unitsField = 'quantity' }) => problem('LIMIT_EXCEEDED', message, [...path, unitsField])))
}

/** @throws Rejection unless there are no errors. */
export function rejectAny(errors: readonly UserError[]): void {
  if (errors.length > 0) throw new Rejection(errors)
}
