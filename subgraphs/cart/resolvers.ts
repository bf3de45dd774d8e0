import type { Context } from '#platform/context.ts'
import { periodOf } from '#platform/period.ts'
import { payload } from '#platform/user-errors.ts'
import { requireScope, requireService, requireSession } from '#platform/viewer.ts'
import { addLines, clearCart, createCart, removeLines, updateLines } from './cart-lines.ts'
import { accountOf, chooseDelivery, followCart, readCart, readCartOfUser, updateBuyer } from './carts.ts'
import { mergeCarts } from './claims.ts'
import { setDiscountCodes } from './discount-codes.ts'
import { convertCart, freezeCart, unfreezeCart } from './holds.ts'
import { pricingOf, summaryOf } from './pricing.ts'
import { releaseUsage, reserveUsage } from './promotion-uses.ts'
import { allPromotions, deletePromotion, upsertPromotion } from './promotions.ts'
import type { Resolvers } from './schema.generated.ts'
import { cartStats } from './stats.ts'
import { allTaxRates, upsertTaxRate } from './tax-rates.ts'
import { plain } from './tax.ts'

// Fields that only other parts of the store may use.
function internal<T extends object, E extends object>({ viewer }: Context, run: () => Promise<T>, onError: E) {
  requireService(viewer)
  return payload(run, onError)
}

const noCart = { isReplay: false }
const notOk = { ok: false, isReplay: false }

function forStaff<T>({ viewer }: Context, value: T): T {
  requireScope(viewer, 'promotions:manage')
  return value
}

const shopMoney = ({ CURRENCY }: Context['config'], amountMinor: number | null) =>
  amountMinor === null ? null : { amountMinor, currency: CURRENCY }

export const resolvers: Resolvers = {
  Query: {
    cart: (_, { id }, ctx) => readCart(ctx, id),
    promotions: (_, args, ctx) => allPromotions(ctx, args),
    taxRates: (_, args, ctx) => allTaxRates(ctx, args),
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
    cartDiscountCodesSet: (_, { input }, ctx) =>
      payload(async () => ({ cart: await setDiscountCodes(ctx, requireSession(ctx.viewer), input) })),
    promotionUpsert: (_, { input }, ctx) => payload(async () => ({ promotion: await upsertPromotion(ctx, input) })),
    promotionDelete: (_, { input }, ctx) => payload(async () => ({ deletedId: await deletePromotion(ctx, input) })),
    taxRateUpsert: (_, { input }, ctx) => payload(async () => ({ taxRate: await upsertTaxRate(ctx, input) })),
    cartMerge: (_, { input }, ctx) => internal(ctx, () => mergeCarts(ctx, input), noCart),
    cartFreeze: (_, { input }, ctx) => internal(ctx, () => freezeCart(ctx, input), noCart),
    cartUnfreeze: (_, { input }, ctx) => internal(ctx, () => unfreezeCart(ctx, input), noCart),
    cartConvert: (_, { input }, ctx) => internal(ctx, () => convertCart(ctx, input), noCart),
    promotionUsageReserve: (_, { input }, ctx) => internal(ctx, () => reserveUsage(ctx, input), notOk),
    promotionUsageRelease: (_, { input }, ctx) => internal(ctx, () => releaseUsage(ctx, input), notOk),
  },
  Subscription: {
    cartUpdated: {
      subscribe: (_, { cartId }, ctx) => followCart(ctx, cartId),
      resolve: (cart: unknown) => cart as never,
    },
  },
  AdminDashboard: { __resolveReference: periodOf, carts: (period, _, ctx) => cartStats(ctx, period) },
  Cart: {
    __resolveReference: ({ id }, ctx) => readCart(ctx, id),
    owner: (cart) => accountOf(cart),
    currencyCode: ({ currency }) => currency,
    lines: async (cart, _, ctx) => (await pricingOf(ctx, cart)).lines,
    lineCount: async (cart, _, ctx) => (await summaryOf(ctx, cart)).lineCount,
    totalQuantity: async (cart, _, ctx) => (await summaryOf(ctx, cart)).totalQuantity,
    deliveryOption: async (cart, _, ctx) => (await pricingOf(ctx, cart)).deliveryOption,
    discountCodes: async (cart, _, ctx) => (await pricingOf(ctx, cart)).discountCodes,
    discounts: async (cart, _, ctx) => (await pricingOf(ctx, cart)).discounts,
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
  LineLeftOut: { variant: ({ variantId }) => ({ id: variantId }) },
  ChosenDeliveryOption: {
    estimatedFrom: ({ estimatedFrom }) => new Date(estimatedFrom),
    estimatedTo: ({ estimatedTo }) => new Date(estimatedTo),
  },
  Promotion: {
    percentOff: ({ percentOff }) => percentOff && plain(percentOff),
    amountOff: ({ amountOffMinor }, _, { config }) => shopMoney(config, amountOffMinor),
    minimumSubtotal: ({ minimumSubtotalMinor }, _, { config }) => shopMoney(config, minimumSubtotalMinor),
    startsAt: ({ startsAt }) => startsAt && new Date(startsAt),
    endsAt: ({ endsAt }) => endsAt && new Date(endsAt),
    usageLimit: ({ usageLimit }, _, ctx) => forStaff(ctx, usageLimit),
    usageCount: ({ usageCount }, _, ctx) => forStaff(ctx, usageCount),
  },
  TaxRate: { rate: ({ rate }) => plain(rate) },
  User: { cart: ({ id }, _, ctx) => readCartOfUser(ctx, id) },
}
