import { createHash } from 'node:crypto'
import { sql, type SQL } from 'drizzle-orm'
import { isTaken } from '#platform/database.ts'
import { uuidv7 } from '#platform/ids.ts'
import { rowOf, type JsonRow } from '#platform/rows.ts'
import { reject } from '#platform/user-errors.ts'
import { record, sums, type Doing, type Kind, type Recorded } from './ledger.ts'
import { AMOUNT_NOT_EXACT, amountsOutOfBounds, CHARGED_ONCE, isRetryable, isUnsettled } from './payment.ts'
import { providerNamed, ProviderUnreachable, type Answer, type Provider, type Question } from './provider.ts'
import { payments, paymentTransactions, type PaymentRow, type PaymentTransactionRow } from './tables.ts'

const reserved = sql`(p.authorized_minor - p.captured_minor - p.capturing_minor - p.released_minor - p.releasing_minor)`

/** SQL of what is left of a payment `p` for a movement, in minor units. What is asked for already is taken for done. */
export const left = {
  CAPTURE: reserved,
  VOID: reserved,
  REFUND: sql`(p.captured_minor - p.refunded_minor - p.refunding_minor)`,
} as const satisfies Partial<Record<Kind, SQL>>

/** What is left of a reservation to release before anything is taken of it. */
export const unlessTaken = sql`case when p.captured_minor + p.capturing_minor > 0 then 0 else ${left.VOID} end`

export interface Movement {
  kind: Exclude<Kind, 'AUTHORIZE'>
  /** Which payment, as a condition on `p`; the newest of several. */
  of: SQL
  /** Null for all that is left. */
  amountMinor: number | null
  /** What is left; that of its kind unless said otherwise. */
  left?: SQL
  /** Whether the order stands by now, so that its payments may name it. */
  isOrdered?: boolean
  askedBy: string
  idempotencyKey: string
  /** What was asked; the same key with another request is refused. */
  request: unknown
  reason?: string | undefined
}

export interface Moved {
  transaction: PaymentTransactionRow
  payment: PaymentRow
  isReplay: boolean
}

export const hashOf = (request: unknown): string => createHash('sha256').update(JSON.stringify(request)).digest('hex')

/**
 * Moves money of a payment: notes the movement and what it may take, commits, asks the provider, records its answer. The
 * same key again asks the provider again, with that key, as long as there is no answer, and otherwise gets the answer
 * there is. `refuse` says what is wrong when less is left than the movement needs, of the payment or of none; nothing is
 * kept of it then.
 * @throws Rejection IDEMPOTENCY_KEY_REUSED, and what `refuse` throws
 */
export async function move(
  ctx: Doing,
  movement: Movement,
  refuse: (payment: PaymentRow | null) => never,
): Promise<Moved> {
  const moved = await moveIfLeft(ctx, movement)
  return 'transaction' in moved ? moved : refuse(moved.payment)
}

/** The same, but it only answers with the payment when less is left. @throws Rejection IDEMPOTENCY_KEY_REUSED */
export async function moveIfLeft(ctx: Doing, movement: Movement): Promise<Moved | { payment: PaymentRow | null }> {
  const requestHash = hashOf(movement.request)
  const statement = () => beginning(ctx, movement, requestHash)
  const begun = await twice(async () => begunOf(await ctx.db.execute<BegunJson>(statement())))
  const { transaction, payment, isReplay } = begun
  if (!transaction || !payment) return { payment }
  requireSame(transaction, { kind: movement.kind, requestHash })
  if (!isUnsettled(transaction)) return { transaction, payment, isReplay }
  return { ...(await carryOut(ctx, transaction, payment)), isReplay }
}

/** What a statement that begins a movement found and made. */
export interface Begun {
  transaction: PaymentTransactionRow | null
  payment: PaymentRow | null
  isReplay: boolean
}

/**
 * Runs a beginning again when it began nothing, or failed because its key is taken: it may have waited for a twin with the
 * same key, which its view of the database is older than.
 */
export async function twice<T extends Begun>(run: () => Promise<T>): Promise<T> {
  const first = await run().catch((error: unknown) => {
    if (!isTaken(error, 'payment_transactions_asked_by_idempotency_key_index')) throw error
    return null
  })
  return first?.transaction ? first : await run()
}

export type BegunJson = { transaction: JsonRow | null; payment: JsonRow | null; replay: boolean }

export const begunOf = <T extends BegunJson>([row]: readonly T[]): Begun & { row: T | undefined } => ({
  row,
  transaction: row?.transaction ? rowOf(paymentTransactions, row.transaction) : null,
  payment: row?.payment ? rowOf(payments, row.payment) : null,
  isReplay: row?.replay ?? false,
})

