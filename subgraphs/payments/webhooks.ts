import { and, eq, or, type SQL } from 'drizzle-orm'
import type { Context } from '#platform/context.ts'
import { isId } from '#platform/ids.ts'
import { errorResponse } from '#platform/http.ts'
import { Rejection } from '#platform/user-errors.ts'
import type { Recorded } from './ledger.ts'
import { isUnsettled } from './payment.ts'
import { WebhookRefused, type Provider, type WebhookEvent } from './provider.ts'
import { settle } from './settling.ts'
import { payments, paymentTransactions } from './tables.ts'
import { undo } from './undoing.ts'

/**
 * Answers a provider's webhook. It is taken for a hint only: what it is about is looked up and recorded, so that one that
 * comes twice, late or out of order changes nothing. 503 has the provider send it again.
 */
export async function hearWebhook(ctx: Context, provider: Provider, request: Request): Promise<Response> {
  let event: WebhookEvent | null
  try {
    event = await provider.parseWebhook(request)
  } catch (error) {
    if (!(error instanceof WebhookRefused)) throw error
    return errorResponse(400, 'BAD_REQUEST', 'This is not signed as it must be.')
  }
  try {
    const told = event && (await movementOf(ctx, provider, event))
    if (told) await resolve(ctx, told)
  } catch (error) {
    if (!(error instanceof Rejection)) throw error
    return errorResponse(503, 'UNAVAILABLE', 'The provider cannot be reached. Send it again.')
  }
  return Response.json({ received: true })
}

type Movement = Pick<Recorded, 'transaction' | 'payment'>

async function movementOf(
  { db }: Context,
  { name }: Provider,
  { key, reference }: WebhookEvent,
): Promise<Movement | null> {
  const asked: SQL | undefined = or(
    key && isId(key) ? eq(paymentTransactions.id, key) : undefined,
    reference ? and(eq(payments.providerReference, reference), eq(paymentTransactions.kind, 'AUTHORIZE')) : undefined,
  )
  if (!asked) return null
  const [movement] = await db
    .select({ transaction: paymentTransactions, payment: payments })
    .from(paymentTransactions)
    .innerJoin(payments, eq(payments.id, paymentTransactions.paymentId))
    .where(and(asked, eq(payments.provider, name)))
    .limit(1)
  return movement ?? null
}

/**
 * Finds out what became of a movement, unless that is known, and tells it as a fact: however many do so at once, it is
 * recorded and told once. An authorisation that came after its attempt was undone is undone.
 * @throws Rejection UPSTREAM_UNAVAILABLE
 */
export async function resolve(ctx: Context, { transaction, payment }: Movement): Promise<Movement> {
  if (!isUnsettled(transaction)) return { transaction, payment }
  const settled = await settle(ctx, transaction, payment, { isResolution: true })
  const isLate = settled.isUndone && transaction.kind === 'AUTHORIZE'
  return isLate ? { ...settled, payment: await undo(ctx, payment.id) } : settled
}
