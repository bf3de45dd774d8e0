import { and, asc, eq, getTableColumns, inArray, lte, sql, type SQL } from 'drizzle-orm'
import { alias } from 'drizzle-orm/pg-core'
import { z } from 'zod'
import type { Context } from '#platform/context.ts'
import { idempotentStatement } from '#platform/idempotency.ts'
import { isId, uuidv7 } from '#platform/ids.ts'
import { partOf, withParts } from '#platform/statement.ts'
import { parseInput, reject, rejectTransition } from '#platform/user-errors.ts'
import type { Service } from '#platform/viewer.ts'
import { place, placedIn, refusals, wantedLines } from './placement.ts'
import { nextStatuses, type ReservationStatus } from './reservation.ts'
import type { StockReleaseInput, StockReservationExtendInput, StockReserveInput } from './schema.generated.ts'
import type { Units } from './stock.ts'
import { booking, moveStock, tellStockChanged, type Move } from './stock-levels.ts'
import { idempotencyKeys, reservationLines, reservations, type ReservationRow } from './tables.ts'

const MAX_TTL_SECONDS = 86_400
const SWEEP_BATCH = 100
// Of a malformed id: no variant has it.
const NOBODY = '00000000-0000-0000-0000-000000000000'

const checkoutId = z.uuid('A checkout is named by its id.').toLowerCase()
const attempt = z.number().int().min(1, 'Attempts count from 1.')
const ttlSeconds = z.number().int().min(1).max(MAX_TTL_SECONDS, 'A hold lasts a day at most.')
const reserveInput = z.object({ checkoutId, attempt, ttlSeconds: ttlSeconds.nullish(), lines: wantedLines })

/** What a command did to a reservation, or what it throws. */
export type Outcome = { reservation: ReservationRow; changed: readonly { variantId: string }[] } | (() => never)

/** Holds units for an attempt of a checkout, every line or none, for `ttlSeconds` (default 900). */
export async function reserveStock(ctx: Context, service: Service, input: StockReserveInput) {
  const { lines, ttlSeconds: ttl, ...hold } = parseInput(reserveInput, input)
  const at = ctx.now()
  const expiresAt = later(at, ttl ?? 900)
  const reservation: ReservationRow = { ...newAt(at), ...hold, status: 'HELD', orderId: null, expiresAt }
  return await carryOut(ctx, `stockReserve ${service.name}`, input, async (remember) => {
    const rows = await place(ctx, {
      earlier: attemptStatus(hold),
      wanted: rowsOf(lines),
      reservation: sql`${inserting(reservation)} where not exists (select from refused) on conflict do nothing returning id`,
      moves: sql`select 'RESERVE' as kind, ${hold.checkoutId}::uuid as reference`,
      remembered: remember(idOf('reservation'), sql`reservation`),
    })
    if (rows[0]?.reservationId) return { reservation, changed: placedIn(rows) }
    // Undone before it arrived: the tombstone, or the hold of somebody with another key, stays as it is.
    const isRefused = rows.some(({ available }) => available !== null)
    const status = rows[0]?.earlier ?? (isRefused ? null : await readStatus(ctx, hold))
    return () => {
      if (status) rejectMove(status, 'HELD')
      throw refusals(rows, ['lines'])
    }
  })
}

/** Lets a hold last for `ttlSeconds` from now. */
export async function extendReservation(ctx: Context, service: Service, input: StockReservationExtendInput) {
  const asked = parseInput(z.object({ checkoutId, ttlSeconds }), input)
  const changes = { expiresAt: later(ctx.now(), asked.ttlSeconds) }
  return await carryOut(ctx, `stockReservationExtend ${service.name}`, input, async (remember) => {
    const [row] = await ctx.db
      .with(
        ...withParts(ctx.db, {
          hold: newest(asked.checkoutId),
          due: sql`select * from hold where status = 'HELD'`,
          done: changing(ctx, 'due', sql`expires_at = ${changes.expiresAt.toISOString()}::timestamptz`, 'hold'),
          remembered: remember(idOf('done'), sql`done`),
        }),
      )
      .select({ hold: holdColumns, isDone: sql<boolean>`done.id is not null` })
      .from(partOf(ctx.db, 'hold'))
      .leftJoin(sql`done`, sql`true`)
    if (row?.isDone) return { reservation: changed(ctx, row.hold, changes), changed: [] }
    return () => (row ? rejectMove(row.hold.status, 'HELD') : rejectEmpty())
  })
}

/**
 * Lets go of what an attempt holds, or of what it sold while nothing of it was shipped. For an attempt that has not
 * arrived yet it leaves a tombstone, so that it comes to nothing.
 */
