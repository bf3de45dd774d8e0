import { on, type Reaction } from '#platform/reactions.ts'
import { GuestClaimed } from '../users/events.ts'
import { claimPayments } from './claims.ts'

export const reactions: Reaction[] = [on(GuestClaimed, (ctx, { data }) => claimPayments(ctx, data))]
