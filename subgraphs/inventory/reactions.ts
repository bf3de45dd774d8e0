import { on, type Reaction } from '#platform/reactions.ts'
import { OrderDelivered } from '../orders/events.ts'
import { GuestClaimed } from '../users/events.ts'
import { tellAlert } from './alerts.ts'
import { claimDelivered, noteDelivered } from './deliveries.ts'
import { LowStockRaised } from './events.ts'

export const reactions: Reaction[] = [
  on(OrderDelivered, noteDelivered),
  on(GuestClaimed, claimDelivered),
  on(LowStockRaised, tellAlert),
]
