import { and, asc, desc, eq, inArray, lte, sql } from 'drizzle-orm'
import { z } from 'zod'
import type { Context } from '#platform/context.ts'
import type { Db } from '#platform/database.ts'
import { idempotent } from '#platform/idempotency.ts'
import { isId } from '#platform/ids.ts'
import { Rejection, inputPath, parseInput, reject, rejectTransition } from '#platform/user-errors.ts'
import type { Service } from '#platform/viewer.ts'
import { mayBecome, nextStatuses, type ReservationStatus } from './reservation.ts'
import type { StockReleaseInput, StockReservationExtendInput, StockReserveInput } from './schema.generated.ts'
import { allocate, type Placed, type Units } from './stock.ts'
import { lockLevels, mustMoveStock, tellStockChanged, type Move } from './stock-levels.ts'
import {
  idempotencyKeys,
  products,
  reservationLines,
  reservations,
  variants,
  type ReservationLineRow,
  type ReservationRow,
  type VariantRow,
} from './tables.ts'

const MAX_TTL_SECONDS = 86_400
const SWEEP_BATCH = 100

const checkoutId = z.uuid('A checkout is named by its id.')
const attempt = z.number().int().min(1, 'Attempts count from 1.')
const ttlSeconds = z.number().int().min(1).max(MAX_TTL_SECONDS, 'A hold lasts a day at most.')
export const lineInputs = z
  .array(
    z.object({
      variantId: z.string(),
      quantity: z.number().int().min(1, 'At least 1.').max(1_000_000, 'At most 1,000,000.'),
    }),
  )
  .min(1, 'Name at least one line.')
  .max(500, 'At most 500 lines.')
  .refine((lines) => new Set(lines.map(({ variantId }) => variantId)).size === lines.length, 'Name each variant once.')

const reserveInput = z.object({ checkoutId, attempt, ttlSeconds: ttlSeconds.nullish(), lines: lineInputs })

/** Holds units for an attempt of a checkout, every line or none, for `ttlSeconds` (default 900). */
export async function reserveStock(ctx: Context, service: Service, input: StockReserveInput) {
  const { lines, ttlSeconds: ttl, ...hold } = parseInput(reserveInput, input)
  return await carryOut(ctx, `stockReserve ${service.name}`, input, async (tx) => {
    const at = ctx.now()
    const [reservation] = await tx
      .insert(reservations)
      .values({ ...hold, status: 'HELD', expiresAt: later(at, ttl ?? 900), createdAt: at, updatedAt: at })
      .onConflictDoNothing()
      .returning()
    // Undone before it arrived: the tombstone, or the hold of somebody with another key, stays as it is.
    if (!reservation) return rejectMove(await lockAttempt(tx, hold.checkoutId, hold.attempt), 'HELD')
    return { id: reservation.id, changed: await holdUnits(tx, ctx, reservation, lines, ['lines']) }
  })
}

/** Lets a hold last for `ttlSeconds` from now. */
export async function extendReservation(ctx: Context, service: Service, input: StockReservationExtendInput) {
  const asked = parseInput(z.object({ checkoutId, ttlSeconds }), input)
  return await carryOut(ctx, `stockReservationExtend ${service.name}`, input, async (tx) => {
    const reservation = await lockNewest(tx, asked.checkoutId)
    if (reservation.status !== 'HELD') rejectMove(reservation, 'HELD')
    await change(tx, ctx, reservation, { expiresAt: later(ctx.now(), asked.ttlSeconds) })
    return { id: reservation.id, changed: [] }
  })
}

const undoOf = { HELD: 'RELEASE', COMMITTED: 'UNCOMMIT', EXPIRED: null, RELEASED: null } as const

/**
 * Lets go of what an attempt holds, or of what it sold while nothing of it was shipped. For an attempt that has not
 * arrived yet it leaves a tombstone, so that it comes to nothing.
 */
