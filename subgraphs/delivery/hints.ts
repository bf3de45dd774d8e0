import type { Context } from '#platform/context.ts'
import type { ShipmentRow } from './tables.ts'

export const topicOf = (shipmentId: string) => `shipment:${shipmentId}`
export const courierTopic = (courierId: string) => `courier:${courierId}`
export const FLEET = 'fleet'

/** Hints to whoever follows a shipment that it has a newer event. */
export async function tellProgress({ live }: Pick<Context, 'live'>, moved: readonly ShipmentRow[]): Promise<void> {
  for (const { id, lastSequence } of moved) await live.publish(topicOf(id), { sequence: lastSequence })
}

/** Hints to couriers that what they have to bring changed. */
export async function tellCouriers({ live }: Pick<Context, 'live'>, changed: readonly ShipmentRow[]): Promise<void> {
  for (const { id, courierId } of changed) {
    if (courierId) await live.publish(courierTopic(courierId), { shipmentId: id })
  }
}
