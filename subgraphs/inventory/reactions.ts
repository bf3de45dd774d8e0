import { on, type Reaction } from '#platform/reactions.ts'
import { OrderDelivered } from '../orders/events.ts'
import { tellAlert } from './alerts.ts'
import { LowStockRaised } from './events.ts'
import { notePurchases } from './reviews.ts'

export const reactions: Reaction[] = [on(OrderDelivered, notePurchases), on(LowStockRaised, tellAlert)]
