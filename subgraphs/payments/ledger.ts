import { sql, type SQL } from 'drizzle-orm'
import type { Context } from '#platform/context.ts'
import type { Db } from '#platform/database.ts'
import { announce } from '#platform/facts.ts'
import { rowOf, type JsonRow } from '#platform/rows.ts'
import { seal } from '#platform/sealed.ts'
import { PaymentFailed, PaymentResolved, RefundSucceeded } from './events.ts'
import { actionSealedAs, CHARGED_ONCE, isUnsettled, NOT_RECEIVED } from './payment.ts'
import type { Answer } from './provider.ts'
import { payments, paymentTransactions, type postings, type PaymentRow, type PaymentTransactionRow } from './tables.ts'

export type Doing = Pick<Context, 'db' | 'now' | 'config' | 'requestId' | 'live' | 'log'>
export type Kind = PaymentTransactionRow['kind']

/** The columns of each kind: what it adds to while it is asked for, and what that becomes once it is done. */
export const sums = {
  AUTHORIZE: { asked: sql`authorizing_minor`, done: sql`authorized_minor` },
  CAPTURE: { asked: sql`capturing_minor`, done: sql`captured_minor` },
  VOID: { asked: sql`releasing_minor`, done: sql`released_minor` },
  REFUND: { asked: sql`refunding_minor`, done: sql`refunded_minor` },
} as const satisfies Record<Kind, { asked: SQL; done: SQL }>

/** A movement, its payment as it then stands, and whether the payment's attempt has been undone. */
export interface Recorded {
  transaction: PaymentTransactionRow
  payment: PaymentRow
  isUndone: boolean
}

/** The topic on which changes of a payment are told. */
export const topicOf = (paymentId: string): string => `payment:${paymentId}`

/** SQL of `isUnsettled`. */
export const unsettled = sql`(payment_transactions.status in ('PENDING', 'UNKNOWN') or payment_transactions.error_code = ${sql.raw(`'${NOT_RECEIVED}'`)})`

/** Writes what came of a movement, once: what is settled stays as it is. Returns the movement as it then stands. */
export async function record(
  ctx: Doing,
  transaction: PaymentTransactionRow,
  answer: Answer | { status: 'UNKNOWN' },
  { isResolution = false } = {},
): Promise<Recorded> {
  const write = (db: Db) => outcomeOf(db, recording(ctx, transaction, answer))
  const tell = tellerOf(transaction, answer, isResolution)
  const recorded = await (tell
    ? ctx.db.transaction(async (tx) => {
        const written = await write(tx)
        if (written) await tell(tx, ctx, written)
        return written
      })
    : write(ctx.db))
  if (!recorded) return (await outcomeOf(ctx.db, standing(transaction.id)))!
  await ctx.live.publish(topicOf(transaction.paymentId), {})
  return recorded
}

// One statement: the movement, as long as it is unsettled, and what it does to its payment.
function recording(
  { now, config }: Doing,
  { id, paymentId, kind }: PaymentTransactionRow,
  answer: Answer | { status: 'UNKNOWN' },
): SQL {
  const { asked, done } = sums[kind]
  const isWaiting = answer.status === 'REQUIRES_ACTION'
  const errorCode = 'code' in answer ? answer.code : null
  const reference = 'reference' in answer ? answer.reference : null
  const status = isWaiting ? 'PENDING' : answer.status
  // What may still come keeps its claim.
  const over = isUnsettled({ status, errorCode }) ? sql`0` : sql`moved.amount_minor`
  const took = answer.status === 'SUCCEEDED' ? sql`moved.amount_minor` : sql`0`
  const action = isWaiting
    ? seal(JSON.stringify(answer.action), actionSealedAs(paymentId), config.ENCRYPTION_SECRET)
    : null
  const authorized =
    kind === 'AUTHORIZE'
      ? sql`"authorization" = ${answer.status}, provider_reference = coalesce(${reference}, p.provider_reference), sealed_action = ${action},`
      : sql``
  return sql`
    with moved as (
      update payments.payment_transactions
      set status = ${status}, error_code = ${errorCode},
        provider_reference = coalesce(${reference}, payment_transactions.provider_reference)
      where id = ${id} and ${unsettled}
      returning *
    ),
    paid as (
      update payments.payments p
      set ${asked} = p.${asked} - ${over}, ${done} = p.${done} + ${took}, ${authorized}
        updated_at = ${now().toISOString()}, version = p.version + 1
      from moved where p.id = moved.payment_id
      returning p.*
    ),
    posted as (${posting(kind)})
    select to_jsonb(moved) as transaction, to_jsonb(paid) as payment, ${isUndone(sql`paid`)} as undone
    from moved, paid`
}

