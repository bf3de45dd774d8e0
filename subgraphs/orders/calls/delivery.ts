import type { Context } from '#platform/context.ts'
import { operation } from '#platform/calls.ts'
import type { ShipmentsCancelForOrderMutation, ShipmentsCancelForOrderMutationVariables } from './delivery.generated.ts'

const CALL_OFF = operation<ShipmentsCancelForOrderMutation, ShipmentsCancelForOrderMutationVariables>(
  'delivery',
  /* GraphQL */ `
    mutation ShipmentsCancelForOrder($input: ShipmentsCancelForOrderInput!) {
      shipmentsCancelForOrder(input: $input) {
        userErrors {
          code
          message
        }
      }
    }
  `,
)

/** Calls off all shipments of an order, or says why not. */
export const callOffShipments = async (
  { call }: Pick<Context, 'call'>,
  input: ShipmentsCancelForOrderMutationVariables['input'],
) => (await call(CALL_OFF, { input })).shipmentsCancelForOrder.userErrors
