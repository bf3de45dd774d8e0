import { and, asc, count, eq, inArray, sql } from 'drizzle-orm'
import type { Context } from '#platform/context.ts'
import type { Db } from '#platform/database.ts'
import { idempotent } from '#platform/idempotency.ts'
import { toDecimal } from '#platform/money.ts'
import { inputPath, parseInput, reject, Rejection, rejectTransition, type UserError } from '#platform/user-errors.ts'
import { requireScope } from '#platform/viewer.ts'
import { z } from 'zod'
import {
  errands,
  returnLines,
  returns,
  type ErrandRow,
  type ReturnLineRow,
  type ReturnRow,
} from './aftersale-tables.ts'
import { returnStock } from './calls/inventory.ts'
import { refundForReturn } from './calls/payments.ts'
import { beginErrand, finish, leaseOf, Refused, resumeErrand, type Begun, type ErrandSteps } from './errands.ts'
import { keyedBy } from './orders.ts'
import { statusByLines } from './order.ts'
import { differences, nextStatuses, paidForLines, refundFor } from './return.ts'
import { freshReturn, lineQuantities, lockReturn } from './returns.ts'
import type { ReturnReceiveInput } from './schema.generated.ts'
import { announceStatus } from './shipping.ts'
import { idempotencyKeys, orderEvents, orderLines, orders, type OrderLineRow } from './tables.ts'

/** What an errand that receives goods knows. */
interface Receipt {
  /** Counts a return's receipts: what it asks of others is keyed by it. */
  number: number
  /** Null when the goods were not sold out of the store's own stock. */
  locationId: string | null
  restock: boolean
  refund: boolean
  lines: { orderLineId: string; variantId: string; quantity: number }[]
  /** What is paid back, once the goods are in. */
  refundMinor?: number
  /** Whether staff leave the money should it be refused once more, such as when they paid it by hand. */
  isLeft?: boolean
}

const receiptInput = z.object({
  locationId: z.string(),
  lines: lineQuantities,
  restock: z.boolean(),
  refund: z.boolean(),
})

/**
 * Books in goods that came back, and gives their money back if asked to. Without lines it only gives back the money of
 * what came in before.
 * @throws Rejection as the contract lists them; CONFLICT while another receipt of the return is booked in
 */
export async function receiveReturn(ctx: Context, { id, idempotencyKey: key, ...request }: ReturnReceiveInput) {
  requireScope(ctx.viewer, 'orders:manage')
  const keyed = { ...keyedBy(ctx.viewer, 'returnReceive', key), request: { id, ...request } }
  const { reply, isReplay } = await idempotent<Begun>(ctx, idempotencyKeys, keyed, async (tx) => {
    const { order, request: asked } = await lockReturn(tx, ctx.viewer, id)
    const input = parseInput(receiptInput, request)
    const [stuck] = await tx
      .select()
      .from(errands)
      .where(and(eq(errands.returnId, id), inArray(errands.status, ['RUNNING', 'NEEDS_ATTENTION'])))
    if (stuck?.status === 'RUNNING') {
      reject('CONFLICT', 'Goods of it are being booked in with another key.', ['idempotencyKey'])
    }
    if (stuck) return leaseOf(await takeUp(tx, ctx, stuck, input))
    const lines = await assertAwaited(tx, asked, input)
    const [{ receipts } = { receipts: 0 }] = await tx
      .select({ receipts: count() })
      .from(errands)
      .where(eq(errands.returnId, id))
    const isOurs = order.checkoutId !== null
    if (!isOurs && input.restock) {
      reject('NOT_APPLICABLE', 'It was not sold out of this stock, so it cannot go back there.', ['restock'])
    }
    const data: Receipt = { ...input, locationId: isOurs ? input.locationId : null, number: receipts + 1, lines }
    return leaseOf(await beginErrand(tx, ctx, { orderId: order.id, kind: 'RECEIVE', returnId: id, data }))
  })
  const errand = await finish(ctx, receiveSteps, reply, isReplay)
  if (errand.refusal) throw new Rejection(errand.refusal, { isReplay })
  const returnRequest = await freshReturn(ctx, id)
  if (errand.step > 0 && errand.status !== 'NEEDS_ATTENTION') return { returnRequest, isReplay }
  const message =
    errand.step > 0
      ? 'The goods are booked in; their money could not be given back. Once that is mended, receive it again.'
      : 'A part of the store cannot be reached. It goes on as soon as it can; ask with the same key.'
  throw new Rejection([{ code: 'UPSTREAM_UNAVAILABLE', message }], { returnRequest, isReplay })
}

