import { z } from 'zod'
import { fact } from '#platform/facts.ts'

/** A guest signed in: what was the guest's is now the account's. The cart is merged by command; this is its backstop. */
export const GuestClaimed = fact('GuestClaimed', 1, {
  guestId: z.uuid(),
  userId: z.uuid(),
  cartMergeStrategy: z.enum(['SUM_QUANTITIES', 'PREFER_GUEST', 'PREFER_ACCOUNT', 'REPLACE_WITH_GUEST']),
})
