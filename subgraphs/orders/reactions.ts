import { sql } from 'drizzle-orm'
import { on, once, type Reaction } from '#platform/reactions.ts'
import { ShipmentStatusChanged } from '../delivery/events.ts'
import { AuthorizationUnclaimed, PaymentResolved, RefundSucceeded } from '../payments/events.ts'
import { GuestClaimed } from '../users/events.ts'
import { ownedBy } from './access.ts'
import { resumeCheckout } from './recovery.ts'
import { recordRefund } from './refunds.ts'
import { recordShipment } from './shipping.ts'
import { checkouts, inbox, orders } from './tables.ts'
import { releaseUnclaimed } from './unclaimed.ts'

export const reactions: readonly Reaction[] = [
  on(ShipmentStatusChanged, async (ctx, event) => {
    await once(ctx, inbox, 'shipment', event, (tx) => recordShipment(tx, ctx, event))
    await ctx.live.publish(`order:${event.data.orderId}`, { sequence: event.entityVersion })
  }),

  on(PaymentResolved, async (ctx, { data: { checkoutId } }) => {
    if (checkoutId) await resumeCheckout(ctx, checkoutId)
  }),

  on(AuthorizationUnclaimed, (ctx, { data }) => releaseUnclaimed(ctx, data)),

  on(RefundSucceeded, async (ctx, event) => {
    await once(ctx, inbox, 'refund', event, (tx) => recordRefund(tx, ctx, event))
    if (event.data.orderId) await ctx.live.publish(`order:${event.data.orderId}`, {})
  }),

  on(GuestClaimed, (ctx, event) =>
    once(ctx, inbox, 'claim', event, async (tx) => {
      const { guestId, userId } = event.data
      const theirs = { ownerKind: 'user' as const, ownerId: userId, updatedAt: ctx.now() }
      // Checkouts first: one that is creating its order is waited for, and its order is then there to be found.
      for (const table of [checkouts, orders]) {
        await tx
          .update(table)
          .set({ ...theirs, version: sql`${table.version} + 1` })
          .where(ownedBy({ kind: 'guest', id: guestId }, table))
      }
    }),
  ),
]