// Where a movement takes money from, and to.
const ways = {
  AUTHORIZE: ['buyer', 'held'],
  CAPTURE: ['held', 'taken'],
  VOID: ['held', 'buyer'],
  REFUND: ['taken', 'buyer'],
} as const satisfies Record<Kind, readonly [from: Account, to: Account]>

type Account = typeof postings.$inferSelect.account

/** SQL that posts the movement `moved` if it was carried out. */
export const posting = (kind: Kind): SQL => sql`
  insert into payments.postings (transaction_id, account, payment_id, currency, amount_minor)
  select moved.id, side.account, moved.payment_id, moved.currency, side.sign * moved.amount_minor
  from moved, (values (${ways[kind][0]}, -1), (${ways[kind][1]}, 1)) as side (account, sign)
  where moved.status = 'SUCCEEDED'`

const standing = (id: string): SQL => sql`
  select to_jsonb(t) as transaction, to_jsonb(p) as payment, ${isUndone(sql`p`)} as undone
  from payments.payment_transactions t join payments.payments p on p.id = t.payment_id where t.id = ${id}`

const isUndone = (payment: SQL): SQL => sql`exists (
  select from payments.attempts a
  where a.checkout_id = ${payment}.checkout_id and a.attempt = ${payment}.attempt and a.undone_at is not null
)`

async function outcomeOf(db: Db, statement: SQL): Promise<Recorded | null> {
  const [row] = await db.execute<{ transaction: JsonRow; payment: JsonRow; undone: boolean }>(statement)
  if (!row) return null
  const { transaction, payment, undone } = row
  return {
    transaction: rowOf(paymentTransactions, transaction),
    payment: rowOf(payments, payment),
    isUndone: undone,
  }
}

type Teller = (tx: Db, ctx: Doing, recorded: Recorded) => Promise<void>

// The fact that an answer makes true; null when it makes none, as on the way of an ordinary purchase.
function tellerOf(
  { kind, amountMinor, currency }: PaymentTransactionRow,
  answer: Answer | { status: 'UNKNOWN' },
  isResolution: boolean,
): Teller | null {
  const { status } = answer
  const amount = { amountMinor, currency }
  if (kind === 'AUTHORIZE' && isResolution && status !== 'REQUIRES_ACTION' && status !== 'UNKNOWN') {
    return (tx, ctx, { payment }) => {
      const { checkoutId, status: standing } = payment
      return announce(tx, ctx, PaymentResolved, { ...about(payment), data: { checkoutId, status: standing } })
    }
  }
  // A part that is refused leaves all of it to be taken.
  const isLost = (status === 'DECLINED' || status === 'FAILED') && answer.code !== CHARGED_ONCE
  const fact =
    kind === 'CAPTURE' && isLost ? PaymentFailed : kind === 'REFUND' && status === 'SUCCEEDED' ? RefundSucceeded : null
  return (
    fact &&
    ((tx, ctx, { payment }) =>
      announce(tx, ctx, fact, { ...about(payment), data: { orderId: payment.orderId, amount } }))
  )
}

/** Whose fact it is. */
export const about = ({ id, version, ownerKind, ownerId }: PaymentRow) => ({
  entityId: id,
  entityVersion: version,
  owner: { kind: ownerKind, id: ownerId },
})