/** Takes up a receipt that got stuck, with what was told of it. @throws Rejection CONFLICT when something else is told */
async function takeUp(
  tx: Db,
  ctx: Context,
  stuck: ErrandRow,
  input: z.output<typeof receiptInput>,
): Promise<ErrandRow> {
  const receipt = receiptOf(stuck)
  const differing = differences(input, receipt, stuck.step > 0)
  if (differing.length > 0) {
    const message = 'Goods of it that came in before are not booked in to the end. Receive those first, as they were.'
    throw new Rejection(differing.map((field) => ({ code: 'CONFLICT', message, field: inputPath([field]) })))
  }
  const data: Receipt = { ...receipt, isLeft: !input.refund }
  return await resumeErrand(tx, ctx, { ...stuck, data })
}

/** The lines of a receipt. @throws Rejection for every one that is not awaited, or not so many of it */
async function assertAwaited(
  tx: Db,
  { id, status }: ReturnRow,
  { lines, refund }: z.output<typeof receiptInput>,
): Promise<Receipt['lines']> {
  const awaited = await tx
    .select({ line: returnLines, variantId: orderLines.variantId })
    .from(returnLines)
    .innerJoin(orderLines, eq(orderLines.id, returnLines.orderLineId))
    .where(eq(returnLines.returnId, id))
  const isAwaited = awaited.some(({ line }) => line.receivedQuantity < line.quantity)
  if (!['APPROVED', 'RECEIVED', 'REFUNDED'].includes(status) || (status === 'REFUNDED' && !isAwaited)) {
    rejectTransition({ from: status, to: 'RECEIVED', allowed: nextStatuses[status] }, ['id'])
  }
  const isOwed = refund && awaited.some(({ line }) => line.refundedQuantity < line.receivedQuantity)
  if (lines.length === 0 && !isOwed) reject('REQUIRED', 'Say what came back.', ['lines'])
  const errors: UserError[] = []
  const received = lines.flatMap(({ lineId, quantity }, index) => {
    const found = awaited.find(({ line }) => line.orderLineId === lineId)
    const left = found ? found.line.quantity - found.line.receivedQuantity : 0
    if (found && quantity <= left) return [{ orderLineId: lineId, variantId: found.variantId, quantity }]
    const field = inputPath(['lines', index, found ? 'quantity' : 'lineId'])
    if (!found) errors.push({ code: 'NOT_FOUND', message: 'This line is not to come back.', field })
    else errors.push({ code: 'LIMIT_EXCEEDED', message: `Only ${left} are to come back.`, field })
    return []
  })
  if (errors.length > 0) throw new Rejection(errors)
  return received
}

const receiptOf = ({ data }: ErrandRow) => data as Receipt
const keyOf = (errand: ErrandRow) => `ret:${errand.returnId}:${receiptOf(errand).number}`

/** Goods first, which their place may refuse; then money. */
export const receiveSteps = {
  async TAKE_GOODS(ctx, errand) {
    const { lines, locationId, restock } = receiptOf(errand)
    if (lines.length > 0 && locationId !== null) {
      const byVariant = Map.groupBy(lines, ({ variantId }) => variantId)
      const errors = await returnStock(ctx, {
        orderId: errand.orderId,
        reference: errand.returnId!,
        locationId,
        restock,
        lines: [...byVariant].map(([variantId, parts]) => ({
          variantId,
          quantity: parts.reduce((sum, { quantity }) => sum + quantity, 0),
        })),
        idempotencyKey: `${keyOf(errand)}:stock`,
      })
      if (errors.length > 0) throw new Refused(errors.map(refusedGoods))
    }
    return (tx) => recordReceipt(tx, ctx, errand)
  },

  async GIVE_MONEY_BACK(ctx, errand) {
    const { refundMinor: amountMinor = 0 } = receiptOf(errand)
    if (amountMinor === 0) return
    const returnId = errand.returnId!
    const [request] = await ctx.db.select().from(returns).where(eq(returns.id, returnId))
    const { orderId, currency } = request!
    const amount = { amount: toDecimal({ amountMinor, currency }), currencyCode: currency }
    const errors = await refundForReturn(ctx, { orderId, returnId, amount, idempotencyKey: keyOf(errand) })
    if (errors.some(({ code }) => code === 'UPSTREAM_UNAVAILABLE')) throw new Error(errors[0]!.message)
    if (errors.length > 0 && receiptOf(errand).isLeft) return (tx) => leaveMoney(tx, ctx, errand, amountMinor)
    if (errors.length > 0) throw new Refused(errors)
    return async (tx) => {
      await tx
        .update(returns)
        .set({ status: 'REFUNDED', version: sql`${returns.version} + 1`, updatedAt: ctx.now() })
        .where(eq(returns.id, returnId))
    }
  },
} as const satisfies ErrandSteps

