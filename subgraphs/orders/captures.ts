import type { Context } from '#platform/context.ts'
import type { UserError } from '#platform/user-errors.ts'
import { capturePayment } from './calls/payments.ts'

// States of a payment whose money was taken by somebody else, such as staff in payments.
const taken = new Set(['CAPTURED', 'PARTIALLY_REFUNDED'])
// Somebody else is about to take or to release it.
const moving = new Set(['AUTHORIZED', 'PARTIALLY_CAPTURED'])

/**
 * Takes what is reserved for an order; `number` counts the tries. Returns why it was refused for good: nothing when the
 * money is taken, by whomever.
 * @throws when that is not known now
 */
export async function takeMoney(ctx: Context, orderId: string, number: number): Promise<readonly UserError[]> {
  const { payment, userErrors } = await capturePayment(ctx, {
    orderId,
    idempotencyKey: `ord:${orderId}:capture:${number}`,
  })
  if (payment) return []
  const from = userErrors.map((error) => ('fromState' in error ? error.fromState : ''))
  if (from.some((state) => taken.has(state))) return []
  const isOpen =
    userErrors.some(({ code }) => code === 'UPSTREAM_UNAVAILABLE') || from.some((state) => moving.has(state))
  if (isOpen || !userErrors[0]) throw new Error(`The money of an order: ${userErrors[0]?.message ?? 'no answer'}`)
  return userErrors.map(({ code, message }) => ({ code, message }))
}
