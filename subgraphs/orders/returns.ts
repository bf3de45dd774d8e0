import { and, eq, getTableColumns, inArray, sql } from 'drizzle-orm'
import { z } from 'zod'
import type { Context } from '#platform/context.ts'
import type { Db } from '#platform/database.ts'
import { forbidden } from '#platform/errors.ts'
import { idempotent } from '#platform/idempotency.ts'
import { isId } from '#platform/ids.ts'
import { keyset, type PageArgs } from '#platform/pages.ts'
import { inputPath, parseInput, reject, Rejection, rejectTransition, type UserError } from '#platform/user-errors.ts'
import { hasScope, owns, requireScope, requireSession, type Viewer } from '#platform/viewer.ts'
import { ownerOf, visibleTo } from './access.ts'
import { errands, returnLines, returns, type ReturnRow } from './aftersale-tables.ts'
import { actorOf } from './errands.ts'
import { claimedUnits, returnableOf } from './loaders.ts'
import { nextStatuses as nextOrderStatuses } from './order.ts'
import { keyedBy, lockOrderToChange } from './orders.ts'
import { canBecome, nextStatuses, whyNotReturned } from './return.ts'
import type {
  QueryReturnsArgs,
  ReturnApproveInput,
  ReturnCancelInput,
  ReturnCreateInput,
  ReturnDeclineInput,
} from './schema.generated.ts'
import { idempotencyKeys, orderEvents, orderLines, orders, type OrderRow } from './tables.ts'

/** Whether something of an order can be sent back now. */
export const isReturnable = async (ctx: Context, order: OrderRow): Promise<boolean> =>
  whyNotReturned(order, ctx.now()) === null && (await returnableOf(ctx).load(order.id)) !== null

const newest = [
  { column: returns.createdAt, direction: 'desc' },
  { column: returns.id, direction: 'desc' },
] as const

/** All returns, newest first. Staff only. */
export async function allReturns(ctx: Context, { status, ...args }: QueryReturnsArgs & PageArgs) {
  requireScope(ctx.viewer, 'orders:read')
  const where = status ? eq(returns.status, status) : undefined
  const page = keyset(args, newest)
  const rows = await ctx.db
    .select()
    .from(returns)
    .where(and(where, page.where))
    .orderBy(...page.orderBy)
    .limit(page.limit)
  const totalCount = () => ctx.db.$count(returns, where)
  return page.connection(rows, ({ createdAt, id }) => [createdAt, id], { totalCount })
}

/** Units of order lines, each line once. */
export const lineQuantities = z
  .array(z.object({ lineId: z.string(), quantity: z.int().min(1, 'At least 1 unit.') }))
  .max(100, 'At most 100 lines at once.')
  .superRefine((lines, check) => {
    lines.forEach(({ lineId }, index) => {
      if (lines.findIndex((line) => line.lineId === lineId) === index) return
      check.addIssue({ code: 'custom', message: 'This line is named twice.', path: [index, 'lineId'] })
    })
  })

const creation = z.object({
  lines: lineQuantities.min(1, 'Say what comes back.'),
  note: z.string().trim().max(1_000, 'Use at most 1,000 characters.').nullish(),
})

/**
 * Asks to send goods back, as long as there is time.
 * @throws Rejection as the contract lists them
 */
export async function createReturn(ctx: Context, input: ReturnCreateInput) {
  const { orderId, reason, idempotencyKey: key, ...request } = input
  const keyed = { ...keyedBy(ctx.viewer, 'returnCreate', key), request: { orderId, reason, ...request } }
  const { reply, isReplay } = await idempotent(ctx, idempotencyKeys, keyed, async (tx) => {
    const order = await lockOrderToChange(tx, ctx.viewer, orderId)
    const { lines, note } = parseInput(creation, request)
    assertInTime(order, ctx.now())
    await assertLeft(tx, orderId, lines)
    const now = ctx.now()
    const created = { status: 'REQUESTED' as const, currency: order.currency, createdAt: now, updatedAt: now }
    const [row] = await tx
      .insert(returns)
      .values({ ...created, orderId, reason, note: note || null })
      .returning()
    const { id: returnId } = row!
    await tx
      .insert(returnLines)
      .values(lines.map(({ lineId, quantity }) => ({ returnId, orderLineId: lineId, quantity })))
    await tx.insert(orderEvents).values({ orderId, kind: 'RETURN_REQUESTED', at: now, actorId: actorOf(ctx.viewer) })
    return { returnId }
  })
  if (!isReplay) await ctx.live.publish(`order:${orderId}`, {})
  return { returnRequest: await freshReturn(ctx, reply.returnId), isReplay }
}

function assertInTime(order: OrderRow, now: Date): void {
  const reason = whyNotReturned(order, now)
  if (reason === 'NOT_APPLICABLE') reject('NOT_APPLICABLE', 'The time for sending it back is over.', ['orderId'])
  if (reason === null) return
  const allowed = nextOrderStatuses[order.status]
  rejectTransition({ from: order.status, to: 'PARTIALLY_RETURNED', allowed }, ['orderId'])
}