// Lines of a variant were added up for the stock: which of ours it means it cannot know.
const refusedGoods = ({ code, message, field }: UserError): UserError => {
  const isPlace = code === 'NOT_FOUND' && field?.at(-1) === 'locationId'
  return isPlace
    ? { code, message: 'There is no such location.', field: inputPath(['locationId']) }
    : { code, message, field: inputPath(['lines']) }
}

// Units whose money is left count as settled: nothing is owed for them any more.
async function leaveMoney(tx: Db, ctx: Context, { orderId, returnId, actorId }: ErrandRow, amountMinor: number) {
  await tx
    .update(returns)
    .set({
      refundMinor: sql`nullif(${returns.refundMinor} - ${amountMinor}, 0)`,
      version: sql`${returns.version} + 1`,
      updatedAt: ctx.now(),
    })
    .where(eq(returns.id, returnId!))
  await tx.insert(orderEvents).values({ orderId, kind: 'REFUND_LEFT', at: ctx.now(), actorId })
}

async function recordReceipt(tx: Db, ctx: Context, errand: ErrandRow): Promise<Receipt> {
  const { orderId, actorId } = errand
  const returnId = errand.returnId!
  const receipt = receiptOf(errand)
  const now = ctx.now()
  const [order] = await tx.select().from(orders).where(eq(orders.id, orderId)).for('update')
  for (const { orderLineId, quantity } of receipt.lines) {
    await tx
      .update(returnLines)
      .set({ receivedQuantity: sql`${returnLines.receivedQuantity} + ${quantity}` })
      .where(and(eq(returnLines.returnId, returnId), eq(returnLines.orderLineId, orderLineId)))
    await tx
      .update(orderLines)
      .set({ returnedQuantity: sql`${orderLines.returnedQuantity} + ${quantity}` })
      .where(eq(orderLines.id, orderLineId))
  }
  const lines = await tx
    .select()
    .from(orderLines)
    .where(eq(orderLines.orderId, orderId))
    .orderBy(asc(orderLines.position))
  const refundMinor = receipt.refund ? await oweRefund(tx, returnId, order!, lines) : 0
  await tx
    .update(errands)
    .set({ data: { ...receipt, refundMinor } })
    .where(eq(errands.id, errand.id))
  // What costs nothing has its money back at once.
  const isSettled = receipt.refund && refundMinor === 0
  await tx
    .update(returns)
    .set({
      status: isSettled ? 'REFUNDED' : 'RECEIVED',
      ...(receipt.refund && { refundMinor: sql`coalesce(${returns.refundMinor}, 0) + ${refundMinor}` }),
      version: sql`${returns.version} + 1`,
      updatedAt: now,
    })
    .where(eq(returns.id, returnId))
  const known = { ...receipt, refundMinor }
  if (receipt.lines.length === 0) return known
  await tx.insert(orderEvents).values({ orderId, kind: 'RETURN_RECEIVED', at: now, actorId })
  const to = statusByLines(order!.status, lines)
  const [changed] = await tx
    .update(orders)
    .set({ status: to, version: sql`${orders.version} + 1`, updatedAt: now })
    .where(eq(orders.id, orderId))
    .returning()
  if (to !== order!.status) await announceStatus(tx, ctx, order!.status, changed!, lines)
  return known
}

/** Notes that money is given back for all units of a return that came in and were not paid back. Returns how much. */
async function oweRefund(
  tx: Db,
  returnId: string,
  order: Parameters<typeof paidForLines>[0],
  lines: readonly OrderLineRow[],
): Promise<number> {
  const paid = paidForLines(order, lines)
  const ofOrder = await tx
    .select()
    .from(returnLines)
    .where(
      inArray(
        returnLines.orderLineId,
        lines.map(({ id }) => id),
      ),
    )
  const refunded = (orderLineId: string): number =>
    ofOrder.reduce((sum, line) => sum + (line.orderLineId === orderLineId ? line.refundedQuantity : 0), 0)
  const owed = ({ receivedQuantity, refundedQuantity }: ReturnLineRow): number => receivedQuantity - refundedQuantity
  let refundMinor = 0
  for (const mine of ofOrder.filter((line) => line.returnId === returnId && owed(line) > 0)) {
    const index = lines.findIndex(({ id }) => id === mine.orderLineId)
    const bought = { paidMinor: paid[index]!, quantity: lines[index]!.quantity }
    refundMinor += refundFor(bought, refunded(mine.orderLineId), owed(mine))
    await tx
      .update(returnLines)
      .set({ refundedQuantity: mine.receivedQuantity })
      .where(and(eq(returnLines.returnId, returnId), eq(returnLines.orderLineId, mine.orderLineId)))
  }
  return refundMinor
}