export async function releaseStock(ctx: Context, service: Service, input: StockReleaseInput) {
  const { reason, ...asked } = parseInput(z.object({ checkoutId, attempt, reason: z.string().trim().max(500) }), input)
  const at = ctx.now()
  const tombstone: ReservationRow = { ...newAt(at), ...asked, status: 'RELEASED', orderId: null, expiresAt: at }
  return await carryOut(ctx, `stockRelease ${service.name}`, input, async (remember) => {
    for (;;) {
      const rows = await letGo(ctx, tombstone, reason, remember)
      const [row] = rows
      if (row?.isNew) return { reservation: tombstone, changed: [] }
      if (row?.isDone) {
        const moved = rows.flatMap(({ variantId }) => (variantId ? [{ variantId }] : []))
        return { reservation: changed(ctx, row.hold!, { status: 'RELEASED' }), changed: moved }
      }
      if (row?.hold?.status === 'RELEASED') return { reservation: row.hold, changed: [] }
      if (row?.isShipped)
        return () => rejectTransition({ from: 'SHIPPED', to: 'RELEASED', allowed: [] }, ['checkoutId'])
      // It arrived or changed after the statement began, and its lines with it: once more, on what is there now.
    }
  })
}

async function letGo(ctx: Context, tombstone: ReservationRow, reason: string, remember: Remember) {
  const { checkoutId: checkout, attempt: number } = tombstone
  const mine = sql`checkout_id = ${checkout}::uuid and attempt = ${number}::int`
  const parts = {
    // As the lines below are read: those of a row that was changed since are not the ones it has.
    seen: sql`select version from inventory.reservations where ${mine}`,
    hold: sql`select * from inventory.reservations where ${mine} for update`,
    shipped: sql`
      select from inventory.reservation_lines l join hold on hold.id = l.reservation_id where l.shipped > 0 limit 1`,
    tombstone: sql`${inserting(tombstone)} where not exists (select from hold) on conflict do nothing returning id`,
    due: sql`
      select hold.* from hold join seen using (version)
      where status <> 'RELEASED' and not exists (select from shipped)`,
    move: sql`
      select l.variant_id, l.location_id, case due.status when 'HELD' then 'RELEASE' else 'UNCOMMIT' end as kind,
        l.quantity, ${reason || null}::text as reason, ${checkout}::uuid as reference, null::uuid as actor_id
      from due join inventory.reservation_lines l on l.reservation_id = due.id
      where due.status <> 'EXPIRED'`,
    ...booking(ctx),
    done: changing(ctx, 'due', sql`status = 'RELEASED'`),
    remembered: remember(
      idOf('settled'),
      sql`(select id from done union all select id from tombstone
        union all select id from hold where status = 'RELEASED') settled`,
    ),
  }
  return await ctx.db
    .with(...withParts(ctx.db, parts))
    .select({
      hold: holdColumns,
      isNew: sql<boolean>`tombstone.id is not null`,
      isDone: sql<boolean>`done.id is not null`,
      isShipped: sql<boolean>`hold.version = seen.version and exists (select from shipped)`,
      variantId: sql<string | null>`change.variant_id`,
    })
    .from(sql`(select) one`)
    .leftJoin(partOf(ctx.db, 'hold'), sql`true`)
    .leftJoin(sql`seen`, sql`true`)
    .leftJoin(sql`tombstone`, sql`true`)
    .leftJoin(sql`done`, sql`true`)
    .leftJoin(sql`change`, sql`true`)
}