export async function releaseStock(ctx: Context, service: Service, input: StockReleaseInput) {
  const asked = parseInput(z.object({ checkoutId, attempt, reason: z.string().trim().max(500) }), input)
  return await carryOut(ctx, `stockRelease ${service.name}`, input, async (tx) => {
    const at = ctx.now()
    const [tombstone] = await tx
      .insert(reservations)
      .values({ ...asked, status: 'RELEASED', expiresAt: at, createdAt: at, updatedAt: at })
      .onConflictDoNothing()
      .returning()
    if (tombstone) return { id: tombstone.id, changed: [] }
    const reservation = await lockAttempt(tx, asked.checkoutId, asked.attempt)
    if (reservation.status === 'RELEASED') return { id: reservation.id, changed: [] }
    const lines = await linesOf(tx, [reservation.id])
    if (lines.some(({ shipped }) => shipped > 0)) {
      rejectTransition({ from: 'SHIPPED', to: 'RELEASED', allowed: [] }, ['checkoutId'])
    }
    const kind = undoOf[reservation.status]
    const changed = kind ? lines.map((line) => ({ ...units(line), kind, reference: asked.checkoutId })) : []
    await mustMoveStock(
      tx,
      ctx,
      changed.map((move) => ({ ...move, reason: asked.reason })),
    )
    await change(tx, ctx, reservation, { status: 'RELEASED' })
    return { id: reservation.id, changed }
  })
}

/** Lets go of holds whose time is up. Stands any number of processes at once: each takes rows nobody else has. */
export async function expireReservations(ctx: Pick<Context, 'db' | 'now' | 'live'>): Promise<void> {
  for (let count = SWEEP_BATCH; count === SWEEP_BATCH;) {
    const expired = await ctx.db.transaction(async (tx) => {
      const due = await tx
        .select()
        .from(reservations)
        .where(and(eq(reservations.status, 'HELD'), lte(reservations.expiresAt, ctx.now())))
        .orderBy(asc(reservations.expiresAt))
        .limit(SWEEP_BATCH)
        .for('update', { skipLocked: true })
      if (due.length === 0) return { count: 0, moves: [] }
      const ids = due.map(({ id }) => id)
      const checkoutOf = new Map(due.map((row) => [row.id, row.checkoutId]))
      const moves = (await linesOf(tx, ids)).map((line): Move => ({
        ...units(line),
        kind: 'EXPIRE',
        reference: checkoutOf.get(line.reservationId)!,
      }))
      await mustMoveStock(tx, ctx, moves)
      await tx
        .update(reservations)
        .set({ status: 'EXPIRED', updatedAt: ctx.now(), version: sql`version + 1` })
        .where(inArray(reservations.id, ids))
      return { count: due.length, moves }
    })
    await tellStockChanged(ctx, expired.moves)
    count = expired.count
  }
}

/**
 * Holds units under a reservation, every line or none.
 * @throws Rejection NOT_FOUND for variants not for sale, INSUFFICIENT_STOCK for each line that cannot be filled; their
 * fields are below `path`, or null without one.
 */
export async function holdUnits(
  tx: Db,
  ctx: Pick<Context, 'now'>,
  { id, checkoutId: reference }: ReservationRow,
  lines: readonly Units[],
  path: readonly string[] | null,
): Promise<Placed[]> {
  const fieldOf = (index: number, ...rest: string[]) => path && inputPath([...path, index, ...rest])
  const forSale = await variantsForSale(
    tx,
    lines.map(({ variantId }) => variantId),
  )
  const unknown = lines.flatMap(({ variantId }, index) => (forSale.has(variantId) ? [] : [index]))
  if (unknown.length > 0) {
    throw new Rejection(
      unknown.map((index) => ({
        code: 'NOT_FOUND',
        message: 'It is not for sale.',
        field: fieldOf(index, 'variantId'),
      })),
    )
  }
  const { allocations, shortages } = allocate(lines, await lockLevels(tx, [...forSale.keys()]))
  if (shortages.length > 0) {
    throw new Rejection(
      shortages.map(({ index, variantId, quantity, available }) => {
        const variant = forSale.get(variantId)!
        return insufficient(variant, quantity, Math.min(available, variant.maxOrderQuantity), fieldOf(index))
      }),
    )
  }
  await mustMoveStock(
    tx,
    ctx,
    allocations.map((placed) => ({ ...placed, kind: 'RESERVE', reference })),
  )
  await tx.insert(reservationLines).values(allocations.map((placed) => ({ ...placed, reservationId: id })))
  return allocations
}

