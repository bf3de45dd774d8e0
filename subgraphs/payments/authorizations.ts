import { sql, type SQL } from 'drizzle-orm'
import { z } from 'zod'
import { uuidv7, isId } from '#platform/ids.ts'
import { rowOf, type JsonRow } from '#platform/rows.ts'
import { unseal } from '#platform/sealed.ts'
import { parseInput, reject, rejectTransition } from '#platform/user-errors.ts'
import type { Service } from '#platform/viewer.ts'
import { isExpired, sealedAs } from './card.ts'
import { amountIn, id } from './inputs.ts'
import type { Doing, Recorded } from './ledger.ts'
import { ask, begunOf, hashOf, requireSame, requireSuccess, twice, type BegunJson } from './movements.ts'
import { isUnsettled } from './payment.ts'
import { providerOf } from './provider.ts'
import type { PaymentAuthorizeInput } from './schema.generated.ts'
import { paymentMethods, type PaymentMethodRow, type PaymentRow } from './tables.ts'
import { settle } from './settling.ts'
import { undo } from './undoing.ts'

const inputSchema = (currency: string) =>
  z
    .object({
      checkoutId: id,
      attempt: z.number().int().min(1, 'Attempts count from 1.'),
      orderId: id,
      customerId: id.nullish(),
      guestId: id.nullish(),
      amount: amountIn(currency),
      paymentMethodId: z.string().nullish(),
      paymentToken: z.string().max(200).nullish(),
      idempotencyKey: z.string(),
    })
    .refine(({ customerId, guestId }) => !customerId !== !guestId, {
      path: ['customerId'],
      message: 'Name either the customer or the guest.',
    })
    .refine(({ paymentMethodId, paymentToken }) => !paymentMethodId !== !paymentToken, {
      path: ['paymentToken'],
      message: 'Give either a saved card or a token.',
      params: { code: 'REQUIRED' },
    })

type Authorization = z.output<ReturnType<typeof inputSchema>>

/**
 * Reserves money on a card. The payment and its movement are committed before the provider is asked, with the movement's
 * id as key: a call that was cut off is taken up by the next one with the same `idempotencyKey`, and nothing is reserved
 * twice. Once per (checkout, attempt), and never after that attempt was undone. The payment REQUIRES_ACTION when the bank
 * wants the buyer to confirm first.
 * @throws Rejection NOT_FOUND, TOKEN_INVALID, TOKEN_EXPIRED, PAYMENT_DECLINED, STATE_TRANSITION, UPSTREAM_UNAVAILABLE
 */
export async function authorizePayment(
  ctx: Doing,
  { name: askedBy }: Service,
  given: PaymentAuthorizeInput,
): Promise<{ payment: PaymentRow; isReplay: boolean }> {
  const input = parseInput(inputSchema(ctx.config.CURRENCY), given)
  const { isReplay, method, ...begun } = await begin(ctx, { ...input, askedBy })
  const { transaction, payment, isUndone } = isUnsettled(begun.transaction)
    ? await answered(ctx, begun, () => cardOf(ctx, input, method))
    : begun
  // Undone while the bank was being asked: what came of it must not stay.
  if (isUndone) {
    await undo(ctx, payment.id)
    refuseUndone()
  }
  if (payment.status !== 'REQUIRES_ACTION') requireSuccess(transaction)
  return { payment, isReplay }
}

// An authorisation that the buyer must confirm is looked up: sent again, it would get the first answer.
async function answered(ctx: Doing, { transaction, payment }: Recorded, cardOf: () => Card): Promise<Recorded> {
  if (payment.status === 'REQUIRES_ACTION') return await settle(ctx, transaction, payment)
  const { id: key, amountMinor, currency } = transaction
  const card = cardOf()
  return await ask(ctx, transaction, payment, async (provider) =>
    'token' in card
      ? await provider.authorize({ key, token: card.token, amount: { amountMinor, currency } })
      : { status: 'DECLINED', code: card.declineCode },
  )
}

type Card = { token: string } | { declineCode: string }

// The provider's token of the card to charge; a saved card must be the customer's own and still valid.
function cardOf({ now, config }: Doing, { paymentToken }: Authorization, method: PaymentMethodRow | null): Card {
  if (paymentToken) return { token: paymentToken }
  if (!method) return refuseCard()
  if (isExpired(method, now())) return { declineCode: 'expired_card' }
  return { token: unseal(method.encryptedToken!, sealedAs(method.id), config.ENCRYPTION_SECRET) }
}

const refuseCard = (): never => reject('NOT_FOUND', 'There is no such saved card.', ['paymentMethodId'])

