import { and, eq, gt, sql, type SQL } from 'drizzle-orm'
import { z } from 'zod'
import type { Context } from '#platform/context.ts'
import { idempotentStatement } from '#platform/idempotency.ts'
import { isId, uuidv7 } from '#platform/ids.ts'
import { moneyIn, moneyOf } from '#platform/money-input.ts'
import { parseMoney } from '#platform/money.ts'
import { inputPath, parseInput, reject, Rejection, type UserError } from '#platform/user-errors.ts'
import { owns, type Owner } from '#platform/viewer.ts'
import { seal } from '#platform/sealed.ts'
import { ownedBy, ownerOf } from './access.ts'
import { begun, isTaken, isUnderWay, nextStatuses, stepNames, type Failure } from './checkout.ts'
import { freshCheckout, orderOf, patience, requireOwn, settled, withinTime } from './checkouts.ts'
import { carryOn } from './completion.ts'
import { Attempt, takeLease, tell } from './lease.ts'
import { orderById } from './loaders.ts'
import type { CheckoutCompleteInput } from './schema.generated.ts'
import { checkouts, idempotencyKeys } from './tables.ts'
import { transition, type Moved } from './transition.ts'

const completion = ({ CURRENCY }: { CURRENCY: string }) =>
  z
    .object({
      checkoutId: z.string(),
      paymentMethodId: z.string().nullish(),
      paymentToken: z.string().min(1).max(500).nullish(),
      expectedTotal: moneyIn(CURRENCY),
      idempotencyKey: z.string(),
    })
    .superRefine(({ paymentMethodId, paymentToken, expectedTotal }, check) => {
      const problem = (code: string, message: string, field: string) =>
        check.addIssue({ code: 'custom', message, path: [field], params: { code } })
      const given = [paymentMethodId, paymentToken].filter((card) => card != null).length
      const isPaid = parseMoney(expectedTotal)?.amountMinor !== 0
      if (given === 2) problem('INVALID', 'Give a saved card or a card for this purchase, not both.', 'paymentToken')
      if (given === 0 && isPaid) problem('REQUIRED', 'Give `paymentMethodId` or `paymentToken`.', 'paymentMethodId')
      if (given > 0 && !isPaid) problem('INVALID', 'Nothing is to be paid: give no card.', 'expectedTotal')
    })

type Completion = Omit<z.output<ReturnType<typeof completion>>, 'expectedTotal'> & { expectedTotalMinor: number }

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
  const { expectedTotal, ...given } = parseInput(completion(ctx.config), input)
  const wanted: Completion = { ...given, expectedTotalMinor: moneyOf(expectedTotal).amountMinor }
  const { checkoutId, idempotencyKey: key, ...request } = wanted
  if (!isId(checkoutId)) reject('NOT_FOUND', 'There is no such checkout.', ['checkoutId'])
  if (wanted.paymentMethodId && !isId(wanted.paymentMethodId)) {
    await requireOwn(ctx, owner, checkoutId)
    reject('NOT_FOUND', 'There is no such card.', ['paymentMethodId'])
  }
  const keyed = { scope: `checkoutComplete:${owner.kind}:${owner.id}`, key, request: { checkoutId, ...request } }
  let attempt: Attempt | undefined
  const claim = await idempotentStatement<Claim>(ctx, idempotencyKeys, keyed, async (remember) => {
    attempt = await accept(ctx, owner, wanted, keyed.scope, remember)
    return attempt && { attempt: attempt.checkout.attempt }
  }).catch((error: unknown) => withCheckout(ctx, checkoutId, error))
  if (!claim) return await refuse(ctx, owner, checkoutId)

  const until = patience(ctx)
  // It goes on after the caller was answered; recovery.ts finishes what this process cannot.
  if (attempt) {
    const carried = carryOn(ctx, attempt).catch((error: unknown) =>
      ctx.log.error({ err: error, checkoutId }, 'a checkout could not be carried on'),
    )
    await withinTime(carried, until)
  }
  const { reply, isReplay } = claim
  const { checkout, order } =
    (attempt && knownEnd(ctx, attempt)) ?? (await end(ctx, checkoutId, reply, isReplay, until))
  const failure = checkout.attempt === reply.attempt ? checkout.failure : await failureOf(ctx, keyed.scope, key)
  if (failure) throw new Rejection(failure.errors, { checkout, order, isReplay })
  return { checkout, order, isReplay }
}

