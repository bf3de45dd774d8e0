import { and, eq, gte, lt, not, sql } from 'drizzle-orm'
import { z } from 'zod'
import type { Context } from '#platform/context.ts'
import { followState } from '#platform/follow.ts'
import { isId } from '#platform/ids.ts'
import type { Money } from '#platform/money.ts'
import { keyset, type PageArgs } from '#platform/pages.ts'
import { parseInput, reject, rejectTransition } from '#platform/user-errors.ts'
import { client, hasScope, owns, requireScope, type Service } from '#platform/viewer.ts'
import { amountIn, id } from './inputs.ts'
import { paymentById } from './loaders.ts'
import { topicOf } from './ledger.ts'
import { move, requireSuccess, unlessTaken, type Moved, type Movement } from './movements.ts'
import { isRefused, refundableMinor, reservedMinor } from './payment.ts'
import type {
  PaymentCaptureForOrderInput,
  PaymentCaptureInput,
  PaymentRefundForReturnInput,
  PaymentVoidInput,
  QueryPaymentsArgs,
  RefundCreateInput,
} from './schema.generated.ts'
import { isStuck as stuck } from './stuck.ts'
import { payments, type PaymentRow } from './tables.ts'

/** Whether the caller may see a payment: the buyer, and staff with `payments:read`. */
export const maySee = ({ viewer }: Pick<Context, 'viewer'>, { ownerKind: kind, ownerId }: PaymentRow): boolean =>
  owns(viewer, { kind, id: ownerId }) || hasScope(viewer, 'payments:read')

/** A payment the caller may see; null otherwise. */
export async function readPayment(ctx: Context, paymentId: string): Promise<PaymentRow | null> {
  const payment = isId(paymentId) ? await paymentById(ctx).load(paymentId) : null
  return payment && maySee(ctx, payment) ? payment : null
}

/** A payment the caller may see as it is now, then each time it changes. */
export const watchPayment = (ctx: Context, paymentId: string) =>
  // A context of its own for each reading: what its loaders have read once they would give again.
  followState(ctx.live, topicOf(paymentId), () => readPayment({ ...ctx }, paymentId), ctx.signal)

/** All payments for staff, newest first. */
export async function allPayments(ctx: Context, { status, isStuck, from, to, ...args }: QueryPaymentsArgs & PageArgs) {
  requireScope(ctx.viewer, 'payments:read')
  const page = keyset(args, [
    { column: payments.createdAt, direction: 'desc' },
    { column: payments.id, direction: 'desc' },
  ])
  const asked = and(
    status ? eq(payments.status, status) : undefined,
    typeof isStuck === 'boolean' ? (isStuck ? stuck : not(stuck)) : undefined,
    from ? gte(payments.createdAt, from) : undefined,
    to ? lt(payments.createdAt, to) : undefined,
  )
  const rows = await ctx.db
    .select()
    .from(payments)
    .where(and(asked, page.where))
    .orderBy(...page.orderBy)
    .limit(page.limit)
  const totalCount = () => ctx.db.$count(payments, asked)
  return page.connection(rows, (row) => [row.createdAt, row.id], { totalCount })
}

/** An amount of a payment in its currency. */
export const moneyOf = ({ currency }: Pick<PaymentRow, 'currency'>, amountMinor: number): Money => ({
  amountMinor,
  currency,
})

/**
 * Takes the money reserved for an order, all of it. It is captured only once the order stands: from here on its payments
 * may name it.
 * @throws Rejection NOT_FOUND, PAYMENT_DECLINED, STATE_TRANSITION, UPSTREAM_UNAVAILABLE
 */
export async function captureForOrder(ctx: Context, { name: askedBy }: Service, given: PaymentCaptureForOrderInput) {
  const { orderId, idempotencyKey: key } = parseInput(z.object({ orderId: id, idempotencyKey: z.string() }), given)
  const movement: Movement = {
    kind: 'CAPTURE',
    of: sql`p.order_id = ${orderId} and p.authorized_minor > 0`,
    amountMinor: null,
    isOrdered: true,
    askedBy,
    idempotencyKey: key,
    request: { orderId },
  }
  return done(
    await move(ctx, movement, (payment) =>
      payment
        ? refuseFrom(payment, 'CAPTURED')
        : reject('NOT_FOUND', 'Nothing is reserved for this order.', ['orderId']),
    ),
  )
}

/** Takes `amount`, or all, of what is reserved. @throws Rejection as `paymentCapture` says */
export async function capturePayment(ctx: Context, given: PaymentCaptureInput) {
  requireScope(ctx.viewer, 'payments:manage')
  const amount = amountIn(ctx.config.CURRENCY).nullish()
  const input = parseInput(z.object({ paymentId: z.string(), amount, idempotencyKey: z.string() }), given)
  return await byStaff(ctx, input, { kind: 'CAPTURE', amountMinor: input.amount?.amountMinor ?? null })
}

