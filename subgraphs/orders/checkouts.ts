import { and, eq, gt, inArray, isNull, notInArray, sql } from 'drizzle-orm'
import { setTimeout as pause } from 'node:timers/promises'
import { z } from 'zod'
import type { Context } from '#platform/context.ts'
import type { Db } from '#platform/database.ts'
import { followState } from '#platform/follow.ts'
import { idempotent } from '#platform/idempotency.ts'
import { isId, uuidv7 } from '#platform/ids.ts'
import { parseMoney } from '#platform/money.ts'
import { parseInput, reject, Rejection } from '#platform/user-errors.ts'
import { requireSession, type Owner } from '#platform/viewer.ts'
import { ownedBy, visibleTo } from './access.ts'
import { readCart } from './calls/cart.ts'
import { isUnderWay, nextStatuses, type Failure } from './checkout.ts'
import { carryOn } from './completion.ts'
import { leaseEnd, tell } from './lease.ts'
import { checkoutById, orderById } from './loaders.ts'
import { amountOf } from './order.ts'
import type { CheckoutCancelInput, CheckoutCompleteInput, CheckoutCreateInput } from './schema.generated.ts'
import { seal } from './sealed.ts'
import { checkouts, idempotencyKeys, type CheckoutRow } from './tables.ts'

/** How long a checkout waits to be completed. */
const TTL_MS = 24 * 60 * 60_000
/** The longest that a caller is kept waiting: less than the 10 s that whoever calls a subgraph waits. */
const PATIENCE_MS = 9_000
const POLL_MS = 50

const OVER = ['COMPLETED', 'FAILED', 'EXPIRED', 'CANCELLED'] as const

/** A checkout; null when unknown or not the caller's. */
export const readCheckout = async (ctx: Context, id: string): Promise<CheckoutRow | null> =>
  isId(id) ? await checkoutById(ctx).load(id) : null

/** The checkout as it is now, then after each change. */
export function watchCheckout(ctx: Context, id: string) {
  requireSession(ctx.viewer)
  return followState(ctx.live, `checkout:${id}`, () => freshCheckout(ctx, id), ctx.signal)
}

// Past the loaders, which remember.
async function freshCheckout({ db, viewer }: Pick<Context, 'db' | 'viewer'>, id: string): Promise<CheckoutRow | null> {
  if (!isId(id)) return null
  const [row] = await db
    .select()
    .from(checkouts)
    .where(and(eq(checkouts.id, id), visibleTo(viewer, checkouts)))
  return row ?? null
}

