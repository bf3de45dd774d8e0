import { operation } from '#platform/calls.ts'
import type { Context } from '#platform/context.ts'
import { Rejection, type UserError } from '#platform/user-errors.ts'
import type {
  ReturnStockMutation,
  ReturnStockMutationVariables,
  ShipStockMutation,
  ShipStockMutationVariables,
} from './inventory.generated.ts'

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

const RETURN_STOCK = operation<ReturnStockMutation, ReturnStockMutationVariables>(
  'inventory',
  /* GraphQL */ `
    mutation ReturnStock($input: StockReturnInput!) {
      stockReturn(input: $input) {
        ok
        userErrors {
          code
          message
        }
      }
    }
  `,
)

type Lines = readonly { variantId: string; quantity: number }[]

// Several lines of an order may be of one variant.
const unitsOf = (lines: Lines): { variantId: string; quantity: number }[] =>
  [...Map.groupBy(lines, ({ variantId }) => variantId)].map(([variantId, parts]) => ({
    variantId,
    quantity: parts.reduce((sum, { quantity }) => sum + quantity, 0),
  }))

function requireOk({ ok, userErrors }: { ok: boolean; userErrors: readonly UserError[] }): void {
  if (!ok) throw new Rejection(userErrors.map(({ code, message }) => ({ code, message })))
}

/** Books units out of a location. Idempotent per shipment. @throws Rejection when the stock does not allow it. */
export async function shipStock(
  { call }: Pick<Context, 'call'>,
  shipment: { id: string; orderId: string; originId: string },
  lines: Lines,
): Promise<void> {
  const { stockShip } = await call(SHIP_STOCK, {
    input: {
      orderId: shipment.orderId,
      shipmentId: shipment.id,
      locationId: shipment.originId,
      lines: unitsOf(lines),
      idempotencyKey: `ship:${shipment.id}`,
    },
  })
  requireOk(stockShip)
}

/** Books units in again where they left from, to be sold again. Idempotent per shipment. @throws Rejection */
export async function returnStock(
  { call }: Pick<Context, 'call'>,
  shipment: { id: string; orderId: string; originId: string },
  lines: Lines,
): Promise<void> {
  const { stockReturn } = await call(RETURN_STOCK, {
    input: {
      orderId: shipment.orderId,
      reference: shipment.id,
      locationId: shipment.originId,
      lines: unitsOf(lines),
      restock: true,
      idempotencyKey: `return:${shipment.id}`,
    },
  })
  requireOk(stockReturn)
}
