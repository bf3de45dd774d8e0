import type { Context } from '#platform/context.ts'
import { payload } from '#platform/user-errors.ts'
import { requireService, requireSession } from '#platform/viewer.ts'
import { addLines, clearCart, createCart, removeLines, updateLines } from './cart-lines.ts'
import { accountOf, chooseDelivery, followCart, readCart, readCartOfUser, updateBuyer } from './carts.ts'
import { mergeCarts } from './claims.ts'
import { convertCart, freezeCart, unfreezeCart } from './holds.ts'
import { pricingOf, summaryOf } from './pricing.ts'
import type { Resolvers } from './schema.generated.ts'

// Fields that only other parts of the store may use.
function internal<T extends object>({ viewer }: Context, run: () => Promise<T>) {
  requireService(viewer)
  return payload(run, { isReplay: false })
}

export const resolvers: Resolvers = {
  Query: {
    cart: (_, { id }, ctx) => readCart(ctx, id),
  },
  Mutation: {
    cartCreate: (_, { input }, ctx) =>
      payload(async () => ({ cart: await createCart(ctx, requireSession(ctx.viewer), input) })),
    cartLinesAdd: (_, { input }, ctx) =>
      payload(async () => ({ cart: await addLines(ctx, requireSession(ctx.viewer), input) })),
    cartLinesUpdate: (_, { input }, ctx) =>
      payload(async () => ({ cart: await updateLines(ctx, requireSession(ctx.viewer), input) })),
    cartLinesRemove: (_, { input }, ctx) =>
      payload(async () => ({ cart: await removeLines(ctx, requireSession(ctx.viewer), input) })),
    cartClear: (_, { input }, ctx) =>
      payload(async () => ({ cart: await clearCart(ctx, requireSession(ctx.viewer), input) })),
    cartBuyerUpdate: (_, { input }, ctx) =>
      payload(async () => ({ cart: await updateBuyer(ctx, requireSession(ctx.viewer), input) })),
    cartDeliveryOptionSelect: (_, { input }, ctx) =>
      payload(async () => ({ cart: await chooseDelivery(ctx, requireSession(ctx.viewer), input) })),
    cartMerge: (_, { input }, ctx) => internal(ctx, () => mergeCarts(ctx, input)),
    cartFreeze: (_, { input }, ctx) => internal(ctx, () => freezeCart(ctx, input)),
    cartUnfreeze: (_, { input }, ctx) => internal(ctx, () => unfreezeCart(ctx, input)),
    cartConvert: (_, { input }, ctx) => internal(ctx, () => convertCart(ctx, input)),
  },
  Subscription: {
    cartUpdated: {
      subscribe: (_, { cartId }, ctx) => followCart(ctx, cartId),
      resolve: (cart: unknown) => cart as never,
    },
  },
  Cart: {
    __resolveReference: ({ id }, ctx) => readCart(ctx, id),
    owner: (cart) => accountOf(cart),
    currencyCode: ({ currency }) => currency,
    lines: async (cart, _, ctx) => (await pricingOf(ctx, cart)).lines,
    lineCount: async (cart, _, ctx) => (await summaryOf(ctx, cart)).lineCount,
    totalQuantity: async (cart, _, ctx) => (await summaryOf(ctx, cart)).totalQuantity,
    deliveryOption: async (cart, _, ctx) => (await pricingOf(ctx, cart)).deliveryOption,
    taxLines: async (cart, _, ctx) => (await pricingOf(ctx, cart)).taxLines,
    subtotal: async (cart, _, ctx) => (await summaryOf(ctx, cart)).subtotal,
    discountTotal: async (cart, _, ctx) => (await pricingOf(ctx, cart)).discountTotal,
    shippingTotal: async (cart, _, ctx) => (await pricingOf(ctx, cart)).shippingTotal,
    taxTotal: async (cart, _, ctx) => (await pricingOf(ctx, cart)).taxTotal,
    total: async (cart, _, ctx) => (await pricingOf(ctx, cart)).total,
    totalWeightGrams: async (cart, _, ctx) => (await summaryOf(ctx, cart)).totalWeightGrams,
    problems: async (cart, _, ctx) => (await pricingOf(ctx, cart)).problems,
  },
  CartLine: { variant: ({ variantId }) => ({ id: variantId }) },
  ChosenDeliveryOption: {
    estimatedFrom: ({ estimatedFrom }) => new Date(estimatedFrom),
    estimatedTo: ({ estimatedTo }) => new Date(estimatedTo),
  },
  User: { cart: ({ id }, _, ctx) => readCartOfUser(ctx, id) },
}
