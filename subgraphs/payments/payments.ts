import { and, desc, eq, gt, gte, lt } from 'drizzle-orm'
import { z } from 'zod'
import type { Context } from '#platform/context.ts'
import { followState } from '#platform/follow.ts'
import { isId } from '#platform/ids.ts'
import type { Money } from '#platform/money.ts'
import { keyset, type PageArgs } from '#platform/pages.ts'
import { parseInput, reject, rejectTransition } from '#platform/user-errors.ts'
import { client, hasScope, owns, requireScope, type Service } from '#platform/viewer.ts'
import { amountIn, id, idempotencyKey } from './inputs.ts'
import { paymentById } from './loaders.ts'
import { hashOf, move, requireSuccess, topicOf, transactionByKey, type Moved, type Movement } from './movements.ts'
import { refundableMinor, reservedMinor } from './payment.ts'
import type {
  PaymentCaptureForOrderInput,
  PaymentCaptureInput,
  PaymentVoidInput,
  QueryPaymentsArgs,
  RefundCreateInput,
} from './schema.generated.ts'
import { payments, type PaymentRow, type PaymentTransactionRow } from './tables.ts'

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
export async function allPayments(ctx: Context, { status, from, to, ...args }: QueryPaymentsArgs & PageArgs) {
  requireScope(ctx.viewer, 'payments:read')
  const page = keyset(args, [
    { column: payments.createdAt, direction: 'desc' },
    { column: payments.id, direction: 'desc' },
  ])
  const asked = and(
    status ? eq(payments.status, status) : undefined,
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
 * Takes the money reserved for an order, all of it.
 * @throws Rejection NOT_FOUND, PAYMENT_DECLINED, STATE_TRANSITION, UPSTREAM_UNAVAILABLE
 */
export async function captureForOrder(ctx: Context, { name }: Service, given: PaymentCaptureForOrderInput) {
  const input = parseInput(z.object({ orderId: id, idempotencyKey }), given)
  const { orderId } = input
  const request = { orderId }
  const keyed = { kind: 'CAPTURE', askedBy: name, idempotencyKey: input.idempotencyKey } as const
  // The payment before the key: a twin of this call that gets in between is then found by the key.
  const [payment] = await ctx.db
    .select()
    .from(payments)
    .where(and(eq(payments.orderId, orderId), gt(payments.authorizedMinor, 0)))
    .orderBy(desc(payments.createdAt))
    .limit(1)
  const earlier = await transactionByKey(ctx.db, { ...keyed, requestHash: hashOf(request) })
  if (!payment) reject('NOT_FOUND', 'Nothing is reserved for this order.', ['orderId'])
  const amountMinor = earlier?.amountMinor ?? reservedMinor(payment)
  const refuse = () => refuseFrom(payment, 'CAPTURED')
  if (amountMinor === 0) refuse()
  // It is captured only once the order stands: from here on its payments may name it.
  await ctx.db
    .update(payments)
    .set({ isOrdered: true })
    .where(and(eq(payments.orderId, orderId), eq(payments.isOrdered, false)))
  return await carriedOut(ctx, await move(ctx, { ...keyed, payment, amountMinor, request }, refuse))
}

/** Takes `amount`, or all, of what is reserved. @throws Rejection as `paymentCapture` says */
export async function capturePayment(ctx: Context, given: PaymentCaptureInput) {
  requireScope(ctx.viewer, 'payments:manage')
  const amount = amountIn(ctx.config.CURRENCY).nullish()
  const input = parseInput(z.object({ paymentId: z.string(), amount, idempotencyKey }), given)
  const payment = await requirePayment(ctx, input.paymentId)
  return await byStaff(ctx, 'CAPTURE', payment, input, input.amount?.amountMinor ?? reservedMinor(payment))
}

/** Releases what is reserved, before any is taken. @throws Rejection as `paymentVoid` says */
export async function voidPayment(ctx: Context, given: PaymentVoidInput) {
  requireScope(ctx.viewer, 'payments:manage')
  const input = parseInput(z.object({ paymentId: z.string(), idempotencyKey }), given)
  const payment = await requirePayment(ctx, input.paymentId)
  const isTaken = payment.capturedMinor + payment.capturingMinor > 0
  return await byStaff(ctx, 'VOID', payment, input, isTaken ? 0 : reservedMinor(payment))
}

/** Gives money back. @throws Rejection as `refundCreate` says */
export async function refundPayment(ctx: Context, given: RefundCreateInput) {
  requireScope(ctx.viewer, 'payments:manage')
  const schema = z.object({
    paymentId: z.string(),
    amount: amountIn(ctx.config.CURRENCY),
    reason: z.string().trim().min(1, 'A refund has a reason.').max(500, 'A reason has at most 500 characters.'),
    idempotencyKey,
  })
  const input = parseInput(schema, given)
  const payment = await requirePayment(ctx, input.paymentId)
  const refunded = await byStaff(ctx, 'REFUND', payment, input, input.amount.amountMinor, input.reason)
  return { ...refunded, refund: refunded.transaction }
}

const targets = { CAPTURE: 'CAPTURED', VOID: 'VOIDED', REFUND: 'REFUNDED' } as const

async function byStaff(
  ctx: Context,
  kind: Movement['kind'],
  payment: PaymentRow,
  { idempotencyKey: key, ...request }: { idempotencyKey: string },
  amountMinor: number,
  reason?: string,
) {
  const asker = client(ctx.viewer)
  const askedBy = asker.kind === 'anonymous' ? asker.kind : `${asker.kind}:${asker.id}`
  const keyed = { kind, askedBy, idempotencyKey: key }
  const earlier = await transactionByKey(ctx.db, { ...keyed, requestHash: hashOf(request) })
  const left = kind === 'REFUND' ? refundableMinor(payment) : reservedMinor(payment)
  const refuse = () =>
    left > 0 && amountMinor > left
      ? reject('LIMIT_EXCEEDED', 'This is more than is left.', ['amount'])
      : refuseFrom(payment, targets[kind])
  if (!earlier && amountMinor === 0) refuse()
  const movement = { ...keyed, payment, request, reason, amountMinor: earlier?.amountMinor ?? amountMinor }
  return await carriedOut(ctx, await move(ctx, movement, refuse))
}

async function carriedOut(
  { db }: Context,
  { transaction, isReplay }: Moved,
): Promise<{ payment: PaymentRow; isReplay: boolean; transaction: PaymentTransactionRow }> {
  requireSuccess(transaction)
  const [payment] = await db.select().from(payments).where(eq(payments.id, transaction.paymentId))
  return { payment: payment!, isReplay, transaction }
}

async function requirePayment(ctx: Context, paymentId: string): Promise<PaymentRow> {
  const payment = isId(paymentId) ? await paymentById(ctx).load(paymentId) : null
  return payment ?? reject('NOT_FOUND', 'There is no such payment.', ['paymentId'])
}

const refuseFrom = ({ status }: PaymentRow, to: string): never =>
  rejectTransition({ from: status, to, allowed: allowedFrom[status] ?? [] })

// What staff can make of a payment in a state; nothing of those that are not listed.
const allowedFrom: Partial<Record<PaymentRow['status'], readonly string[]>> = {
  AUTHORIZED: ['CAPTURED', 'VOIDED'],
  PARTIALLY_CAPTURED: ['CAPTURED', 'REFUNDED'],
  CAPTURED: ['REFUNDED'],
  PARTIALLY_REFUNDED: ['REFUNDED'],
}
