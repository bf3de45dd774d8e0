import { and, eq } from 'drizzle-orm'
import type { Context } from '#platform/context.ts'
import type { Db } from '#platform/database.ts'
import { announce } from '#platform/facts.ts'
import { ownerOf } from './access.ts'
import { errands, type ErrandRow } from './aftersale-tables.ts'
import { takeMoney } from './captures.ts'
import { beginErrand, leaseOf, Refused, resumeErrand, type Begun, type ErrandSteps } from './errands.ts'
import { OrderReadyToShip } from './events.ts'
import { setStatus } from './moving.ts'
import type { LineAllocation } from './placement.ts'
import { checkouts, checkoutSteps, orderEvents, orders, type OrderRow } from './tables.ts'

/** What an errand that takes an order's money after all knows. */
interface Collection {
  /** Of the try; the checkout's own was the first. */
  number: number
}

/** Whether the money of an order was refused and not taken since. */
export const isUnpaid = async (tx: Db, { id, paidAt }: OrderRow): Promise<boolean> =>
  paidAt === null &&
  (await tx.$count(orderEvents, and(eq(orderEvents.orderId, id), eq(orderEvents.kind, 'PAYMENT_FAILED')))) > 0

/** Begins to take the money of a locked order once more, joins whoever does, or takes up what got stuck. */
export async function beginCollection(tx: Db, ctx: Context, { id: orderId }: OrderRow): Promise<Begun> {
  const earlier = await tx
    .select()
    .from(errands)
    .where(and(eq(errands.orderId, orderId), eq(errands.kind, 'COLLECT')))
  const running = earlier.find(({ status }) => status === 'RUNNING')
  if (running) return { errandId: running.id, token: null }
  const stuck = earlier.find(({ status }) => status === 'NEEDS_ATTENTION')
  if (stuck) return leaseOf(await resumeErrand(tx, ctx, stuck))
  const data: Collection = { number: earlier.length + 2 }
  return leaseOf(await beginErrand(tx, ctx, { orderId, kind: 'COLLECT', data }))
}

export const collectSteps = {
  async TAKE_MONEY(ctx, errand) {
    const errors = await takeMoney(ctx, errand.orderId, (errand.data as Collection).number)
    if (errors.length > 0) throw new Refused(errors)
    return (tx) => recordCollected(tx, ctx, errand)
  },
} as const satisfies ErrandSteps

async function recordCollected(tx: Db, ctx: Context, { orderId, actorId }: ErrandRow): Promise<void> {
  const now = ctx.now()
  const [order] = await tx.select().from(orders).where(eq(orders.id, orderId)).for('update')
  await tx.insert(orderEvents).values({ orderId, kind: 'PAID', at: now, actorId })
  await tx.update(orders).set({ paidAt: now }).where(eq(orders.id, orderId))
  // It may have been cancelled meanwhile: then the money goes back, and nothing leaves.
  if (order!.status !== 'ON_HOLD') return
  await letGo(tx, ctx, await setStatus(tx, ctx, order!, 'CONFIRMED', { actorId }))
}

/** Lets the goods of an order leave that was just confirmed, if it is paid and they were not let go before. */
export async function letGo(tx: Db, ctx: Context, { id, paidAt, readyAt, ...order }: OrderRow): Promise<void> {
  const { shippingAddress: address, deliveryName, promisedFrom, promisedBy, checkoutId } = order
  if (!paidAt || readyAt || !checkoutId || !address || !deliveryName || !promisedFrom || !promisedBy) return
  await tx.update(orders).set({ readyAt: ctx.now() }).where(eq(orders.id, id))
  await announce(tx, ctx, OrderReadyToShip, {
    entityId: id,
    entityVersion: order.version,
    owner: ownerOf(order),
    data: {
      number: order.number,
      address,
      deliveryName,
      promisedFrom: promisedFrom.toISOString(),
      promisedTo: promisedBy.toISOString(),
      allocations: await allocationsOf(tx, checkoutId),
    },
  })
}

/** Which units leave from where, as the checkout's step that created the order noted it. */
async function allocationsOf(tx: Db, checkoutId: string): Promise<LineAllocation[]> {
  const [step] = await tx
    .select({ result: checkoutSteps.result })
    .from(checkoutSteps)
    .innerJoin(checkouts, and(eq(checkouts.id, checkoutSteps.checkoutId), eq(checkouts.attempt, checkoutSteps.attempt)))
    .where(and(eq(checkouts.id, checkoutId), eq(checkoutSteps.name, 'CREATE_ORDER')))
  return step!.result as LineAllocation[]
}