/** An `InsufficientStockError`. */
export const insufficient = (
  variant: VariantRow,
  requested: number,
  available: number,
  field: readonly string[] | null,
) => ({
  __typename: 'InsufficientStockError',
  code: 'INSUFFICIENT_STOCK' as const,
  message: available > 0 ? `Only ${available} left.` : 'Sold out.',
  field,
  variant,
  requested,
  available,
})

async function variantsForSale(tx: Db, ids: readonly string[]): Promise<Map<string, VariantRow>> {
  const rows = await tx
    .select({ variant: variants })
    .from(variants)
    .innerJoin(products, and(eq(products.id, variants.productId), eq(products.status, 'ACTIVE')))
    .where(inArray(variants.id, ids.filter(isId)))
  return new Map(rows.map(({ variant }) => [variant.id, variant]))
}

/** Carries a command on a reservation out once per key and tells who watches the stock it changed. */
export async function carryOut(
  ctx: Context,
  scope: string,
  input: { idempotencyKey: string },
  run: (tx: Db) => Promise<{ id: string; changed: readonly Placed[] }>,
): Promise<{ stockReservation: ReservationRow; isReplay: boolean }> {
  const keyed = { scope, key: input.idempotencyKey, request: input }
  const { reply, isReplay } = await idempotent(ctx, idempotencyKeys, keyed, run)
  if (!isReplay) await tellStockChanged(ctx, reply.changed)
  const [stockReservation] = await ctx.db.select().from(reservations).where(eq(reservations.id, reply.id))
  return { stockReservation: stockReservation!, isReplay }
}

async function lockAttempt(tx: Db, checkout: string, number: number): Promise<ReservationRow> {
  const [reservation] = await tx
    .select()
    .from(reservations)
    .where(and(eq(reservations.checkoutId, checkout), eq(reservations.attempt, number)))
    .for('update')
  return reservation!
}

/** The hold of a checkout's newest attempt. @throws Rejection NOT_FOUND */
export async function lockNewest(tx: Db, checkout: string): Promise<ReservationRow> {
  const [reservation] = await tx
    .select()
    .from(reservations)
    .where(eq(reservations.checkoutId, checkout))
    .orderBy(desc(reservations.attempt))
    .limit(1)
    .for('update')
  return reservation ?? reject('NOT_FOUND', 'This checkout holds nothing.', ['checkoutId'])
}

/** @throws Rejection STATE_TRANSITION unless the hold may become `to`. */
export function assertMayBecome(reservation: ReservationRow, to: ReservationStatus): void {
  if (!mayBecome(reservation.status, to)) rejectMove(reservation, to)
}

function rejectMove({ status }: ReservationRow, to: ReservationStatus): never {
  rejectTransition({ from: status, to, allowed: nextStatuses[status] }, ['checkoutId'])
}

export async function change(
  tx: Db,
  { now }: Pick<Context, 'now'>,
  { id }: ReservationRow,
  values: Partial<Pick<ReservationRow, 'status' | 'orderId' | 'expiresAt'>>,
): Promise<void> {
  await tx
    .update(reservations)
    .set({ ...values, updatedAt: now(), version: sql`version + 1` })
    .where(eq(reservations.id, id))
}

export async function linesOf(tx: Db, reservationIds: readonly string[]): Promise<ReservationLineRow[]> {
  return await tx
    .select()
    .from(reservationLines)
    .where(inArray(reservationLines.reservationId, [...reservationIds]))
    .orderBy(reservationLines.variantId, reservationLines.locationId)
}

const units = ({ variantId, locationId, quantity }: ReservationLineRow): Placed => ({ variantId, locationId, quantity })

const later = (at: Date, seconds: number): Date => new Date(at.getTime() + seconds * 1000)
