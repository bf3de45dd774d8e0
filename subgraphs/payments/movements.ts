import { createHash } from 'node:crypto'
import { and, eq, inArray, or, sql, type SQL } from 'drizzle-orm'
import type { Context } from '#platform/context.ts'
import type { Db } from '#platform/database.ts'
import { announce } from '#platform/facts.ts'
import { reject } from '#platform/user-errors.ts'
import { PaymentFailed, PaymentResolved, RefundSucceeded } from './events.ts'
import { isRetryable, isUnsettled, NOT_RECEIVED, statusOf } from './payment.ts'
import { providerOf, ProviderUnreachable, type Answer, type Provider } from './provider.ts'
import { payments, paymentTransactions, type PaymentRow, type PaymentTransactionRow } from './tables.ts'

export type Doing = Pick<Context, 'db' | 'now' | 'config' | 'requestId' | 'live' | 'log'>
type Kind = PaymentTransactionRow['kind']

// What each kind adds to while it is asked for, and what it becomes once it is done.
const sums = {
  AUTHORIZE: { asked: 'authorizingMinor', done: 'authorizedMinor' },
  CAPTURE: { asked: 'capturingMinor', done: 'capturedMinor' },
  VOID: { asked: 'releasingMinor', done: 'releasedMinor' },
  REFUND: { asked: 'refundingMinor', done: 'refundedMinor' },
} as const satisfies Record<Kind, { asked: keyof PaymentRow; done: keyof PaymentRow }>

const reserved = sql`authorized_minor - captured_minor - capturing_minor - released_minor - releasing_minor`
const left: Record<Exclude<Kind, 'AUTHORIZE'>, SQL> = {
  CAPTURE: reserved,
  VOID: reserved,
  REFUND: sql`captured_minor - refunded_minor - refunding_minor`,
}

export interface Movement {
  kind: Exclude<Kind, 'AUTHORIZE'>
  payment: Pick<PaymentRow, 'id' | 'currency'>
  amountMinor: number
  askedBy: string
  idempotencyKey: string
  /** What was asked; the same key with another request is refused. */
  request: unknown
  reason?: string
}

export interface Moved {
  transaction: PaymentTransactionRow
  isReplay: boolean
}

export const hashOf = (request: unknown): string => createHash('sha256').update(JSON.stringify(request)).digest('hex')

/** The topic on which changes of a payment are told. */
export const topicOf = (paymentId: string): string => `payment:${paymentId}`

/**
 * Moves money of a payment: notes the movement and what it may take, commits, asks the provider, records its answer. The
 * same key again asks the provider again, with that key, as long as there is no answer, and otherwise gets the answer
 * there is. `refuse` says what is wrong when less is left than the movement needs; nothing is kept of it then.
 * @throws Rejection IDEMPOTENCY_KEY_REUSED, and what `refuse` throws
 */
export async function move(ctx: Doing, movement: Movement, refuse: () => never): Promise<Moved> {
  const begun = await begin(ctx, movement, refuse)
  if (!isUnsettled(begun.transaction)) return begun
  return { ...begun, transaction: await carryOut(ctx, begun.transaction) }
}

async function begin(ctx: Doing, movement: Movement, refuse: () => never): Promise<Moved> {
  const { kind, payment, amountMinor, askedBy, idempotencyKey, reason } = movement
  const { id: paymentId, currency } = payment
  const requestHash = hashOf(movement.request)
  const { asked } = sums[kind]
  return await ctx.db.transaction(async (tx) => {
    // A second request with this key waits here for the first.
    const [transaction] = await tx
      .insert(paymentTransactions)
      .values({
        paymentId,
        kind,
        amountMinor,
        currency,
        askedBy,
        idempotencyKey,
        requestHash,
        reason,
        status: 'PENDING',
        at: ctx.now(),
      })
      .onConflictDoNothing()
      .returning()
    if (!transaction) {
      const earlier = await transactionByKey(tx, { kind, askedBy, idempotencyKey, requestHash })
      return { transaction: earlier!, isReplay: true }
    }
    const claimed = await tx
      .update(payments)
      .set({ [asked]: sql`${payments[asked]} + ${amountMinor}`, ...changedAt(ctx) })
      .where(and(eq(payments.id, paymentId), sql`${left[kind]} >= ${amountMinor}`))
      .returning({ id: payments.id })
    if (claimed.length === 0) refuse()
    return { transaction, isReplay: false }
  })
}

/** The movement that was asked for with a key. @throws Rejection IDEMPOTENCY_KEY_REUSED when it is another one. */
export async function transactionByKey(
  db: Db,
  request: Pick<PaymentTransactionRow, 'askedBy' | 'idempotencyKey' | 'kind' | 'requestHash'>,
): Promise<PaymentTransactionRow | null> {
  const { askedBy, idempotencyKey } = paymentTransactions
  const [found] = await db
    .select()
    .from(paymentTransactions)
    .where(and(eq(askedBy, request.askedBy), eq(idempotencyKey, request.idempotencyKey)))
  if (!found) return null
  if (found.kind !== request.kind || found.requestHash !== request.requestHash) {
    reject('IDEMPOTENCY_KEY_REUSED', 'This key was used before with different input.', ['idempotencyKey'])
  }
  return found
}