/** Releases what is reserved, before any is taken. @throws Rejection as `paymentVoid` says */
export async function voidPayment(ctx: Context, given: PaymentVoidInput) {
  requireScope(ctx.viewer, 'payments:manage')
  const input = parseInput(z.object({ paymentId: z.string(), idempotencyKey: z.string() }), given)
  return await byStaff(ctx, input, { kind: 'VOID', amountMinor: null, left: unlessTaken })
}

/** Gives money back. @throws Rejection as `refundCreate` says */
export async function refundPayment(ctx: Context, given: RefundCreateInput) {
  requireScope(ctx.viewer, 'payments:manage')
  const schema = z.object({
    paymentId: z.string(),
    amount: amountIn(ctx.config.CURRENCY),
    reason: z.string().trim().min(1, 'A refund has a reason.').max(500, 'A reason has at most 500 characters.'),
    idempotencyKey: z.string(),
  })
  const input = parseInput(schema, given)
  const { amount, reason } = input
  const refunded = await byStaff(ctx, input, { kind: 'REFUND', amountMinor: amount.amountMinor, reason })
  return { ...refunded, refund: refunded.transaction }
}

/**
 * Gives money back for a return. One that the bank refused is tried anew by whoever asks anew, with the same key.
 * @throws Rejection NOT_FOUND, LIMIT_EXCEEDED, NOT_APPLICABLE, PAYMENT_DECLINED, STATE_TRANSITION, UPSTREAM_UNAVAILABLE
 */
export async function refundForReturn(ctx: Context, { name: askedBy }: Service, given: PaymentRefundForReturnInput) {
  const schema = z.object({
    orderId: id,
    returnId: id,
    amount: amountIn(ctx.config.CURRENCY),
    idempotencyKey: z.string(),
  })
  const { idempotencyKey: key, ...request } = parseInput(schema, given)
  const { orderId, amount } = request
  const refund = (idempotencyKey: string) =>
    move(
      ctx,
      {
        kind: 'REFUND',
        of: sql`p.order_id = ${orderId} and p.captured_minor > 0`,
        amountMinor: amount.amountMinor,
        askedBy,
        idempotencyKey,
        request,
        reason: 'Return',
      },
      (payment) =>
        payment
          ? refuseBeyond(payment, 'REFUND', amount.amountMinor)
          : reject('NOT_FOUND', 'Nothing was taken for this order.', ['orderId']),
    )
  let refunded = await refund(key)
  for (let tries = 1; refunded.isReplay && isRefused(refunded.transaction); tries++) {
    refunded = await refund(`${key}:${tries}`)
  }
  return { ...done(refunded), refund: refunded.transaction }
}

const targets = { CAPTURE: 'CAPTURED', VOID: 'VOIDED', REFUND: 'REFUNDED' } as const

async function byStaff(
  ctx: Context,
  { idempotencyKey: key, ...request }: { paymentId: string; idempotencyKey: string },
  asked: Pick<Movement, 'kind' | 'amountMinor' | 'left' | 'reason'>,
): Promise<Moved> {
  const asker = client(ctx.viewer)
  const askedBy = asker.kind === 'anonymous' ? asker.kind : `${asker.kind}:${asker.id}`
  const { kind, amountMinor } = asked
  const { paymentId } = request
  if (!isId(paymentId)) refuseUnknown()
  const movement = { ...asked, of: sql`p.id = ${paymentId}`, askedBy, idempotencyKey: key, request }
  return done(
    await move(ctx, movement, (payment) => (payment ? refuseBeyond(payment, kind, amountMinor) : refuseUnknown())),
  )
}

// Less is left than was asked for: some, or nothing in the state it is in.
function refuseBeyond(payment: PaymentRow, kind: Movement['kind'], amountMinor: number | null): never {
  const left = kind === 'REFUND' ? refundableMinor(payment) : reservedMinor(payment)
  if (left > 0 && amountMinor !== null && amountMinor > left) {
    reject('LIMIT_EXCEEDED', 'This is more than is left.', ['amount'])
  }
  return refuseFrom(payment, targets[kind])
}

function done(moved: Moved): Moved {
  requireSuccess(moved.transaction)
  return moved
}

const refuseUnknown = (): never => reject('NOT_FOUND', 'There is no such payment.', ['paymentId'])

const refuseFrom = ({ status }: PaymentRow, to: string): never =>
  rejectTransition({ from: status, to, allowed: allowedFrom[status] ?? [] })

// What staff can make of a payment in a state; nothing of those that are not listed.
const allowedFrom: Partial<Record<PaymentRow['status'], readonly string[]>> = {
  AUTHORIZED: ['CAPTURED', 'VOIDED'],
  PARTIALLY_CAPTURED: ['CAPTURED', 'REFUNDED'],
  CAPTURED: ['REFUNDED'],
  PARTIALLY_REFUNDED: ['REFUNDED'],
}
