import { and, asc, eq, ne, sql } from 'drizzle-orm'
import type { Context } from '#platform/context.ts'
import type { Db } from '#platform/database.ts'
import { announce } from '#platform/facts.ts'
import { idempotent } from '#platform/idempotency.ts'
import { reject, Rejection, rejectTransition, inputPath, type UserError } from '#platform/user-errors.ts'
import { hasScope } from '#platform/viewer.ts'
import { ownerOf } from './access.ts'
import { errands, type ErrandRow } from './aftersale-tables.ts'
import { callOffShipments } from './calls/delivery.ts'
import { releaseStock } from './calls/inventory.ts'
import { compensatePayment } from './calls/payments.ts'
import { beginErrand, finish, leaseOf, Refused, resumeErrand, type Begun, type ErrandSteps } from './errands.ts'
import { OrderCancelled, OrderStatusChanged } from './events.ts'
import { cancelReasonsOfStaff, canBecome, nextStatuses, type CancelReason } from './order.ts'
import { freshOrder, keyedBy, lockOrderToChange } from './orders.ts'
import type { OrderCancelInput } from './schema.generated.ts'
import { checkouts, idempotencyKeys, orderEvents, orderLines, orders, type OrderRow } from './tables.ts'

/**
 * Calls an order off. Goods that may still leave are held back first; from then on the order is cancelled, and what was
 * taken for it is given back whatever happens meanwhile. A second call joins the first.
 * @throws Rejection as the contract lists them
 */
export async function cancelOrder(ctx: Context, { orderId, reason, idempotencyKey: key }: OrderCancelInput) {
  const keyed = { ...keyedBy(ctx.viewer, 'orderCancel', key), request: { orderId, reason } }
  const { reply, isReplay } = await idempotent<Begun>(ctx, idempotencyKeys, keyed, async (tx) => {
    const order = await lockOrderToChange(tx, ctx.viewer, orderId)
    const isStaff = hasScope(ctx.viewer, 'orders:manage')
    if (!isStaff && cancelReasonsOfStaff.includes(reason)) {
      reject('FORBIDDEN', 'This reason is for staff.', ['reason'])
    }
    const [earlier] = await tx
      .select()
      .from(errands)
      .where(and(isCancel(order.id), ne(errands.status, 'REFUSED')))
    // Somebody called it off just now: both get the same answer.
    if (earlier?.status === 'RUNNING') return { errandId: earlier.id, token: null }
    if (earlier?.status === 'NEEDS_ATTENTION' && isStaff) return leaseOf(await resumeErrand(tx, ctx, earlier))
    if (!canBecome(order.status, 'CANCELLED')) refuseFrom(order.status)
    // It waits for staff to take it up again.
    if (earlier) return { errandId: earlier.id, token: null }
    const data: Cancellation = { reason }
    return leaseOf(await beginErrand(tx, ctx, { orderId: order.id, kind: 'CANCEL', data }))
  })
  const errand = await finish(ctx, cancelSteps, reply, isReplay)
  const order = await freshOrder(ctx, orderId)
  if (errand.refusal) throw new Rejection(errand.refusal, { order: null, isReplay })
  if (order?.status === 'CANCELLED') return { order, isReplay }
  const text =
    'A part of the store cannot be reached. The order is called off as soon as it can; ask with the same key.'
  throw new Rejection([{ code: 'UPSTREAM_UNAVAILABLE', message: text }], { order: null, isReplay })
}

const isCancel = (orderId: string) => and(eq(errands.orderId, orderId), eq(errands.kind, 'CANCEL'))

const refuseFrom = (from: keyof typeof nextStatuses): never =>
  rejectTransition({ from, to: 'CANCELLED', allowed: nextStatuses[from] }, ['orderId'])

interface Cancellation {
  reason: CancelReason
}

const keyOf = ({ orderId }: ErrandRow, step: string) => `ord:${orderId}:cancel:${step}`
const reasonOf = ({ data }: ErrandRow) => (data as Cancellation).reason

