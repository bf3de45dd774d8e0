import { and, eq, gt, sql } from 'drizzle-orm'
import { setTimeout as pause } from 'node:timers/promises'
import { z } from 'zod'
import type { Context } from '#platform/context.ts'
import type { Db } from '#platform/database.ts'
import { idempotent } from '#platform/idempotency.ts'
import { isId, uuidv7 } from '#platform/ids.ts'
import { parseMoney } from '#platform/money.ts'
import { parseInput, reject, Rejection } from '#platform/user-errors.ts'
import type { Owner } from '#platform/viewer.ts'
import { seal } from '#platform/sealed.ts'
import { ownedBy } from './access.ts'
import { isUnderWay, nextStatuses, type Failure } from './checkout.ts'
import { freshCheckout, orderOf, patience, settled } from './checkouts.ts'
import { carryOn } from './completion.ts'
import { leaseEnd } from './lease.ts'
import type { CheckoutCompleteInput } from './schema.generated.ts'
import { checkouts, idempotencyKeys, type CheckoutRow } from './tables.ts'

const completion = ({ CURRENCY }: { CURRENCY: string }) =>
  z
    .object({
      checkoutId: z.string(),
      paymentMethodId: z.string().nullish(),
      paymentToken: z.string().min(1).max(500).nullish(),
      expectedTotal: z
        .object({ amount: z.string(), currencyCode: z.string() })
        .transform(({ amount, currencyCode }, check) => {
          const money = parseMoney({ amount, currencyCode })
          const problem = (code: string, message: string) =>
            check.addIssue({ code: 'custom', message, params: { code } })
          if (currencyCode !== CURRENCY) problem('NOT_APPLICABLE', `The store sells in ${CURRENCY}.`)
          else if (!money || money.amountMinor < 0) problem('INVALID', 'This is not an amount of the currency.')
          return money?.amountMinor ?? 0
        }),
      idempotencyKey: z.string().min(1, 'A key has 1 to 128 characters.').max(128, 'A key has 1 to 128 characters.'),
    })
    .superRefine(({ paymentMethodId, paymentToken, expectedTotal }, check) => {
      const problem = (code: string, message: string, field: string) =>
        check.addIssue({ code: 'custom', message, path: [field], params: { code } })
      const given = [paymentMethodId, paymentToken].filter(Boolean).length
      if (given === 2) problem('INVALID', 'Give a saved card or a card for this purchase, not both.', 'paymentToken')
      if (given === 0 && expectedTotal > 0)
        problem('REQUIRED', 'Give `paymentMethodId` or `paymentToken`.', 'paymentMethodId')
      if (given > 0 && expectedTotal === 0) problem('INVALID', 'Nothing is to be paid: give no card.', 'expectedTotal')
    })

type Completion = z.output<ReturnType<typeof completion>>

/** What a key is remembered with: which attempt it made, and how that failed once it did. */
interface Claim {
  attempt: number
  failure?: Failure
}

/**
 * Buys the cart. One key makes one attempt; whoever sends it again waits for that attempt's end. Answers with the
 * checkout as it stands when 9 s or the caller's deadline have passed.
 * @throws Rejection as the contract lists them, with checkout and order beside the errors.
 */
