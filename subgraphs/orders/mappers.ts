/** GraphQL type → what its resolvers get. */
export default {
  Order: './tables.ts#OrderRow',
  OrderLine: './tables.ts#OrderLineRow',
  OrderEvent: './tables.ts#OrderEventRow',
  Checkout: './tables.ts#CheckoutRow',
  CheckoutFailure: './checkout.ts#Failure',
}