/** Opens the checkout of a cart, or returns the one it has with today's total. */
export async function createCheckout(ctx: Context, { kind, id }: Owner, { cartId }: CheckoutCreateInput) {
  const cart = isId(cartId) ? await readCart(ctx, cartId) : null
  if (!cart) reject('NOT_FOUND', 'There is no such cart.', ['cartId'])
  const live = and(eq(checkouts.cartId, cartId), notInArray(checkouts.status, [...OVER]))
  if (cart.status === 'FROZEN') {
    const [completing] = await ctx.db
      .select()
      .from(checkouts)
      .where(and(live, ownedBy({ kind, id }, checkouts)))
    if (completing) return { checkout: completing }
  }
  if (cart.status !== 'ACTIVE') {
    reject('STATE_TRANSITION', 'This cart cannot be bought any more.', ['cartId'], {
      __typename: 'StateTransitionError',
      fromState: cart.status,
      toState: 'FROZEN',
      allowed: [],
    })
  }
  if (cart.lineCount === 0) reject('NOT_APPLICABLE', 'The cart is empty.', ['cartId'])
  const now = ctx.now()
  const { amountMinor: totalMinor, currency } = amountOf(cart.total)
  const renewed = {
    ownerKind: kind,
    ownerId: id,
    totalMinor,
    currency,
    updatedAt: now,
    expiresAt: new Date(now.getTime() + TTL_MS),
  }
  const [opened] = await ctx.db
    .insert(checkouts)
    .values({ ...renewed, id: uuidv7(), cartId, status: 'OPEN', createdAt: now })
    .onConflictDoUpdate({
      target: checkouts.cartId,
      targetWhere: sql`status not in ('COMPLETED', 'FAILED', 'EXPIRED', 'CANCELLED')`,
      set: { ...renewed, version: sql`${checkouts.version} + 1` },
      // The owner may have come with the cart, when a guest signed in; one that is being completed stays as it is.
      setWhere: eq(checkouts.status, 'OPEN'),
    })
    .returning()
  const [checkout] = opened
    ? [opened]
    : await ctx.db
        .select()
        .from(checkouts)
        .where(and(live, ownedBy({ kind, id }, checkouts)))
  if (!checkout) reject('STATE_TRANSITION', 'This cart is being bought.', ['cartId'])
  await tell(ctx, checkout)
  return { checkout }
}

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

  const until = Math.min(ctx.deadline, Date.now() + PATIENCE_MS)
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
      paymentToken: paymentToken ? seal(paymentToken, known.id, ctx.config.ENCRYPTION_SECRET) : null,
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
  reject('STATE_TRANSITION', `This checkout is over: ${status}.`, ['checkoutId'], {
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

/** The order of a checkout; null until it is created. */
export const orderOf = async (ctx: Context, { placedAt, orderId }: CheckoutRow) =>
  placedAt && orderId ? await orderById(ctx).load(orderId) : null

/** How an earlier attempt of the checkout failed. */
async function failureOf({ db }: Pick<Context, 'db'>, scope: string, key: string): Promise<Failure | undefined> {
  const mine = and(eq(idempotencyKeys.scope, scope), eq(idempotencyKeys.key, key))
  const [noted] = await db.select({ reply: idempotencyKeys.reply }).from(idempotencyKeys).where(mine)
  return (noted?.reply as Claim | undefined)?.failure
}

async function withinTime(work: Promise<unknown>, until: number): Promise<void> {
  const answered = new AbortController()
  const patience = pause(Math.max(0, until - Date.now()), undefined, { signal: answered.signal }).catch(() => {})
  await Promise.race([work, patience])
  answered.abort()
}

/** The checkout once this attempt rests, or as it stands when the time is up. */
async function settled({ db }: Pick<Context, 'db'>, id: string, attempt: number, until: number): Promise<CheckoutRow> {
  for (;;) {
    const [row] = await db.select().from(checkouts).where(eq(checkouts.id, id))
    if (!row) throw new Error('A checkout is never deleted')
    if (row.attempt !== attempt || !isUnderWay(row.status) || Date.now() >= until) return row
    await pause(POLL_MS)
  }
}

/**
 * Calls a checkout off: at once while it waits, otherwise between two steps. Waits for that like `completeCheckout`.
 * @throws Rejection STATE_TRANSITION once the order exists.
 */
export async function cancelCheckout(ctx: Context, owner: Owner, { checkoutId }: CheckoutCancelInput) {
  const known = isId(checkoutId) ? await readCheckout(ctx, checkoutId) : null
  if (!known) reject('NOT_FOUND', 'There is no such checkout.', ['checkoutId'])
  const [asked] = await ctx.db
    .update(checkouts)
    .set({
      status: sql`case when ${checkouts.status} = 'OPEN' then 'CANCELLED' else ${checkouts.status} end`,
      cancelRequested: true,
      version: sql`${checkouts.version} + 1`,
      updatedAt: ctx.now(),
    })
    .where(
      and(
        eq(checkouts.id, checkoutId),
        ownedBy(owner, checkouts),
        inArray(checkouts.status, ['OPEN', 'PROCESSING', 'COMPENSATING']),
        isNull(checkouts.placedAt),
      ),
    )
    .returning()
  if (asked) await tell(ctx, asked)
  const until = Math.min(ctx.deadline, Date.now() + PATIENCE_MS)
  const checkout = await settled(ctx, checkoutId, known.attempt, asked ? until : 0)
  if (!asked && checkout.status !== 'CANCELLED') {
    reject('STATE_TRANSITION', `It can no longer be called off: ${checkout.status}.`, ['checkoutId'], {
      __typename: 'StateTransitionError',
      fromState: checkout.status,
      toState: 'CANCELLED',
      allowed: nextStatuses[checkout.status],
    })
  }
  return { checkout }
}