const refuseUndone = (): never => rejectTransition({ from: 'VOIDED', to: 'AUTHORIZED', allowed: [] })

interface BegunAuthorization extends Recorded {
  isReplay: boolean
  method: PaymentMethodRow | null
}

async function begin(ctx: Doing, input: Authorization & { askedBy: string }): Promise<BegunAuthorization> {
  const { checkoutId, attempt, orderId, amount, paymentMethodId, paymentToken } = input
  // Not the owner: a guest may have signed in between two tries.
  const requestHash = hashOf({ checkoutId, attempt, orderId, amount, paymentMethodId, paymentToken })
  const statement = () => beginning(ctx, input, requestHash)
  const { row, transaction, payment, isReplay } = await twice(async () =>
    begunOf(await ctx.db.execute<Json>(statement())),
  )
  if (row!.undone) refuseUndone()
  const method = row!.method ? rowOf(paymentMethods, row!.method) : null
  if (transaction) requireSame(transaction, { kind: 'AUTHORIZE', requestHash })
  if (transaction && payment) return { transaction, payment, isReplay, method, isUndone: false }
  if (paymentMethodId && !method) refuseCard()
  reject('CONFLICT', 'This attempt has a payment already.', ['attempt'])
}

type Json = BegunJson & { method: JsonRow | null; undone: boolean }

// One statement: the attempt is opened, which waits for its undoing, the payment made and its movement noted; or, with a
// key that is known, an attempt that is undone, or a card that is not the customer's, nothing of it.
function beginning(ctx: Doing, input: Authorization & { askedBy: string }, requestHash: string): SQL {
  const {
    checkoutId,
    attempt,
    orderId,
    customerId = null,
    guestId = null,
    amount,
    askedBy,
    idempotencyKey: key,
  } = input
  const { amountMinor, currency } = amount
  const methodId = input.paymentMethodId && isId(input.paymentMethodId) ? input.paymentMethodId : null
  const hasCard = input.paymentToken ? sql`true` : sql`exists (select from method)`
  const at = ctx.now().toISOString()
  return sql`
    with earlier as (
      select * from payments.payment_transactions where asked_by = ${askedBy} and idempotency_key = ${key}
    ),
    opened as (
      insert into payments.attempts (checkout_id, attempt) values (${checkoutId}, ${attempt})
      on conflict (checkout_id, attempt) do update set attempt = excluded.attempt
      returning undone_at
    ),
    guest as (
      insert into payments.claims (guest_id) select ${guestId}::uuid where ${guestId}::uuid is not null
      on conflict (guest_id) do update set guest_id = excluded.guest_id
      returning user_id
    ),
    method as (
      select * from payments.payment_methods
      where id = ${methodId}::uuid and user_id = ${customerId}::uuid and deleted_at is null
    ),
    paid as (
      insert into payments.payments (id, created_at, updated_at, owner_kind, owner_id, checkout_id, attempt, order_id,
        method_id, provider, "authorization", currency, amount_minor, authorizing_minor)
      select ${uuidv7()}::uuid, ${at}::timestamptz, ${at}::timestamptz,
        case when coalesce(${customerId}::uuid, guest.user_id) is null then 'guest' else 'user' end,
        coalesce(${customerId}::uuid, guest.user_id, ${guestId}::uuid), ${checkoutId}::uuid, ${attempt}::int,
        ${orderId}::uuid, ${methodId}::uuid, coalesce(method.provider, ${providerOf(ctx).name}), 'PENDING', ${currency},
        ${amountMinor}::bigint, ${amountMinor}::bigint
      from opened left join guest on true left join method on true
      where opened.undone_at is null and not exists (select from earlier) and ${hasCard}
      on conflict (checkout_id, attempt) do nothing
      returning *
    ),
    moved as (
      insert into payments.payment_transactions
        (id, payment_id, kind, status, currency, amount_minor, asked_by, idempotency_key, request_hash, at)
      select ${uuidv7()}::uuid, paid.id, 'AUTHORIZE', 'PENDING', paid.currency, paid.amount_minor, ${askedBy}, ${key},
        ${requestHash}, paid.created_at
      from paid
      returning *
    )
    select coalesce(to_jsonb(moved), to_jsonb(earlier)) as transaction, coalesce(to_jsonb(paid), to_jsonb(p)) as payment,
      earlier.id is not null as replay, to_jsonb(method) as method, opened.undone_at is not null as undone
    from opened
      left join earlier on true left join paid on true left join moved on true left join method on true
      left join payments.payments p on p.id = earlier.payment_id`
}
