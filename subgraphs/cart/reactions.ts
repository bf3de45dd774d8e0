import { on } from '#platform/reactions.ts'
import { GuestClaimed } from '../users/events.ts'
import { claimCarts } from './claims.ts'

export const reactions = [on(GuestClaimed, claimCarts)]
