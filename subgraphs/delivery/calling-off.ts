import { and, asc, eq, sql } from 'drizzle-orm'
import { z } from 'zod'
import type { Context } from '#platform/context.ts'
import type { Db } from '#platform/database.ts'
import { idempotent } from '#platform/idempotency.ts'
import { parseInput, rejectTransition } from '#platform/user-errors.ts'
import type { Service } from '#platform/viewer.ts'
import type { SeenShipment } from './access.ts'
import { tellCouriers, tellProgress } from './hints.ts'
import { move } from './progress.ts'
import type { ShipmentsCancelForOrderInput } from './schema.generated.ts'
import { mayMove, nextStatuses } from './shipment.ts'
import { idempotencyKeys, orderFences, shipments, type ShipmentRow } from './tables.ts'

const inputSchema = z.object({ orderId: z.uuid('An order has a UUID.'), reason: z.string().max(500) })

/**
 * Calls all shipments of an order off, or none when one was picked up or is being picked up. From then on nothing is
 * prepared for the order: news that it is ready to ship may come late.
 */
export async function callOffShipments(ctx: Context, { name }: Service, input: ShipmentsCancelForOrderInput) {
  const { orderId } = parseInput(inputSchema, input)
  const keyed = { scope: `shipmentsCancelForOrder ${name}`, key: input.idempotencyKey, request: input }
  let calledOff: ShipmentRow[] = []
  const { isReplay } = await idempotent(ctx, idempotencyKeys, keyed, async (tx) => {
    await fence(tx, orderId, ctx.now())
    const all = await tx
      .select()
      .from(shipments)
      .where(eq(shipments.orderId, orderId))
      .orderBy(asc(shipments.id))
      .for('update')
    const wanted = all.filter(({ status }) => status !== 'CANCELLED')
    const gone = wanted.find(({ status, leavingAt }) => leavingAt !== null || !mayMove(status, 'CANCELLED'))
    if (gone) rejectTransition({ from: gone.status, to: 'CANCELLED', allowed: nextStatuses[gone.status] }, ['orderId'])
    for (const shipment of wanted) calledOff.push(await move(tx, ctx, shipment, 'CANCELLED', { eta: null }))
    return {}
  })
  await tellProgress(ctx, calledOff)
  await tellCouriers(ctx, calledOff)
  const now = await ctx.db.select().from(shipments).where(eq(shipments.orderId, orderId)).orderBy(asc(shipments.id))
  return { shipments: now.map((row): SeenShipment => ({ ...row, seenAs: 'STAFF' })), isReplay }
}

/**
 * Locks what is delivered of an order until the transaction ends, and lets nothing more be prepared for it when
 * `calledOffAt` is given. Returns whether the order was called off.
 */
export async function fence(tx: Db, orderId: string, calledOffAt: Date | null = null): Promise<boolean> {
  const [row] = await tx
    .insert(orderFences)
    .values({ orderId, calledOffAt })
    .onConflictDoUpdate({
      target: orderFences.orderId,
      set: { calledOffAt: sql`coalesce(${orderFences.calledOffAt}, excluded.called_off_at)` },
    })
    .returning()
  return row!.calledOffAt !== null
}

/** Notes that a courier takes a shipment now: from here on it cannot be called off. @throws Rejection STATE_TRANSITION */
export async function beginLeaving(ctx: Context, { id, status }: ShipmentRow): Promise<void> {
  const [begun] = await ctx.db
    .update(shipments)
    .set({ leavingAt: ctx.now() })
    .where(and(eq(shipments.id, id), eq(shipments.status, status)))
    .returning({ id: shipments.id })
  if (begun) return
  const [current] = await ctx.db.select().from(shipments).where(eq(shipments.id, id))
  // Told twice at once: the other one has told it already.
  if (current?.status === 'PICKED_UP') return
  const from = current?.status ?? 'CANCELLED'
  rejectTransition({ from, to: 'PICKED_UP', allowed: nextStatuses[from] }, ['status'])
}

/** It does not leave after all. */
export async function endLeaving({ db }: Pick<Context, 'db'>, { id }: Pick<ShipmentRow, 'id'>): Promise<void> {
  await db
    .update(shipments)
    .set({ leavingAt: null })
    .where(and(eq(shipments.id, id), eq(shipments.status, 'ASSIGNED')))
}
