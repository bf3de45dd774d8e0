import { operation } from '#platform/calls.ts'
import type { Context } from '#platform/context.ts'
import { Rejection, type UserError } from '#platform/user-errors.ts'
import type { ShipStockMutation, ShipStockMutationVariables } from './inventory.generated.ts'

const SHIP_STOCK = operation<ShipStockMutation, ShipStockMutationVariables>(
  'inventory',
  /* GraphQL */ `
    mutation ShipStock($input: StockShipInput!) {
      stockShip(input: $input) {
        ok
        userErrors {
          code
          message
        }
      }
    }
  `,
)

/** Books units out of a location. Idempotent per shipment. @throws Rejection when the stock does not allow it. */
export async function shipStock(
  { call }: Pick<Context, 'call'>,
  shipment: { id: string; orderId: string; originId: string },
  lines: readonly { variantId: string; quantity: number }[],
): Promise<void> {
  const { stockShip } = await call(SHIP_STOCK, {
    input: {
      orderId: shipment.orderId,
      shipmentId: shipment.id,
      locationId: shipment.originId,
      lines: lines.map(({ variantId, quantity }) => ({ variantId, quantity })),
      idempotencyKey: `ship:${shipment.id}`,
    },
  })
  if (!stockShip.ok) {
    throw new Rejection(stockShip.userErrors.map(({ code, message }): UserError => ({ code, message })))
  }
}