export async function completeCheckout(ctx: Context, owner: Owner, input: CheckoutCompleteInput) {
  const wanted = parseInput(completion(ctx.config), input)
  const { checkoutId, idempotencyKey: key, ...request } = wanted
  const mine = isId(checkoutId) && and(eq(checkouts.id, checkoutId), ownedBy(owner, checkouts))
  const [known] = mine ? await ctx.db.select().from(checkouts).where(mine) : []
  if (!known) reject('NOT_FOUND', 'There is no such checkout.', ['checkoutId'])
  if (wanted.paymentMethodId && !isId(wanted.paymentMethodId)) {
    reject('NOT_FOUND', 'There is no such card.', ['paymentMethodId'])
  }
  const scope = `checkoutComplete:${owner.kind}:${owner.id}`
  let token = 0
  const { reply, isReplay } = await idempotent<Claim>(
    ctx,
    idempotencyKeys,
    { scope, key, request: { checkoutId, ...request } },
    async (tx) => {
      const accepted = await accept(tx, ctx, known, wanted, scope)
      token = accepted.leaseToken
      return { attempt: accepted.attempt }
    },
  ).catch((error: unknown) => withCheckout(ctx, known, error))

  const until = patience(ctx)
  if (!isReplay) {
    // It goes on after the caller was answered; recovery.ts finishes what this process cannot.
    const carried = carryOn(ctx, { checkoutId, token }).catch((error: unknown) =>
      ctx.log.error({ err: error, checkoutId }, 'a checkout could not be carried on'),
    )
    await withinTime(carried, until)
  }
  const checkout = await settled(ctx, checkoutId, reply.attempt, isReplay ? until : 0)
  const order = await orderOf(ctx, checkout)
  const failure = checkout.attempt === reply.attempt ? checkout.failure : await failureOf(ctx, scope, key)
  if (failure) throw new Rejection(failure.errors, { checkout, order, isReplay })
  return { checkout, order, isReplay }
}

/** Step 0: the attempt is this caller's, or nobody's. */
async function accept(
  tx: Db,
  ctx: Context,
  known: CheckoutRow,
  wanted: Completion,
  scope: string,
): Promise<CheckoutRow> {
  const now = ctx.now()
  const { paymentMethodId = null, paymentToken, expectedTotal, idempotencyKey } = wanted
  const [accepted] = await tx
    .update(checkouts)
    .set({
      status: 'PROCESSING',
      attempt: sql`${checkouts.attempt} + 1`,
      attemptScope: scope,
      attemptKey: idempotencyKey,
      orderId: uuidv7(),
      expectedTotalMinor: expectedTotal,
      paymentMethodId,
      paymentToken: paymentToken ? seal(paymentToken, `payment-token ${known.id}`, ctx.config.ENCRYPTION_SECRET) : null,
      cart: null,
      failure: null,
      setbacks: 0,
      leaseToken: sql`${checkouts.leaseToken} + 1`,
      leaseUntil: leaseEnd(ctx),
      version: sql`${checkouts.version} + 1`,
      updatedAt: now,
    })
    .where(and(eq(checkouts.id, known.id), eq(checkouts.status, 'OPEN'), gt(checkouts.expiresAt, now)))
    .returning()
  if (accepted) return accepted
  const [current] = await tx.select().from(checkouts).where(eq(checkouts.id, known.id))
  const { status } = current!
  if (isUnderWay(status)) reject('CONFLICT', 'It is being completed with another key.', ['idempotencyKey'])
  return reject('STATE_TRANSITION', `This checkout is over: ${status}.`, ['checkoutId'], {
    __typename: 'StateTransitionError',
    fromState: status,
    toState: 'PROCESSING',
    allowed: nextStatuses[status],
  })
}

// A refused caller sees the checkout too, with its order when there is one.
async function withCheckout(ctx: Context, { id }: CheckoutRow, error: unknown): Promise<never> {
  if (!(error instanceof Rejection)) throw error
  const checkout = await freshCheckout(ctx, id)
  throw new Rejection(error.errors, { checkout, order: checkout && (await orderOf(ctx, checkout)) })
}

/** How an earlier attempt of the checkout failed. */
async function failureOf({ db }: Pick<Context, 'db'>, scope: string, key: string): Promise<Failure | undefined> {
  const mine = and(eq(idempotencyKeys.scope, scope), eq(idempotencyKeys.key, key))
  const [noted] = await db.select({ reply: idempotencyKeys.reply }).from(idempotencyKeys).where(mine)
  return (noted?.reply as Claim | undefined)?.failure
}

async function withinTime(work: Promise<unknown>, until: number): Promise<void> {
  const answered = new AbortController()
  const timeUp = pause(Math.max(0, until - Date.now()), undefined, { signal: answered.signal }).catch(() => {})
  await Promise.race([work, timeUp])
  answered.abort()
}
