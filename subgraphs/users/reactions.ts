import { on } from '#platform/reactions.ts'
import { OrderPlaced } from '../orders/events.ts'
import { confirmOrder } from './order-mails.ts'

export const reactions = [on(OrderPlaced, confirmOrder)]
