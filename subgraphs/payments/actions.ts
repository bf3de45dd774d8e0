import { and, eq } from 'drizzle-orm'
import { z } from 'zod'
import type { Context } from '#platform/context.ts'
import { isId } from '#platform/ids.ts'
import { unseal } from '#platform/sealed.ts'
import { parseInput, reject, rejectTransition } from '#platform/user-errors.ts'
import { owns } from '#platform/viewer.ts'
import { requireSuccess } from './movements.ts'
import { actionSealedAs, CANCELLED } from './payment.ts'
import type { Action } from './provider.ts'
import type { PaymentActionConfirmInput } from './schema.generated.ts'
import { payments, paymentTransactions, type PaymentRow } from './tables.ts'
import { resolve } from './webhooks.ts'

/** What the buyer must do; nobody else is told, as whoever knows it may do it. */
export function actionOf(
  { viewer, config }: Pick<Context, 'viewer' | 'config'>,
  { id, status, sealedAction, ownerKind, ownerId }: PaymentRow,
): Action | null {
  if (status !== 'REQUIRES_ACTION' || !sealedAction || !owns(viewer, { kind: ownerKind, id: ownerId })) return null
  return JSON.parse(unseal(sealedAction, actionSealedAs(id), config.ENCRYPTION_SECRET))
}

/**
 * The buyer says the action is completed: the bank is asked. A payment that the bank still waits for is answered as it
 * is; one that went on meanwhile, too.
 * @throws Rejection NOT_FOUND, PAYMENT_DECLINED, STATE_TRANSITION, UPSTREAM_UNAVAILABLE
 */
export async function confirmAction(ctx: Context, given: PaymentActionConfirmInput): Promise<{ payment: PaymentRow }> {
  const { paymentId } = parseInput(z.object({ paymentId: z.string() }), given)
  const [authorization] = isId(paymentId)
    ? await ctx.db
        .select({ transaction: paymentTransactions, payment: payments })
        .from(paymentTransactions)
        .innerJoin(payments, eq(payments.id, paymentTransactions.paymentId))
        .where(and(eq(payments.id, paymentId), eq(paymentTransactions.kind, 'AUTHORIZE')))
    : []
  const isMine =
    authorization && owns(ctx.viewer, { kind: authorization.payment.ownerKind, id: authorization.payment.ownerId })
  if (!isMine) reject('NOT_FOUND', 'You have no such payment.', ['paymentId'])
  const { transaction, payment } = await resolve(ctx, authorization)
  if (payment.status === 'VOIDED' || transaction.errorCode === CANCELLED) {
    rejectTransition({ from: payment.status, to: 'AUTHORIZED', allowed: [] })
  }
  if (payment.status !== 'REQUIRES_ACTION') requireSuccess(transaction)
  return { payment }
}