// One statement: what is left of the payment is claimed, and the movement noted; or, with a key that is known, nothing of
// it. It does not lock the row first: an UPDATE checks the constraints on the row as the statement first saw it, which a
// lock may just have found to be out of date.
function beginning({ now }: Doing, movement: Movement, requestHash: string): SQL {
  const { kind, of, amountMinor, askedBy, idempotencyKey, reason = null, isOrdered = false } = movement
  const remaining = movement.left ?? left[kind]
  const { asked } = sums[kind]
  const newest = sql`select p.id from payments.payments p where ${of} order by p.created_at desc limit 1`
  const at = now().toISOString()
  return sql`
    with earlier as (
      select * from payments.payment_transactions where asked_by = ${askedBy} and idempotency_key = ${idempotencyKey}
    ),
    claimed as (
      update payments.payments p
      set ${asked} = p.${asked} + coalesce(${amountMinor}::bigint, ${remaining}),
        is_ordered = p.is_ordered or ${isOrdered}, updated_at = ${at}, version = p.version + 1
      where p.id = (${newest}) and not exists (select from earlier)
        and coalesce(${amountMinor}::bigint, ${remaining}) between 1 and ${remaining}
      returning p.*, new.${asked} - old.${asked} as claimed_minor
    ),
    named as (
      update payments.payments p set is_ordered = true
      from claimed where ${isOrdered} and p.order_id = claimed.order_id and p.id <> claimed.id and not p.is_ordered
    ),
    moved as (
      insert into payments.payment_transactions
        (id, payment_id, kind, status, currency, amount_minor, asked_by, idempotency_key, request_hash, reason, at)
      select ${uuidv7()}::uuid, claimed.id, ${kind}, 'PENDING', claimed.currency, claimed.claimed_minor, ${askedBy},
        ${idempotencyKey}, ${requestHash}, ${reason}, ${at}::timestamptz
      from claimed
      returning *
    )
    select coalesce(to_jsonb(moved), to_jsonb(earlier)) as transaction, coalesce(to_jsonb(claimed), to_jsonb(p)) as payment,
      earlier.id is not null as replay
    from (select) one
      left join earlier on true left join claimed on true left join moved on true
      left join payments.payments p on p.id = coalesce(earlier.payment_id, (${newest}))`
}

/** @throws Rejection IDEMPOTENCY_KEY_REUSED when a movement was asked for with other input than `request`. */
export function requireSame(
  { kind, requestHash }: PaymentTransactionRow,
  request: Pick<PaymentTransactionRow, 'kind' | 'requestHash'>,
): void {
  if (kind === request.kind && requestHash === request.requestHash) return
  reject('IDEMPOTENCY_KEY_REUSED', 'This key was used before with different input.', ['idempotencyKey'])
}

/** Asks for a capture, void or refund, again with the same key if it was asked for before. */
export async function carryOut(ctx: Doing, transaction: PaymentTransactionRow, payment: PaymentRow): Promise<Recorded> {
  const { id: key, amountMinor, currency } = transaction
  const request = { key, reference: payment.providerReference!, amount: { amountMinor, currency } }
  const send: Record<Movement['kind'], (provider: Provider) => Promise<Answer>> = {
    CAPTURE: (provider) => provider.capture(request),
    VOID: (provider) => provider.void(request),
    REFUND: (provider) => provider.refund(request),
  }
  return await ask(ctx, transaction, payment, send[transaction.kind as Movement['kind']])
}

/** Sends a request and records its answer; when none comes, asks what became of it and records that. */
export async function ask(
  ctx: Doing,
  transaction: PaymentTransactionRow,
  payment: PaymentRow,
  send: (provider: Provider) => Promise<Answer>,
): Promise<Recorded> {
  const provider = providerNamed(ctx, payment.provider)
  const answer =
    (await ifReached(send(provider))) ?? (await ifReached(provider.lookup(questionOf(transaction, payment))))
  return await record(ctx, transaction, answer ?? { status: 'UNKNOWN' })
}

/** What a movement's provider is asked about it. */
export const questionOf = (
  { id: key, kind }: PaymentTransactionRow,
  { providerReference: reference }: PaymentRow,
): Question => ({ key, kind, reference })

/** The provider's answer, or null when there is none. */
export async function ifReached<T>(answer: Promise<T>): Promise<T | null> {
  return await answer.catch((error: unknown) => {
    if (error instanceof ProviderUnreachable) return null
    throw error
  })
}

/** @throws Rejection unless the movement succeeded. */
export function requireSuccess({
  kind,
  status,
  errorCode,
}: Pick<PaymentTransactionRow, 'kind' | 'status' | 'errorCode'>): void {
  if (status === 'SUCCEEDED') return
  if (errorCode === 'token_invalid') reject('TOKEN_INVALID', 'This card token is unknown or used up.', ['paymentToken'])
  if (errorCode === 'token_expired')
    reject('TOKEN_EXPIRED', 'This card token is too old. Enter the card again.', ['paymentToken'])
  if (errorCode === AMOUNT_NOT_EXACT) {
    reject('NOT_APPLICABLE', 'Banks do not move exactly this amount in this currency.', ['amount'])
  }
  if (errorCode === CHARGED_ONCE) {
    reject('NOT_APPLICABLE', 'This card can be charged once: take all that is reserved.', ['amount'])
  }
  if (amountsOutOfBounds.includes(errorCode ?? '')) {
    reject('LIMIT_EXCEEDED', 'The bank takes no payment as small or as large as this.', ['amount'])
  }
  if (isUnsettled({ status, errorCode })) {
    reject('UPSTREAM_UNAVAILABLE', 'The bank cannot be reached. Try again with the same key.')
  }
  const refusal = 'The bank refuses. Try again later, with a new key.'
  // Of an authorisation it says nothing about the card: another may fail the same way.
  if (status === 'FAILED' && kind === 'AUTHORIZE') reject('UPSTREAM_UNAVAILABLE', refusal)
  const message = status === 'DECLINED' ? 'The card was declined. Nothing was charged.' : refusal
  reject('PAYMENT_DECLINED', message, null, {
    __typename: 'PaymentDeclinedError',
    declineCode: errorCode!,
    isRetryable: isRetryable(errorCode!),
  })
}
