/** GraphQL type → row it is resolved from; see codegen.ts. */
export default {
  Payment: './tables.ts#PaymentRow',
  PaymentMethod: './tables.ts#PaymentMethodRow',
  PaymentTransaction: './tables.ts#PaymentTransactionRow',
  Refund: './tables.ts#PaymentTransactionRow',
  AdminDashboard: '../../platform/period.ts#Period',
  Order: './order-payments.ts#OrderReference',
}
