import { periodOf } from '#platform/period.ts'
import { payload } from '#platform/user-errors.ts'
import { requireScope, requireSession } from '#platform/viewer.ts'
import { rightsTo } from './access.ts'
import { completeCheckout } from './attempts.ts'
import { checkoutsInNeed, recoverCheckout } from './attention.ts'
import { cancelCheckout } from './calling-off.ts'
import { cancelOrder } from './cancellations.ts'
import { progressOf, shownFailure } from './checkout.ts'
import { createCheckout, orderOf, readCheckout, watchCheckout } from './checkouts.ts'
import {
  checkoutOfCart,
  lineById,
  linesOfOrder,
  linesOfReturn,
  orderById,
  returnById,
  returnsOfOrder,
  stepsOfCheckout,
} from './loaders.ts'
import { allowedActions } from './order.ts'
import { allOrders, lifetimeSpendOf, orderCountFor, ordersOf, timelineOf } from './history.ts'
import { readOrder, updateOrderStatus, watchOrder } from './orders.ts'
import { reorder } from './reorder.ts'
import { receiveReturn } from './receipts.ts'
import { allReturns, approveReturn, cancelReturn, createReturn, declineReturn, isReturnable } from './returns.ts'
import type { Resolvers } from './schema.generated.ts'
import { orderStats } from './stats.ts'

const money = (amountMinor: number, { currency }: { currency: string }) => ({ amountMinor, currency })
const person = (id: string | null) => (id ? { __typename: 'User' as const, id } : null)

export const resolvers: Resolvers = {
  Query: {
    checkout: (_, { id }, ctx) => readCheckout(ctx, id),
    checkoutsNeedingAttention: (_, args, ctx) => checkoutsInNeed(ctx, args),
    order: (_, by, ctx) => readOrder(ctx, by),
    orders: (_, args, ctx) => allOrders(ctx, args),
    returns: (_, args, ctx) => allReturns(ctx, args),
  },
  Mutation: {
    checkoutCreate: (_, { input }, ctx) => payload(() => createCheckout(ctx, requireSession(ctx.viewer), input)),
    checkoutComplete: (_, { input }, ctx) =>
      payload(() => completeCheckout(ctx, requireSession(ctx.viewer), input), { isReplay: false }),
    checkoutRecover: (_, { input }, ctx) => payload(() => recoverCheckout(ctx, input), { isReplay: false }),
    checkoutCancel: (_, { input }, ctx) => payload(() => cancelCheckout(ctx, requireSession(ctx.viewer), input)),
    orderCancel: (_, { input }, ctx) => payload(() => cancelOrder(ctx, input), { isReplay: false }),
    orderReorder: (_, { input }, ctx) => payload(() => reorder(ctx, input)),
    returnCreate: (_, { input }, ctx) => payload(() => createReturn(ctx, input), { isReplay: false }),
    returnCancel: (_, { input }, ctx) => payload(() => cancelReturn(ctx, input)),
    returnApprove: (_, { input }, ctx) => payload(() => approveReturn(ctx, input), { isReplay: false }),
    returnDecline: (_, { input }, ctx) => payload(() => declineReturn(ctx, input), { isReplay: false }),
    returnReceive: (_, { input }, ctx) => payload(() => receiveReturn(ctx, input), { isReplay: false }),
    orderStatusUpdate: (_, { input }, ctx) => payload(() => updateOrderStatus(ctx, input), { isReplay: false }),
  },
  Subscription: {
    checkoutUpdated: {
      subscribe: (_, { checkoutId }, ctx) => watchCheckout(ctx, checkoutId),
      resolve: (row: unknown) => row as never,
    },
    orderUpdated: {
      subscribe: (_, { orderId }, ctx) => watchOrder(ctx, orderId),
      resolve: (row: unknown) => row as never,
    },
  },
  Order: {
    __resolveReference: (by, ctx) => readOrder(ctx, by),
    customer: ({ ownerKind, ownerId }) => (ownerKind === 'user' ? person(ownerId) : null),
    currencyCode: ({ currency }) => currency,
    lines: ({ id }, _, ctx) => linesOfOrder(ctx).load(id),
    subtotal: (order) => money(order.subtotalMinor, order),
    discountTotal: (order) => money(order.discountMinor, order),
    shippingTotal: (order) => money(order.shippingMinor, order),
    taxTotal: (order) => money(order.taxMinor, order),
    total: (order) => money(order.totalMinor, order),
    timeline: ({ id }, args, ctx) => timelineOf(ctx).load({ id, args }),
    returns: ({ id }, _, ctx) => returnsOfOrder(ctx).load(id),
    allowedActions: async (order, _, ctx) =>
      allowedActions(order, rightsTo(ctx.viewer, order), await isReturnable(ctx, order)),
  },
  OrderLine: {
    __resolveReference: ({ id }, ctx) => lineById(ctx).load(id),
    variant: ({ variantId: id }) => ({ __typename: 'ProductVariant', id }),
    unitPrice: (line) => money(line.unitPriceMinor, line),
    discountTotal: (line) => money(line.discountMinor, line),
    taxTotal: (line) => money(line.taxMinor, line),
    total: (line) => money(line.totalMinor, line),
  },
  ReturnRequest: {
    __resolveReference: ({ id }, ctx) => returnById(ctx).load(id),
    order: async ({ orderId }, _, ctx) => (await orderById(ctx).load(orderId))!,
    lines: ({ id }, _, ctx) => linesOfReturn(ctx).load(id),
    refundAmount: ({ refundMinor, currency }) => (refundMinor === null ? null : money(refundMinor, { currency })),
  },
  ReturnLine: { line: async ({ orderLineId }, _, ctx) => (await lineById(ctx).load(orderLineId))! },
  OrderEvent: { actor: ({ actorId }) => person(actorId) },
  Checkout: {
    __resolveReference: ({ id }, ctx) => readCheckout(ctx, id),
    cart: ({ cartId: id }) => ({ __typename: 'Cart', id }),
    steps: async (checkout, _, ctx) => progressOf(checkout.attempt, await stepsOfCheckout(ctx).load(checkout.id)),
    order: (checkout, _, ctx) => orderOf(ctx, checkout),
    total: (checkout) => money(checkout.totalMinor, checkout),
    failure: shownFailure,
  },
  CheckoutStep: { error: ({ error }, _, ctx) => (requireScope(ctx.viewer, 'orders:read'), error ?? null) },
  User: {
    orders: ({ id }, args, ctx) => ordersOf(ctx, id, args),
    orderCount: ({ id }, _, ctx) => orderCountFor(ctx, id),
    lifetimeSpend: ({ id }, _, ctx) => lifetimeSpendOf(ctx, id),
  },
  AdminDashboard: { __resolveReference: periodOf, orders: (period, _, ctx) => orderStats(ctx, period) },
  Cart: { checkout: ({ id }, _, ctx) => checkoutOfCart(ctx).load(id) },
}
