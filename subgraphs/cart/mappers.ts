/** GraphQL type → what its resolvers get. */
export default {
  AdminDashboard: '../../platform/period.ts#Period',
  Cart: './price-cache.ts#SeenCart',
  CartLine: './cart.ts#PricedLine',
  CartProblem: './cart.ts#Problem',
  ChosenDeliveryOption: './cart.ts#DeliveryChoice',
  DiscountApplication: './discount.ts#Discount',
  DiscountCode: './promotion.ts#EnteredCode',
  LineLeftOut: './claim.ts#LeftOutLine',
  Promotion: './tables.ts#PromotionRow',
  TaxLine: './tax.ts#TaxLine',
  TaxRate: './tables.ts#TaxRateRow',
}