/** @throws Rejection for every line that is unknown or of which fewer units can be sent back */
async function assertLeft(
  tx: Db,
  orderId: string,
  lines: readonly { lineId: string; quantity: number }[],
): Promise<void> {
  const rows = await tx
    .select({ id: orderLines.id, left: sql<number>`${orderLines.deliveredQuantity} - ${claimedUnits}` })
    .from(orderLines)
    .where(eq(orderLines.orderId, orderId))
  const leftOf = new Map(rows.map(({ id, left }) => [id, left]))
  const errors = lines.flatMap(({ lineId, quantity }, index): UserError[] => {
    const left = leftOf.get(lineId)
    if (left === undefined) {
      const field = inputPath(['lines', index, 'lineId'])
      return [{ code: 'NOT_FOUND', message: 'The order has no such line.', field }]
    }
    if (quantity <= left) return []
    const message = left > 0 ? `Only ${left} can be sent back.` : 'None of it can be sent back.'
    return [{ code: 'LIMIT_EXCEEDED', message, field: inputPath(['lines', index, 'quantity']) }]
  })
  if (errors.length > 0) throw new Rejection(errors)
}

/** A return the caller may see as it is now; null otherwise. */
export async function freshReturn(
  { db, viewer }: Pick<Context, 'db' | 'viewer'>,
  id: string,
): Promise<ReturnRow | null> {
  const [row] = await db
    .select(getTableColumns(returns))
    .from(returns)
    .innerJoin(orders, eq(orders.id, returns.orderId))
    .where(and(eq(returns.id, id), visibleTo(viewer, orders)))
  return row ?? null
}

/**
 * Locks a return and its order until the transaction ends, for the order's buyer or staff with `orders:manage`.
 * @throws Rejection NOT_FOUND; FORBIDDEN for staff who may only look at it
 */
export async function lockReturn(tx: Db, viewer: Viewer, id: string): Promise<{ order: OrderRow; request: ReturnRow }> {
  const [known] = isId(id)
    ? await tx
        .select({ orderId: returns.orderId })
        .from(returns)
        .innerJoin(orders, eq(orders.id, returns.orderId))
        .where(and(eq(returns.id, id), visibleTo(viewer, orders)))
    : []
  if (!known) reject('NOT_FOUND', 'There is no such return.', ['id'])
  // The order before what belongs to it, as everywhere.
  const [order] = await tx.select().from(orders).where(eq(orders.id, known.orderId)).for('update')
  const [request] = await tx.select().from(returns).where(eq(returns.id, id)).for('update')
  if (!owns(viewer, ownerOf(order!)) && !hasScope(viewer, 'orders:manage')) forbidden()
  return { order: order!, request: request! }
}

/** Calls a return off before its goods are received; a second call changes nothing. */
export async function cancelReturn(ctx: Context, { id }: ReturnCancelInput) {
  requireSession(ctx.viewer)
  const cancelled = await ctx.db.transaction(async (tx) => {
    const { request } = await lockReturn(tx, ctx.viewer, id)
    if (request.status === 'CANCELLED') return request
    const { status: from } = request
    if (await isArriving(tx, id)) rejectTransition({ from, to: 'CANCELLED', allowed: ['RECEIVED'] }, ['id'])
    return await move(tx, ctx, request, 'CANCELLED')
  })
  return { returnRequest: await told(ctx, cancelled) }
}

// Goods of it are being booked in, or that got stuck.
const isArriving = async (tx: Db, returnId: string): Promise<boolean> =>
  (await tx.$count(
    errands,
    and(eq(errands.returnId, returnId), inArray(errands.status, ['RUNNING', 'NEEDS_ATTENTION'])),
  )) > 0

/** Lets the goods be sent back. Staff only. */
export const approveReturn = (ctx: Context, { id, idempotencyKey }: ReturnApproveInput) =>
  decide(ctx, id, { command: 'returnApprove', to: 'APPROVED', idempotencyKey })

const declining = z.object({ reason: z.string().trim().min(1, 'Say why.').max(1_000, 'Use at most 1,000 characters.') })

/** Turns a return down. Staff only. */
export async function declineReturn(ctx: Context, { id, idempotencyKey, ...input }: ReturnDeclineInput) {
  requireScope(ctx.viewer, 'orders:manage')
  const { reason } = parseInput(declining, input)
  return await decide(ctx, id, { command: 'returnDecline', to: 'DECLINED', idempotencyKey, reason })
}

interface Decision {
  command: string
  to: 'APPROVED' | 'DECLINED'
  idempotencyKey: string
  reason?: string
}

async function decide(ctx: Context, id: string, { command, to, idempotencyKey: key, reason }: Decision) {
  requireScope(ctx.viewer, 'orders:manage')
  const keyed = { ...keyedBy(ctx.viewer, command, key), request: { id, reason } }
  const { reply, isReplay } = await idempotent(ctx, idempotencyKeys, keyed, async (tx) => {
    const { request } = await lockReturn(tx, ctx.viewer, id)
    const { orderId } = await move(tx, ctx, request, to, reason)
    return { orderId }
  })
  if (!isReplay) await ctx.live.publish(`order:${reply.orderId}`, {})
  return { returnRequest: await freshReturn(ctx, id), isReplay }
}

async function move(
  tx: Db,
  ctx: Context,
  { id, orderId, status: from }: ReturnRow,
  to: 'APPROVED' | 'DECLINED' | 'CANCELLED',
  reason: string | null = null,
): Promise<ReturnRow> {
  if (!canBecome(from, to)) rejectTransition({ from, to, allowed: nextStatuses[from] }, ['id'])
  const now = ctx.now()
  const [moved] = await tx
    .update(returns)
    .set({ status: to, declineReason: reason, version: sql`${returns.version} + 1`, updatedAt: now })
    .where(eq(returns.id, id))
    .returning()
  const actorId = actorOf(ctx.viewer)
  await tx.insert(orderEvents).values({ orderId, kind: `RETURN_${to}`, at: now, actorId, message: reason })
  return moved!
}

async function told(ctx: Context, request: ReturnRow): Promise<ReturnRow> {
  await ctx.live.publish(`order:${request.orderId}`, {})
  return request
}
