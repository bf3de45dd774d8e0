import { on } from '#platform/reactions.ts'
import { LowStockRaised, ProductChanged } from '../inventory/events.ts'
import { OrderCancelled } from '../orders/events.ts'
import { GuestClaimed } from '../users/events.ts'
import { claimCarts } from './claims.ts'
import { raiseEpoch } from './price-epoch.ts'
import { releaseUsageOf } from './promotion-uses.ts'

export const reactions = [
  on(GuestClaimed, claimCarts),
  on(ProductChanged, ({ db }) => raiseEpoch(db)),
  // What is kept of a cart was priced while there were plenty.
  on(LowStockRaised, ({ db }) => raiseEpoch(db)),
  on(OrderCancelled, async (ctx, { data: { checkoutId } }) => {
    if (checkoutId) await releaseUsageOf(ctx, checkoutId)
  }),
]
