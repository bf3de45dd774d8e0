import { z } from 'zod'
import { fact } from '#platform/facts.ts'

export const ShipmentStatusChanged = fact('ShipmentStatusChanged', 1, {
  orderId: z.uuid(),
  status: z.enum([
    'PENDING',
    'ASSIGNED',
    'PICKED_UP',
    'IN_TRANSIT',
    'ARRIVING',
    'DELIVERED',
    'ATTEMPT_FAILED',
    'RETURNED',
    'CANCELLED',
  ]),
  lines: z.array(z.object({ orderLineId: z.uuid(), quantity: z.number().int().positive() })),
})

/** The courier is within 500 m; announced once per shipment. */
export const CourierArriving = fact('CourierArriving', 1, {
  orderId: z.uuid(),
  /** RFC 3339; null when there is no estimate. */
  eta: z.string().nullable(),
})
