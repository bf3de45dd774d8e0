import { on, type Reaction } from '#platform/reactions.ts'
import { OrderDelivered } from '../orders/events.ts'
import { notePurchases } from './reviews.ts'

export const reactions: Reaction[] = [on(OrderDelivered, notePurchases)]