/** Lets go of holds whose time is up. Stands any number of processes at once: each takes rows nobody else has. */
export async function expireReservations(ctx: Pick<Context, 'db' | 'now' | 'live' | 'requestId'>): Promise<void> {
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
      const lines = await tx.select().from(reservationLines).where(inArray(reservationLines.reservationId, ids))
      const moves = lines.map(({ variantId, locationId, quantity, reservationId }): Move => ({
        variantId,
        locationId,
        quantity,
        kind: 'EXPIRE',
        reference: checkoutOf.get(reservationId)!,
      }))
      await moveStock(tx, ctx, moves)
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

/** Carries a command on a reservation out once per key and tells who watches the stock it changed. */
export async function carryOut(
  ctx: Context,
  scope: string,
  input: { idempotencyKey: string },
  send: (remember: Remember) => Promise<Outcome>,
): Promise<{ stockReservation: ReservationRow; isReplay: boolean }> {
  let refuse = (): never => reject('CONFLICT', 'It was done at the same time by somebody else.')
  const keyed = { scope, key: input.idempotencyKey, request: input }
  const done = await idempotentStatement<{ id: string; fresh?: Exclude<Outcome, () => never> }>(
    ctx,
    idempotencyKeys,
    keyed,
    async (remember) => {
      const outcome = await send(remember)
      if ('reservation' in outcome) return { id: outcome.reservation.id, fresh: outcome }
      refuse = outcome
      return undefined
    },
  )
  if (!done) return refuse()
  const { fresh, id } = done.reply
  if (fresh) await tellStockChanged(ctx, fresh.changed)
  const stockReservation = fresh?.reservation ?? (await readReservation(ctx, id))
  return { stockReservation, isReplay: done.isReplay }
}

/** Keeps the key of a command; see `idempotentStatement`. */
export type Remember = (reply: SQL, from: SQL) => SQL

export const idOf = (part: string): SQL => sql`jsonb_build_object('id', ${sql.raw(part)}.id)`

/** Part of a statement: the hold of a checkout's newest attempt, locked. */
export const newest = (checkout: string): SQL => sql`
  select * from inventory.reservations where checkout_id = ${checkout}::uuid order by attempt desc limit 1 for update`

/** Columns of the part `hold`. */
export const holdColumns = getTableColumns(alias(reservations, 'hold'))

/**
 * Part of a statement: sets something of the reservation in the part `due`. Returns its id. It is changed only once the
 * levels of its units are locked (`locked`): whoever reserves holds levels while it looks whether the attempt is there
 * already, and would wait for a change of it.
 */
export const changing = ({ now }: Pick<Context, 'now'>, due: string, set: SQL, locked = 'locked'): SQL => sql`
  update inventory.reservations r
  set ${set}, updated_at = ${now().toISOString()}::timestamptz, version = r.version + 1
  from ${sql.raw(due)} due where r.id = due.id and (select count(*) from ${sql.raw(locked)}) >= 0
  returning r.id`

/** The reservation as `changing` leaves it. */
export const changed = (
  { now }: Pick<Context, 'now'>,
  hold: ReservationRow,
  values: Partial<Pick<ReservationRow, 'status' | 'orderId' | 'expiresAt'>>,
): ReservationRow => ({ ...hold, ...values, updatedAt: now(), version: hold.version + 1 })

const newAt = (at: Date) => ({ id: uuidv7(), createdAt: at, updatedAt: at, version: 1 })

const inserting = ({
  id,
  createdAt,
  checkoutId: checkout,
  attempt: number,
  status,
  expiresAt,
}: ReservationRow): SQL => sql`
  insert into inventory.reservations (id, created_at, updated_at, checkout_id, attempt, status, expires_at)
  select ${id}::uuid, ${createdAt.toISOString()}::timestamptz, ${createdAt.toISOString()}::timestamptz,
    ${checkout}::uuid, ${number}::int, ${status}, ${expiresAt.toISOString()}::timestamptz`

const rowsOf = (lines: readonly Units[]): SQL => sql`
  select * from jsonb_to_recordset(${JSON.stringify(
    lines.map(({ variantId, quantity }, index) => ({
      index,
      variant_id: isId(variantId) ? variantId : NOBODY,
      quantity,
    })),
  )}::jsonb) as wanted (index int, variant_id uuid, quantity int)`

interface Attempt {
  checkoutId: string
  attempt: number
}

const attemptStatus = ({ checkoutId: checkout, attempt: number }: Attempt): SQL => sql`
  (select status from inventory.reservations where checkout_id = ${checkout}::uuid and attempt = ${number}::int)`

async function readStatus({ db }: Pick<Context, 'db'>, hold: Attempt): Promise<ReservationStatus | undefined> {
  const mine = and(eq(reservations.checkoutId, hold.checkoutId), eq(reservations.attempt, hold.attempt))
  const [row] = await db.select({ status: reservations.status }).from(reservations).where(mine)
  return row?.status
}

async function readReservation({ db }: Pick<Context, 'db'>, id: string): Promise<ReservationRow> {
  const [reservation] = await db.select().from(reservations).where(eq(reservations.id, id))
  return reservation!
}

export const rejectEmpty = (): never => reject('NOT_FOUND', 'This checkout holds nothing.', ['checkoutId'])

export function rejectMove(from: ReservationStatus, to: ReservationStatus): never {
  rejectTransition({ from, to, allowed: nextStatuses[from] }, ['checkoutId'])
}

const later = (at: Date, seconds: number): Date => new Date(at.getTime() + seconds * 1000)
