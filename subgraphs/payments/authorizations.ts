import { and, eq, sql } from 'drizzle-orm'
import { z } from 'zod'
import type { Db } from '#platform/database.ts'
import { parseInput, reject, rejectTransition } from '#platform/user-errors.ts'
import type { Service } from '#platform/viewer.ts'
import { unseal } from '#platform/sealed.ts'
import { isExpired, sealedAs } from './card.ts'
import { claimantOf } from './claims.ts'
import { amountIn, id, idempotencyKey } from './inputs.ts'
import { ask, hashOf, requireSuccess, transactionByKey, type Doing } from './movements.ts'
import { isUnsettled } from './payment.ts'
import { providerOf } from './provider.ts'
import type { PaymentAuthorizeInput } from './schema.generated.ts'
import {
  attempts,
  paymentMethods,
  payments,
  paymentTransactions,
  type PaymentMethodRow,
  type PaymentRow,
  type PaymentTransactionRow,
} from './tables.ts'
import { isUndone, undo } from './undoing.ts'

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
      idempotencyKey,
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
 * twice. Once per (checkout, attempt), and never after that attempt was undone.
 * @throws Rejection NOT_FOUND, TOKEN_INVALID, TOKEN_EXPIRED, PAYMENT_DECLINED, STATE_TRANSITION, UPSTREAM_UNAVAILABLE
 */
export async function authorizePayment(
  ctx: Doing,
  { name: askedBy }: Service,
  given: PaymentAuthorizeInput,
): Promise<{ payment: PaymentRow; isReplay: boolean }> {
  const input = parseInput(inputSchema(ctx.config.CURRENCY), given)
  const begun = await begin(ctx, { ...input, askedBy })
  const { isReplay } = begun
  let { transaction } = begun
  if (isUnsettled(transaction)) {
    const key = transaction.id
    const card = await cardOf(ctx, input)
    transaction = await ask(ctx, transaction, async (provider) =>
      'token' in card
        ? await provider.authorize({ key, token: card.token, amount: input.amount })
        : { status: 'DECLINED', code: card.declineCode },
    )
  }
  // Undone while the bank was being asked: what came of it must not stay.
  if (await isUndone(ctx.db, input)) {
    await undo(ctx, transaction.paymentId)
    refuseUndone()
  }
  requireSuccess(transaction)
  const [payment] = await ctx.db.select().from(payments).where(eq(payments.id, transaction.paymentId))
  return { payment: payment!, isReplay }
}

// The provider's token of the card to charge; a saved card must be the customer's own and still valid.
async function cardOf(ctx: Doing, input: Authorization): Promise<{ token: string } | { declineCode: string }> {
  const { paymentToken, paymentMethodId, customerId } = input
  if (paymentToken) return { token: paymentToken }
  const method = customerId ? await savedCard(ctx, paymentMethodId!, customerId) : null
  if (!method) reject('NOT_FOUND', 'There is no such saved card.', ['paymentMethodId'])
  if (isExpired(method, ctx.now())) return { declineCode: 'expired_card' }
  return { token: unseal(method.encryptedToken!, sealedAs(method.id), ctx.config.ENCRYPTION_SECRET) }
}

async function savedCard({ db }: Doing, methodId: string, userId: string): Promise<PaymentMethodRow | null> {
  if (!id.safeParse(methodId).success) return null
  const mine = and(eq(paymentMethods.id, methodId), eq(paymentMethods.userId, userId), sql`deleted_at is null`)
  const [method] = await db.select().from(paymentMethods).where(mine)
  return method ?? null
}

async function begin(
  ctx: Doing,
  input: Authorization & { askedBy: string },
): Promise<{ transaction: PaymentTransactionRow; isReplay: boolean }> {
  const { checkoutId, attempt, orderId, amount, askedBy, idempotencyKey: key } = input
  const { paymentMethodId, paymentToken } = input
  // Not the owner: a guest may have signed in between two tries.
  const requestHash = hashOf({ checkoutId, attempt, orderId, amount, paymentMethodId, paymentToken })
  const keyed = { kind: 'AUTHORIZE', askedBy, idempotencyKey: key, requestHash } as const
  return await ctx.db.transaction(async (tx) => {
    await openAttempt(tx, input)
    const earlier = await transactionByKey(tx, keyed)
    if (earlier) return { transaction: earlier, isReplay: true }
    await cardOf({ ...ctx, db: tx }, input)
    const now = ctx.now()
    const [payment] = await tx
      .insert(payments)
      .values({
        ...(await ownerOf(tx, input)),
        ...amount,
        checkoutId,
        attempt,
        orderId,
        methodId: paymentMethodId ?? null,
        provider: providerOf(ctx).name,
        authorization: 'PENDING',
        status: 'PENDING',
        authorizingMinor: amount.amountMinor,
        createdAt: now,
        updatedAt: now,
      })
      .onConflictDoNothing()
      .returning()
    if (!payment) reject('CONFLICT', 'This attempt has a payment already.', ['attempt'])
    const [transaction] = await tx
      .insert(paymentTransactions)
      .values({ ...keyed, ...amount, paymentId: payment.id, status: 'PENDING', at: now })
      .returning()
    return { transaction: transaction!, isReplay: false }
  })
}

// Takes the lock that decides between this attempt and its undoing.
async function openAttempt(
  tx: Db,
  { checkoutId, attempt }: Pick<Authorization, 'checkoutId' | 'attempt'>,
): Promise<void> {
  const [row] = await tx
    .insert(attempts)
    .values({ checkoutId, attempt })
    .onConflictDoUpdate({ target: [attempts.checkoutId, attempts.attempt], set: { attempt } })
    .returning()
  if (row!.undoneAt) refuseUndone()
}

const refuseUndone = (): never => rejectTransition({ from: 'VOIDED', to: 'AUTHORIZED', allowed: [] })

async function ownerOf(
  tx: Db,
  { customerId, guestId }: Pick<Authorization, 'customerId' | 'guestId'>,
): Promise<Pick<PaymentRow, 'ownerKind' | 'ownerId'>> {
  const ownerId = customerId ?? (await claimantOf(tx, guestId!))
  return ownerId ? { ownerKind: 'user', ownerId } : { ownerKind: 'guest', ownerId: guestId! }
}
