/** GraphQL type → what its resolvers get. */
export default {
  Order: './tables.ts#OrderRow',
  OrderLine: './tables.ts#OrderLineRow',
  OrderEvent: './tables.ts#OrderEventRow',
  ReturnRequest: './aftersale-tables.ts#ReturnRow',
  ReturnLine: './aftersale-tables.ts#ReturnLineRow',
  Checkout: './tables.ts#CheckoutRow',
  AdminDashboard: '../../platform/period.ts#Period',
  CheckoutFailure: './checkout.ts#Failure',
}
