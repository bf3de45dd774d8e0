import { periodOf } from '#platform/period.ts'
import { payload } from '#platform/user-errors.ts'
import { requireAccount, requireScope, requireService } from '#platform/viewer.ts'
import { actionOf, confirmAction } from './actions.ts'
import { authorizePayment } from './authorizations.ts'
import { isExpired } from './card.ts'
import { paymentStats } from './dashboard.ts'
import { methodById, paymentById, refundsOf, transactionsOf } from './loaders.ts'
import {
  financialStatusOf,
  outstandingOf,
  paymentsForCheckout,
  paymentsForOrder,
  refundsForOrder,
} from './order-payments.ts'
import { addMethod, deleteMethod, methodsFor, readMethod, setDefaultMethod, tokenizeCard } from './payment-methods.ts'
import { refundableMinor, refundStatusOf } from './payment.ts'
import {
  allPayments,
  captureForOrder,
  capturePayment,
  moneyOf,
  readPayment,
  refundForReturn,
  refundPayment,
  voidPayment,
  watchPayment,
} from './payments.ts'
import { reconciliationReport } from './reconciliation.ts'
import type { Resolvers } from './schema.generated.ts'
import type { PaymentRow } from './tables.ts'
import { compensatePayment } from './undoing.ts'

const noReplay = { isReplay: false }

export const resolvers: Resolvers = {
  Query: {
    payment: (_, { id }, ctx) => readPayment(ctx, id),
    payments: (_, args, ctx) => allPayments(ctx, args),
    reconciliationReport: (_, period, ctx) => reconciliationReport(ctx, period),
  },
  Mutation: {
    cardTokenize: (_, { input }, ctx) => payload(() => tokenizeCard(ctx, input)),
    paymentActionConfirm: (_, { input }, ctx) => payload(() => confirmAction(ctx, input)),
    paymentMethodAdd: (_, { input }, ctx) => payload(() => addMethod(ctx, requireAccount(ctx.viewer), input)),
    paymentMethodSetDefault: (_, { input }, ctx) =>
      payload(() => setDefaultMethod(ctx, requireAccount(ctx.viewer), input)),
    paymentMethodDelete: (_, { input }, ctx) => payload(() => deleteMethod(ctx, requireAccount(ctx.viewer), input)),
    paymentCapture: (_, { input }, ctx) => payload(() => capturePayment(ctx, input), noReplay),
    paymentVoid: (_, { input }, ctx) => payload(() => voidPayment(ctx, input), noReplay),
    refundCreate: (_, { input }, ctx) => payload(() => refundPayment(ctx, input), noReplay),
    paymentAuthorize: (_, { input }, ctx) =>
      payload(() => authorizePayment(ctx, requireService(ctx.viewer), input), noReplay),
    paymentCaptureForOrder: (_, { input }, ctx) =>
      payload(() => captureForOrder(ctx, requireService(ctx.viewer), input), noReplay),
    paymentRefundForReturn: (_, { input }, ctx) =>
      payload(() => refundForReturn(ctx, requireService(ctx.viewer), input), noReplay),
    paymentCompensate: (_, { input }, ctx) =>
      payload(() => compensatePayment(ctx, requireService(ctx.viewer), input), noReplay),
  },
  Subscription: {
    paymentUpdated: {
      subscribe: (_, { paymentId }, ctx) => watchPayment(ctx, paymentId),
      resolve: (payment: PaymentRow) => payment,
    },
  },
  Payment: {
    __resolveReference: ({ id }, ctx) => readPayment(ctx, id),
    order: ({ orderId, isOrdered }) => (isOrdered ? { __typename: 'Order', id: orderId! } : null),
    checkout: ({ checkoutId }) => (checkoutId ? { __typename: 'Checkout', id: checkoutId } : null),
    method: ({ methodId }, _, ctx) => (methodId ? methodById(ctx).load(methodId) : null),
    amount: (payment) => moneyOf(payment, payment.amountMinor),
    authorized: (payment) => moneyOf(payment, payment.authorizedMinor),
    captured: (payment) => moneyOf(payment, payment.capturedMinor),
    refunded: (payment) => moneyOf(payment, payment.refundedMinor),
    refundable: (payment) => moneyOf(payment, refundableMinor(payment)),
    providerReference: ({ providerReference }, _, ctx) => (
      requireScope(ctx.viewer, 'payments:read'),
      providerReference
    ),
    nextAction: (payment, _, ctx) => actionOf(ctx, payment),
    transactions: ({ id }, _, ctx) => (requireScope(ctx.viewer, 'payments:read'), transactionsOf(ctx).load(id)),
    refunds: ({ id }, _, ctx) => refundsOf(ctx).load(id),
  },
  PaymentMethod: {
    __resolveReference: ({ id }, ctx) => readMethod(ctx, id),
    kind: () => 'CARD',
    isExpired: (method, _, ctx) => isExpired(method, ctx.now()),
  },
  PaymentTransaction: { amount: (transaction) => transaction },
  Refund: {
    payment: async ({ paymentId }, _, ctx) => (await paymentById(ctx).load(paymentId))!,
    amount: (refund) => refund,
    status: ({ status }) => refundStatusOf(status),
    createdAt: ({ at }) => at,
  },
  User: { paymentMethods: ({ id }, _, ctx) => methodsFor(ctx, id) },
  Order: {
    payments: (order, _, ctx) => paymentsForOrder(ctx, order),
    refunds: (order, _, ctx) => refundsForOrder(ctx, order),
    financialStatus: (order, _, ctx) => financialStatusOf(ctx, order),
    outstanding: (order, _, ctx) => outstandingOf(ctx, order),
  },
  AdminDashboard: { __resolveReference: periodOf, payments: (period, _, ctx) => paymentStats(ctx, period) },
  Checkout: { payments: (checkout, _, ctx) => paymentsForCheckout(ctx, checkout) },
}
