import { and, eq, gt, inArray, isNull, lt, or, sql } from 'drizzle-orm'
import type { Context } from '#platform/context.ts'
import { badUserInput } from '#platform/errors.ts'
import { announce } from '#platform/facts.ts'
import { isId } from '#platform/ids.ts'
import { periodOf, type Period } from '#platform/period.ts'
import { requireScope } from '#platform/viewer.ts'
import { AuthorizationUnclaimed } from './events.ts'
import { about, unsettled } from './ledger.ts'
import { ifReached } from './movements.ts'
import { attempted } from './passes.ts'
import { compared, type Booked } from './payment.ts'
import { providerOf } from './provider.ts'
import type { ReconciliationReport } from './schema.generated.ts'
import { payments, paymentTransactions } from './tables.ts'
import { resolve } from './webhooks.ts'

const MINUTE_MS = 60_000
const DAY_MS = 24 * 60 * MINUTE_MS
const MAX_DAYS = 31
// What one book has just before the end of a period the other may have just after it.
const SLACK_MS = 15 * MINUTE_MS
// Longer than any checkout takes.
const UNCLAIMED_AFTER_MS = 15 * MINUTE_MS
const TOLD_AGAIN_AFTER_MS = 60 * MINUTE_MS
const BATCH = 100

/**
 * The authorisations that were begun in a period, with what became of them since, in our books and the provider's. What
 * is still without an answer is left out. Null when the provider cannot be reached.
 * @throws FORBIDDEN without `payments:read`, BAD_USER_INPUT for more than 31 days
 */
export async function reconciliationReport(ctx: Context, given: Period): Promise<ReconciliationReport | null> {
  requireScope(ctx.viewer, 'payments:read')
  const period = periodOf(given)
  if (period.to.getTime() - period.from.getTime() > MAX_DAYS * DAY_MS)
    badUserInput(`Ask about ${MAX_DAYS} days at most.`)
  const found = await compare(ctx, period)
  return found && { ...found.report, ...period }
}

async function compare(ctx: Context, { from, to }: Period) {
  const wide = { from: new Date(from.getTime() - SLACK_MS), to: new Date(to.getTime() + SLACK_MS) }
  const provider = providerOf(ctx)
  const theirs = await ifReached(provider.authorizations(wide))
  if (!theirs) return null
  const ours = await booked(ctx, provider.name, wide)
  const open = new Set(ours.filter(({ isOpen }) => isOpen).map(({ key }) => key))
  const isSettled = ({ key }: Booked) => !open.has(key)
  const begun = new Set(ours.filter(({ at }) => at >= from && at < to).map(({ key }) => key))
  const known = new Set(ours.map(({ key }) => key))
  const report = compared(
    ours.filter((each) => isSettled(each) && begun.has(each.key)),
    // Of what only the provider has, it is not known when it was begun here.
    theirs.filter((each) => isSettled(each) && (begun.has(each.key) || !known.has(each.key))),
  )
  return { report, answered: theirs.map(({ key }) => key).filter((key) => open.has(key)) }
}

// Our books of a period. Those without an answer are open, and told apart from what the provider alone knows.
async function booked({ db }: Context, provider: string, { from, to }: Period) {
  const isOpen = sql<boolean>`exists (
    select from payments.payment_transactions where payment_transactions.payment_id = ${payments.id} and ${unsettled}
  )`
  const rows = await db
    .select({ key: paymentTransactions.id, at: paymentTransactions.at, payment: payments, isOpen })
    .from(paymentTransactions)
    .innerJoin(payments, eq(payments.id, paymentTransactions.paymentId))
    .where(
      and(
        eq(paymentTransactions.kind, 'AUTHORIZE'),
        sql`${paymentTransactions.at} >= ${from.toISOString()} and ${paymentTransactions.at} < ${to.toISOString()}`,
        eq(payments.provider, provider),
        or(gt(payments.authorizedMinor, 0), isOpen),
      ),
    )
  return rows.map(({ key, at, isOpen: open, payment }) => ({
    ...payment,
    key,
    at,
    isOpen: open,
    reference: payment.providerReference ?? key,
  }))
}

/**
 * Looks for money that one side has and the other does not know, of the last day. It never moves any: an authorisation
 * that arrived late is recorded; one that nobody claims is told to the orders, who know whether it is wanted; any other
 * difference is for people to look at.
 */
export async function reconcile(ctx: Context): Promise<void> {
  // What is wrong with the books, or with one payment of them, keeps no other money waiting.
  const [books, told] = await Promise.allSettled([compareBooks(ctx), tellUnclaimed(ctx)])
  for (const each of [books, told]) if (each.status === 'rejected') throw each.reason
}

async function compareBooks(ctx: Context): Promise<void> {
  const to = new Date(ctx.now().getTime() - SLACK_MS)
  const found = await compare(ctx, { from: new Date(to.getTime() - DAY_MS), to })
  if (!found) return
  const { missingHere, missingAtProvider, amountMismatches } = found.report
  if (missingHere.length + missingAtProvider.length + amountMismatches.length > 0) {
    ctx.log.error({ missingHere, missingAtProvider, amountMismatches }, 'our books and the provider’s differ')
  }
  await recordAnswers(ctx, found.answered)
}

// Authorisations that are without an answer here, or were given up, and that the provider has.
async function recordAnswers(ctx: Context, keys: readonly string[]): Promise<void> {
  if (keys.length === 0) return
  const movements = await ctx.db
    .select({ transaction: paymentTransactions, payment: payments })
    .from(paymentTransactions)
    .innerJoin(payments, eq(payments.id, paymentTransactions.paymentId))
    .where(inArray(paymentTransactions.id, keys.filter(isId)))
  const failures = await attempted(ctx, movements, (movement) => resolve(ctx, movement))
  if (failures.length > 0) throw new AggregateError(failures, `${failures.length} payments cannot be looked into`)
}

async function tellUnclaimed(ctx: Context): Promise<void> {
  const now = ctx.now()
  const since = (ms: number) => new Date(now.getTime() - ms)
  await ctx.db.transaction(async (tx) => {
    const due = await tx
      .select({ id: payments.id })
      .from(payments)
      .where(
        and(
          eq(payments.status, 'AUTHORIZED'),
          lt(payments.createdAt, since(UNCLAIMED_AFTER_MS)),
          or(isNull(payments.unclaimedAt), lt(payments.unclaimedAt, since(TOLD_AGAIN_AFTER_MS))),
        ),
      )
      .orderBy(payments.createdAt)
      .limit(BATCH)
      .for('update', { skipLocked: true })
    if (due.length === 0) return
    const told = await tx
      .update(payments)
      .set({ unclaimedAt: now })
      .where(
        inArray(
          payments.id,
          due.map(({ id }) => id),
        ),
      )
      .returning()
    for (const payment of told) {
      const { checkoutId, attempt } = payment
      if (checkoutId && attempt) {
        await announce(tx, ctx, AuthorizationUnclaimed, { ...about(payment), data: { checkoutId, attempt } })
      }
    }
  })
}
