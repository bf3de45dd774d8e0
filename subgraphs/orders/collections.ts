import { and, eq, inArray } from 'drizzle-orm'
import type { Context } from '#platform/context.ts'
import type { Db } from '#platform/database.ts'
import { announce } from '#platform/facts.ts'
import type { UserError } from '#platform/user-errors.ts'
import { ownerOf } from './access.ts'
import { errands, type ErrandRow } from './aftersale-tables.ts'
import { capturePayment } from './calls/payments.ts'
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
export async function isUnpaid(tx: Db, orderId: string): Promise<boolean> {
  const kinds = await tx
    .selectDistinct({ kind: orderEvents.kind })
    .from(orderEvents)
    .where(and(eq(orderEvents.orderId, orderId), inArray(orderEvents.kind, ['PAID', 'PAYMENT_FAILED'])))
  return kinds.length === 1 && kinds[0]!.kind === 'PAYMENT_FAILED'
}

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

/** Taken already, such as by staff in payments. */
const isTaken = ({ code, fromState }: { code: string; fromState?: string }): boolean =>
  code === 'STATE_TRANSITION' && (fromState === 'CAPTURED' || fromState === 'PARTIALLY_REFUNDED')

export const collectSteps = {
  async TAKE_MONEY(ctx, errand) {
    const { orderId, data } = errand
    const idempotencyKey = `ord:${orderId}:capture:${(data as Collection).number}`
    const { payment, userErrors } = await capturePayment(ctx, { orderId, idempotencyKey })
    const errors = payment ? [] : userErrors.filter((error) => !isTaken(error))
    if (errors.some(({ code }) => code === 'UPSTREAM_UNAVAILABLE')) throw new Error(errors[0]!.message)
    if (errors.length > 0) throw new Refused(errors.map(({ code, message }): UserError => ({ code, message })))
    return (tx) => recordCollected(tx, ctx, errand)
  },
} as const satisfies ErrandSteps

async function recordCollected(tx: Db, ctx: Context, { orderId, actorId }: ErrandRow): Promise<void> {
  const [order] = await tx.select().from(orders).where(eq(orders.id, orderId)).for('update')
  await tx.insert(orderEvents).values({ orderId, kind: 'PAID', at: ctx.now(), actorId })
  // It may have been cancelled meanwhile: then the money goes back, and nothing leaves.
  if (order!.status !== 'ON_HOLD') return
  const confirmed = await setStatus(tx, ctx, order!, 'CONFIRMED', { actorId })
  const { shippingAddress: address, deliveryName, promisedFrom, promisedBy } = confirmed
  if (!address || !deliveryName || !promisedFrom || !promisedBy) return
  await announce(tx, ctx, OrderReadyToShip, {
    entityId: orderId,
    entityVersion: confirmed.version,
    owner: ownerOf(confirmed),
    data: {
      number: confirmed.number,
      address,
      deliveryName,
      promisedFrom: promisedFrom.toISOString(),
      promisedTo: promisedBy.toISOString(),
      allocations: await allocationsOf(tx, confirmed),
    },
  })
}

/** Which units leave from where, as the checkout's step that created the order noted it. */
async function allocationsOf(tx: Db, { checkoutId }: OrderRow): Promise<LineAllocation[]> {
  const [step] = await tx
    .select({ result: checkoutSteps.result })
    .from(checkoutSteps)
    .innerJoin(checkouts, and(eq(checkouts.id, checkoutSteps.checkoutId), eq(checkouts.attempt, checkoutSteps.attempt)))
    .where(and(eq(checkouts.id, checkoutId!), eq(checkoutSteps.name, 'CREATE_ORDER')))
  return step!.result as LineAllocation[]
}
