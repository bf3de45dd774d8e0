/** GraphQL type → what its resolvers get. */
export default {
  Cart: './tables.ts#CartRow',
  CartLine: './cart.ts#PricedLine',
  CartProblem: './cart.ts#Problem',
  ChosenDeliveryOption: './cart.ts#DeliveryChoice',
  TaxLine: './tax.ts#TaxLine',
}