/** Asks for a capture, void or refund, again with the same key if it was asked for before. */
export async function carryOut(ctx: Doing, transaction: PaymentTransactionRow): Promise<PaymentTransactionRow> {
  const { id: key, amountMinor, currency, paymentId } = transaction
  const [payment] = await ctx.db.select().from(payments).where(eq(payments.id, paymentId))
  const request = { key, reference: payment!.providerReference!, amount: { amountMinor, currency } }
  const send: Record<Movement['kind'], (provider: Provider) => Promise<Answer>> = {
    CAPTURE: (provider) => provider.capture(request),
    VOID: (provider) => provider.void(request),
    REFUND: (provider) => provider.refund(request),
  }
  return await ask(ctx, transaction, send[transaction.kind as Movement['kind']])
}

/** Sends a request and records its answer; when none comes, asks what became of it and records that. */
export async function ask(
  ctx: Doing,
  transaction: PaymentTransactionRow,
  send: (provider: Provider) => Promise<Answer>,
): Promise<PaymentTransactionRow> {
  const provider = providerOf(ctx)
  const answer = (await ifReached(send(provider))) ?? (await ifReached(provider.lookup(transaction.id)))
  if (!answer && transaction.status === 'UNKNOWN') return transaction
  return await record(ctx, transaction, answer ?? { status: 'UNKNOWN' })
}

/** The provider's answer, or null when there is none. */
export async function ifReached<T>(answer: Promise<T>): Promise<T | null> {
  return await answer.catch((error: unknown) => {
    if (error instanceof ProviderUnreachable) return null
    throw error
  })
}

/** Writes what came of a movement, once: what is settled stays as it is. Returns the movement as it then stands. */
export async function record(
  ctx: Doing,
  { id, paymentId, kind, amountMinor }: PaymentTransactionRow,
  answer: Answer | { status: 'UNKNOWN' },
  { isResolution = false } = {},
): Promise<PaymentTransactionRow> {
  const { asked, done } = sums[kind]
  const errorCode = 'code' in answer ? answer.code : null
  const reference = 'reference' in answer ? answer.reference : null
  const recorded = await ctx.db.transaction(async (tx) => {
    const [transaction] = await tx
      .update(paymentTransactions)
      .set({ status: answer.status, errorCode, providerReference: reference })
      .where(and(eq(paymentTransactions.id, id), unsettled))
      .returning()
    if (!transaction) return null
    // What may still come keeps its claim.
    const isOver = !isUnsettled(transaction)
    const [payment] = await tx
      .update(payments)
      .set({
        ...(isOver ? { [asked]: sql`${payments[asked]} - ${amountMinor}` } : {}),
        ...(reference ? { [done]: sql`${payments[done]} + ${amountMinor}` } : {}),
        ...(kind === 'AUTHORIZE' ? { authorization: answer.status, providerReference: reference } : {}),
        ...changedAt(ctx),
      })
      .where(eq(payments.id, paymentId))
      .returning()
    await tx
      .update(payments)
      .set({ status: statusOf(payment!) })
      .where(eq(payments.id, paymentId))
    await tell(tx, ctx, payment!, transaction, isResolution)
    return transaction
  })
  if (recorded) await ctx.live.publish(topicOf(paymentId), {})
  return recorded ?? (await ctx.db.select().from(paymentTransactions).where(eq(paymentTransactions.id, id)))[0]!
}

/** SQL of `isUnsettled`. */
export const unsettled = or(
  inArray(paymentTransactions.status, ['PENDING', 'UNKNOWN']),
  eq(paymentTransactions.errorCode, NOT_RECEIVED),
)!

async function tell(
  tx: Db,
  ctx: Doing,
  payment: PaymentRow,
  { kind, status, amountMinor, currency }: PaymentTransactionRow,
  isResolution: boolean,
): Promise<void> {
  const { id: entityId, version: entityVersion, ownerKind, ownerId, checkoutId, orderId } = payment
  const about = { entityId, entityVersion, owner: { kind: ownerKind, id: ownerId } }
  const amount = { amountMinor, currency }
  if (kind === 'AUTHORIZE' && isResolution) {
    await announce(tx, ctx, PaymentResolved, { ...about, data: { checkoutId, status: statusOf(payment) } })
  } else if (kind === 'CAPTURE' && (status === 'DECLINED' || status === 'FAILED')) {
    await announce(tx, ctx, PaymentFailed, { ...about, data: { orderId, amount } })
  } else if (kind === 'REFUND' && status === 'SUCCEEDED') {
    await announce(tx, ctx, RefundSucceeded, { ...about, data: { orderId, amount } })
  }
}

const changedAt = ({ now }: Pick<Context, 'now'>) => ({ updatedAt: now(), version: sql`${payments.version} + 1` })

/** @throws Rejection unless the movement succeeded. */
export function requireSuccess({ status, errorCode }: PaymentTransactionRow): void {
  if (status === 'SUCCEEDED') return
  if (status === 'DECLINED') {
    reject('PAYMENT_DECLINED', 'The card was declined. Nothing was charged.', null, {
      __typename: 'PaymentDeclinedError',
      declineCode: errorCode!,
      isRetryable: isRetryable(errorCode!),
    })
  }
  if (errorCode === 'token_invalid') reject('TOKEN_INVALID', 'This card token is unknown or used up.', ['paymentToken'])
  if (errorCode === 'token_expired')
    reject('TOKEN_EXPIRED', 'This card token is too old. Enter the card again.', ['paymentToken'])
  reject('UPSTREAM_UNAVAILABLE', 'The bank cannot be reached. Try again with the same key.')
}
