import { on } from '#platform/reactions.ts'
import { OrderReadyToShip } from '../orders/events.ts'
import { GuestClaimed } from '../users/events.ts'
import { claimShipments, prepareShipments } from './dispatch.ts'

export const reactions = [
  on(OrderReadyToShip, prepareShipments),
  on(GuestClaimed, (ctx, { data }) => claimShipments(ctx, data.guestId, data.userId)),
]