/** Shipments first, which can say no; then money and stock, neither of which may stop the other. */
export const cancelSteps = {
  async CALL_OFF_SHIPMENTS(ctx, errand) {
    const { orderId } = errand
    const input = { orderId, reason: reasonOf(errand), idempotencyKey: keyOf(errand, 'shipments') }
    const errors = await callOffShipments(ctx, input)
    if (errors.some(({ code }) => code === 'STATE_TRANSITION')) throw new Refused([await itLeft(ctx, orderId)])
    expectNone(errors)
    return (tx) => recordCancelled(tx, ctx, errand)
  },

  async GIVE_BACK(ctx, errand) {
    const attempt = await attemptOf(ctx, errand)
    if (!attempt) return
    const asked = { ...attempt, reason: reasonOf(errand) }
    // A bank that cannot be reached, or never says yes, does not keep the goods from other buyers.
    const given = await Promise.allSettled([
      compensatePayment(ctx, { ...asked, idempotencyKey: keyOf(errand, 'money') }),
      releaseStock(ctx, { ...asked, idempotencyKey: keyOf(errand, 'stock') }),
    ])
    for (const each of given) {
      if (each.status === 'rejected') throw each.reason
      expectNone(each.value, 'NOT_FOUND')
    }
    return
  },
} as const satisfies ErrandSteps

function expectNone(errors: readonly Pick<UserError, 'code' | 'message'>[], nothingThere?: string): void {
  const error = errors.find(({ code }) => code !== nothingThere)
  if (error) throw new Error(`${error.code}: ${error.message}`)
}

/** What participants keep of the order: the attempt of a checkout it came from. Nothing is kept of any other order. */
async function attemptOf({ db }: Pick<Context, 'db'>, { orderId }: ErrandRow) {
  const [attempt] = await db
    .select({ checkoutId: checkouts.id, attempt: checkouts.attempt })
    .from(checkouts)
    .innerJoin(orders, eq(orders.checkoutId, checkouts.id))
    .where(eq(orders.id, orderId))
  return attempt ?? null
}

async function itLeft({ db }: Pick<Context, 'db'>, orderId: string): Promise<UserError> {
  const [order] = await db.select({ status: orders.status }).from(orders).where(eq(orders.id, orderId))
  const from = order!.status
  return {
    __typename: 'StateTransitionError',
    code: 'STATE_TRANSITION',
    message: 'It is on its way already. Send it back when it has arrived.',
    field: inputPath(['orderId']),
    fromState: from,
    toState: 'CANCELLED',
    allowed: nextStatuses[from].filter((status) => status !== 'CANCELLED'),
  }
}

type Clock = Pick<Context, 'now' | 'requestId'>

async function recordCancelled(tx: Db, ctx: Clock, errand: ErrandRow): Promise<void> {
  const { orderId, actorId } = errand
  const reason = reasonOf(errand)
  const now = ctx.now()
  const [before] = await tx.select({ status: orders.status }).from(orders).where(eq(orders.id, orderId)).for('update')
  const { status: from } = before!
  // Delivery has promised that nothing leaves; an order that is on its way all the same is a contradiction.
  if (!canBecome(from, 'CANCELLED')) throw new Error(`An order that is ${from} was called off`)
  const [order] = await tx
    .update(orders)
    .set({
      status: 'CANCELLED',
      cancelledAt: now,
      cancelReason: reason,
      version: sql`${orders.version} + 1`,
      updatedAt: now,
    })
    .where(eq(orders.id, orderId))
    .returning()
  await tx
    .update(orderLines)
    .set({ cancelledQuantity: sql`${orderLines.quantity}` })
    .where(eq(orderLines.orderId, orderId))
  await tx.insert(orderEvents).values({ orderId, kind: 'CANCELLED', at: now, actorId })
  await announce(tx, ctx, OrderStatusChanged, {
    entityId: orderId,
    entityVersion: order!.version,
    owner: ownerOf(order!),
    data: { from, to: 'CANCELLED', reason },
  })
  await announceCancelled(tx, ctx, errand, order!)
}

async function announceCancelled(tx: Db, ctx: Clock, errand: ErrandRow, order: OrderRow): Promise<void> {
  const { id: orderId, checkoutId, number, email, version } = order
  const lines = await tx
    .select()
    .from(orderLines)
    .where(eq(orderLines.orderId, orderId))
    .orderBy(asc(orderLines.position))
  await announce(tx, ctx, OrderCancelled, {
    entityId: orderId,
    entityVersion: version,
    owner: ownerOf(order),
    data: {
      checkoutId,
      number,
      email,
      reason: reasonOf(errand),
      lines: lines.map(({ id, ...line }) => ({ ...line, orderLineId: id })),
    },
  })
}
