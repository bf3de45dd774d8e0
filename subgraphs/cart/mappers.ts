/** GraphQL type → what its resolvers get. */
export default {
  Cart: './tables.ts#CartRow',
  CartLine: './cart.ts#PricedLine',
  CartProblem: './cart.ts#Problem',
  ChosenDeliveryOption: './cart.ts#DeliveryChoice',
  DiscountApplication: './discount.ts#Discount',
  DiscountCode: './promotion.ts#EnteredCode',
  Promotion: './tables.ts#PromotionRow',
  TaxLine: './tax.ts#TaxLine',
}
