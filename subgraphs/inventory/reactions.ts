import { on, type Reaction } from '#platform/reactions.ts'
import { OrderDelivered } from '../orders/events.ts'
import { tellAlert } from './alerts.ts'
import { noteAcquired } from './customer-items.ts'
import { LowStockRaised } from './events.ts'
import { notePurchases } from './reviews.ts'

export const reactions: Reaction[] = [
  on(OrderDelivered, async (ctx, event) => {
    await notePurchases(ctx, event)
    await noteAcquired(ctx, event)
  }),
  on(LowStockRaised, tellAlert),
]
