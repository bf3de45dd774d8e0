import type { Context } from '#platform/context.ts'
import { client, hasScope, owns, type Viewer } from '#platform/viewer.ts'
import { courierByUser } from './loaders.ts'
import type { CourierRow, ShipmentRow } from './tables.ts'

/** As what somebody sees a shipment: it decides what they see of it. */
export type SeenAs = 'OWNER' | 'STAFF' | 'COURIER' | 'LINK'

export type SeenShipment = ShipmentRow & { seenAs: SeenAs }

/** Id of the account that asks, or null. */
export function accountOf(viewer: Viewer): string | null {
  const asked = client(viewer)
  return asked.kind === 'user' ? asked.id : null
}

/** The courier who asks; null for everybody else. */
export async function courierOf(ctx: Context): Promise<CourierRow | null> {
  const account = accountOf(ctx.viewer)
  return account && hasScope(ctx.viewer, 'delivery:courier') ? await courierByUser(ctx).load(account) : null
}

/** The shipment as the caller sees it; null when it is none of theirs. */
export async function seen(ctx: Context, shipment: ShipmentRow | null): Promise<SeenShipment | null> {
  if (!shipment) return null
  const { viewer } = ctx
  if (owns(viewer, { kind: shipment.ownerKind, id: shipment.ownerId })) return { ...shipment, seenAs: 'OWNER' }
  if (hasScope(viewer, 'delivery:dispatch') || hasScope(viewer, 'orders:read')) return { ...shipment, seenAs: 'STAFF' }
  const courier = shipment.courierId === null ? null : await courierOf(ctx)
  return courier && courier.id === shipment.courierId ? { ...shipment, seenAs: 'COURIER' } : null
}

/** A private field: for whoever has more than a link. */
export const unlessLink = <T, E>({ seenAs }: SeenShipment, value: T, instead: E): T | E =>
  seenAs === 'LINK' ? instead : value
