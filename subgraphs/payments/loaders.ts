import { and, asc, desc, eq, inArray, isNull } from 'drizzle-orm'
import type { Context } from '#platform/context.ts'
import { loadMany, loadOne } from '#platform/loader.ts'
import { paymentMethods, payments, paymentTransactions } from './tables.ts'

const newestFirst = [desc(payments.createdAt), desc(payments.id)]

export const paymentById = loadOne(
  ({ db }: Context, ids: readonly string[]) => db.select().from(payments).where(inArray(payments.id, ids)),
  ({ id }) => id,
)

/** All payments of an order, newest first. */
export const paymentsOfOrder = loadMany(
  ({ db }: Context, ids: readonly string[]) =>
    db
      .select()
      .from(payments)
      .where(inArray(payments.orderId, ids))
      .orderBy(...newestFirst),
  ({ orderId }) => orderId!,
)

/** All payments of a checkout, newest first. */
export const paymentsOfCheckout = loadMany(
  ({ db }: Context, ids: readonly string[]) =>
    db
      .select()
      .from(payments)
      .where(inArray(payments.checkoutId, ids))
      .orderBy(...newestFirst),
  ({ checkoutId }) => checkoutId!,
)

/** Movements of a payment, oldest first. */
export const transactionsOf = loadMany(
  ({ db }: Context, ids: readonly string[]) =>
    db
      .select()
      .from(paymentTransactions)
      .where(inArray(paymentTransactions.paymentId, ids))
      .orderBy(asc(paymentTransactions.at), asc(paymentTransactions.id)),
  ({ paymentId }) => paymentId,
)

/** Refunds of a payment, newest first. */
export const refundsOf = loadMany(
  ({ db }: Context, ids: readonly string[]) =>
    db
      .select()
      .from(paymentTransactions)
      .where(and(inArray(paymentTransactions.paymentId, ids), eq(paymentTransactions.kind, 'REFUND')))
      .orderBy(desc(paymentTransactions.at), desc(paymentTransactions.id)),
  ({ paymentId }) => paymentId,
)

/** A card, deleted ones included: a payment goes on showing what it was made with. */
export const methodById = loadOne(
  ({ db }: Context, ids: readonly string[]) => db.select().from(paymentMethods).where(inArray(paymentMethods.id, ids)),
  ({ id }) => id,
)

/** Saved cards of an account, the default first, then newest first. */
export const methodsOf = loadMany(
  ({ db }: Context, userIds: readonly string[]) =>
    db
      .select()
      .from(paymentMethods)
      .where(and(inArray(paymentMethods.userId, userIds), isNull(paymentMethods.deletedAt)))
      .orderBy(desc(paymentMethods.isDefault), desc(paymentMethods.createdAt), desc(paymentMethods.id)),
  ({ userId }) => userId,
)
