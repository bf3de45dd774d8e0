import { z } from 'zod'
import { addressSchema } from '#platform/address.ts'
import { fact } from '#platform/facts.ts'

const money = z.object({ amountMinor: z.number().int(), currency: z.string().length(3) })

const lines = z.array(
  z.object({
    orderLineId: z.uuid(),
    variantId: z.uuid(),
    productId: z.uuid(),
    title: z.string(),
    sku: z.string(),
    quantity: z.number().int().positive(),
  }),
)

/** The pivot of a checkout: from here on it only goes forward. */
export const OrderPlaced = fact('OrderPlaced', 1, {
  number: z.string(),
  /** Where the confirmation goes; null: to the account's own address. */
  email: z.string().nullable(),
  lines,
  total: money,
})

/** The money is taken; the goods may leave. `allocations` says which units leave from where. */
export const OrderReadyToShip = fact('OrderReadyToShip', 1, {
  number: z.string(),
  address: addressSchema,
  deliveryName: z.string(),
  /** RFC 3339. */
  promisedFrom: z.string(),
  promisedTo: z.string(),
  allocations: z.array(
    z.object({
      orderLineId: z.uuid(),
      title: z.string(),
      variantId: z.uuid(),
      locationId: z.uuid(),
      quantity: z.number().int().positive(),
    }),
  ),
})

export const OrderStatusChanged = fact('OrderStatusChanged', 1, {
  from: z.string(),
  to: z.string(),
  reason: z.string().nullable(),
})

/** It was called off: its money and its goods are given back by command. */
export const OrderCancelled = fact('OrderCancelled', 1, {
  /** The checkout it came from, with which participants keep what they hold; null for what was sold otherwise. */
  checkoutId: z.uuid().nullable(),
  number: z.string(),
  email: z.string().nullable(),
  reason: z.string(),
  lines,
})

/** All of it arrived. */
export const OrderDelivered = fact('OrderDelivered', 1, { lines })