/** Step 0: the attempt is this caller's, or nobody's; undefined when the checkout is not open or not theirs. */
async function accept(
  ctx: Context,
  owner: Owner,
  { checkoutId, paymentMethodId = null, paymentToken, expectedTotalMinor, idempotencyKey }: Completion,
  attemptScope: string,
  remember: (reply: SQL, from: SQL) => SQL,
): Promise<Attempt | undefined> {
  const now = ctx.now()
  const open = and(eq(checkouts.id, checkoutId), eq(checkouts.status, 'OPEN'), gt(checkouts.expiresAt, now))
  const steps = [begun(stepNames[0], undefined, now)]
  const accepted = await transition(ctx, and(open, ownedBy(owner, checkouts)), {
    set: {
      status: 'PROCESSING',
      attempt: sql`${checkouts.attempt} + 1`,
      buyer: owner,
      attemptScope,
      attemptKey: idempotencyKey,
      orderId: uuidv7(),
      expectedTotalMinor,
      paymentMethodId,
      paymentToken: paymentToken
        ? seal(paymentToken, `payment-token ${checkoutId}`, ctx.config.ENCRYPTION_SECRET)
        : null,
      cart: null,
      failure: null,
      setbacks: 0,
      actionUntil: null,
      isPaymentResolved: false,
      ...takeLease(ctx),
    },
    steps,
    effects: { claimed: remember(sql`jsonb_build_object('attempt', moved.attempt)`, sql`moved`) },
  })
  if (!accepted) return undefined
  await tell(ctx, accepted.checkout)
  return new Attempt(ctx, accepted.checkout, steps, { isNew: true })
}

/** Why a checkout takes no new attempt, with the checkout as it stands. */
async function refuse(ctx: Context, owner: Owner, checkoutId: string): Promise<never> {
  const checkout = await requireOwn(ctx, owner, checkoutId)
  const { status } = checkout
  const error: UserError = isTaken(status)
    ? {
        code: 'CONFLICT',
        message: 'It is being completed with another key.',
        field: inputPath(['idempotencyKey']),
      }
    : {
        __typename: 'StateTransitionError',
        code: 'STATE_TRANSITION',
        message: `This checkout is over: ${status}.`,
        field: inputPath(['checkoutId']),
        fromState: status,
        toState: 'PROCESSING',
        allowed: nextStatuses[status],
      }
  throw new Rejection([error], { checkout, order: await orderOf(ctx, checkout) })
}

/** How an attempt of this process ended, when it did. */
function knownEnd(ctx: Context, { checkout, order }: Attempt): Moved | undefined {
  if (isUnderWay(checkout.status)) return undefined
  const isSeen = order && owns(ctx.viewer, ownerOf(order))
  if (isSeen) orderById(ctx).prime(order.id, order)
  return isSeen || !checkout.placedAt ? { checkout, order } : undefined
}

/** How the attempt that a key made ended, or where it stands when the time is up. */
async function end(ctx: Context, id: string, { attempt }: Claim, isReplay: boolean, until: number): Promise<Moved> {
  const checkout = await settled(ctx, id, attempt, isReplay ? until : 0)
  return { checkout, order: await orderOf(ctx, checkout) }
}

// A refused caller sees the checkout too, with its order when there is one.
async function withCheckout(ctx: Context, id: string, error: unknown): Promise<never> {
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
