import { z } from 'zod'
import { fact } from '#platform/facts.ts'

const money = z.object({ amountMinor: z.number().int().positive(), currency: z.string().length(3) })

/** An authorisation whose answer was missing has one now. `entityId` is the payment. */
export const PaymentResolved = fact('PaymentResolved', 1, {
  checkoutId: z.uuid().nullable(),
  status: z.string(),
})

/** Reserved money could not be taken. */
export const PaymentFailed = fact('PaymentFailed', 1, {
  orderId: z.uuid().nullable(),
  amount: money,
})

/** Money was given back. */
export const RefundSucceeded = fact('RefundSucceeded', 1, {
  orderId: z.uuid().nullable(),
  amount: money,
})

/** Money has been reserved for a while and nobody has taken it. Told again every hour until it is taken or released. */
export const AuthorizationUnclaimed = fact('AuthorizationUnclaimed', 1, {
  checkoutId: z.uuid(),
  attempt: z.number().int(),
})
