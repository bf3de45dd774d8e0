import { sql } from 'drizzle-orm'
import { setTimeout as pause } from 'node:timers/promises'
import type { Context } from '#platform/context.ts'
import {
  begun,
  CANCELLED,
  ended,
  isIdle,
  MAX_SETBACKS,
  nextStep,
  PIVOT,
  Refused,
  setbackDelayMs,
  stepsToUndo,
  UNAVAILABLE,
  type Failure,
  type StepName,
  type StepRecord,
} from './checkout.ts'
import { freshCheckoutRow } from './checkouts.ts'
import { failpoint } from './failpoint.ts'
import { LeaseLost, type Attempt } from './lease.ts'
import { steps, undo, Waits, type Done } from './steps.ts'
import { checkoutSteps, idempotencyKeys } from './tables.ts'

/** Tries of a step whose answer does not come, before what was done is undone. */
const MAX_TRIES = 3
const RETRY_DELAY_MS = 150

/**
 * Carries an attempt on as the holder of its lease until it rests, the deadline passes or another takes it over. What is
 * not finished is taken up by recovery.ts.
 */
export async function carryOn(ctx: Context, attempt: Attempt): Promise<void> {
  try {
    const { status } = attempt.checkout
    if (status === 'COMPENSATING') await goBack(ctx, attempt)
    else if (status === 'PROCESSING') await goForward(ctx, attempt)
  } catch (error) {
    if (!(error instanceof LeaseLost)) await setBack(ctx, attempt, error)
  }
}

async function goForward(ctx: Context, attempt: Attempt): Promise<void> {
  // A step that was begun together with the end of the one before is not begun again.
  let isBegun = attempt.isNew
  for (let name = nextStep(attempt.steps); name; name = nextStep(attempt.steps)) {
    if (isOutOfTime(ctx)) return void (await attempt.move({ set: { leaseUntil: ctx.now() } }))
    if (!isBegun) {
      const again = begun(name, attempt.steps.get(name), ctx.now())
      await attempt.move({ set: { isPaymentResolved: false }, steps: [again] })
    }
    isBegun = false
    if (attempt.checkout.cancelRequested && !attempt.checkout.placedAt) return await giveUp(ctx, attempt, CANCELLED)
    try {
      await record(ctx, attempt, name, await take(ctx, attempt, name))
      isBegun = true
    } catch (error) {
      // Nothing is undone behind the pivot.
      if (error instanceof LeaseLost || attempt.checkout.placedAt) throw error
      if (error instanceof Cancelled) return await giveUp(ctx, attempt, CANCELLED)
      if (error instanceof Waits) {
        if (await park(ctx, attempt, name, error)) return
        continue
      }
      if (error instanceof Refused) return await giveUp(ctx, attempt, error.failure, { name, error })
      ctx.log.warn({ err: error, checkoutId: attempt.checkout.id, step: name }, 'the outcome of a step is not known')
      if (attempt.steps.get(name)!.tries >= MAX_TRIES) return await giveUp(ctx, attempt, UNAVAILABLE)
      if (!isOutOfTime(ctx)) await pause(RETRY_DELAY_MS)
    }
  }
}

async function take(ctx: Context, { checkout, steps: taken }: Attempt, name: StepName): Promise<Done> {
  await failpoint(`${name}:before`, checkout.id)
  try {
    return await steps[name](ctx, checkout, (step) => taken.get(step)?.result)
  } finally {
    await failpoint(`${name}:effect`, checkout.id)
  }
}

/** The buyer called it off while the order was about to be created. */
class Cancelled extends Error {
  override name = 'Cancelled'
}

/** Records a step, begins the next one, and passes those between that have nothing to do. */
async function record(
  ctx: Context,
  attempt: Attempt,
  name: StepName,
  { set = {}, result, givenUp, effects = {} }: Done,
): Promise<void> {
  const now = ctx.now()
  const status = givenUp ? 'FAILED' : 'DONE'
  const moved: StepRecord[] = [ended(attempt.steps.get(name)!, status, now, { result, error: givenUp })]
  const after = (): Map<StepName, StepRecord> =>
    new Map([...attempt.steps, ...moved.map((step) => [step.name, step] as const)])
  const known = { ...attempt.checkout, ...(set as Partial<typeof attempt.checkout>) }
  let next = nextStep(after())
  for (; next && isIdle(next, known); next = nextStep(after())) {
    moved.push(ended(begun(next, attempt.steps.get(next), now), 'DONE', now))
  }
  if (next) moved.push(begun(next, attempt.steps.get(next), now))
  const rests = next ? {} : { leaseUntil: null }
  // A wish to cancel comes either before this or too late.
  const guard = name === PIVOT ? sql`not cancel_requested` : undefined
  try {
    await attempt.move({ set: { setbacks: 0, ...set, ...rests }, steps: moved, effects }, guard)
  } catch (error) {
    const isCancelled = error instanceof LeaseLost && guard && (await isStillMine(ctx, attempt))
    throw isCancelled ? new Cancelled() : error
  }
  const { id, placedAt, orderId, version } = attempt.checkout
  await failpoint(`${name}:recorded`, id)
  if (placedAt) await ctx.live.publish(`order:${orderId}`, { sequence: version })
}

const isStillMine = async (ctx: Context, { checkout: { id, leaseToken } }: Attempt): Promise<boolean> =>
  (await freshCheckoutRow(ctx, id)).leaseToken === leaseToken

/** Lets it wait without a lease; false when there is news of its payment already, or a wish to cancel. */
async function park(ctx: Context, attempt: Attempt, name: StepName, { until }: Waits): Promise<boolean> {
  const set = { status: 'AWAITING_PAYMENT_ACTION' as const, leaseUntil: null, actionUntil: until, setbacks: 0 }
  try {
    await attempt.move({ set }, sql`not is_payment_resolved and not cancel_requested`)
    await failpoint(`${name}:recorded`, attempt.checkout.id)
    return true
  } catch (error) {
    if (error instanceof LeaseLost && (await isStillMine(ctx, attempt))) return false
    throw error
  }
}

/** Begins to undo. A step that was refused with nothing done needs no undoing; any other that was begun does. */
async function giveUp(
  ctx: Context,
  attempt: Attempt,
  failure: Failure,
  refused?: { name: StepName; error: Refused },
): Promise<void> {
  const steps: StepRecord[] = []
  if (refused) {
    const { name, error } = refused
    const step = attempt.steps.get(name)!
    // What was tried more than once may have been done by a try whose answer never came.
    const status = error.isEffective || step.tries > 1 ? 'RUNNING' : 'FAILED'
    steps.push(ended(step, status, ctx.now(), { error: error.message }))
  }
  const totalMinor = refused?.error.totalMinor
  const seen = totalMinor === undefined ? {} : { totalMinor }
  await attempt.move({ set: { status: 'COMPENSATING', failure, setbacks: 0, ...seen }, steps })
  if (refused) await failpoint(`${refused.name}:recorded`, attempt.checkout.id)
  await goBack(ctx, attempt)
}

async function goBack(ctx: Context, attempt: Attempt): Promise<void> {
  for (const name of stepsToUndo(attempt.steps, attempt.checkout)) {
    const step = attempt.steps.get(name)!
    await failpoint(`undo:${name}:before`, attempt.checkout.id)
    await undo[name](ctx, attempt.checkout)
    await failpoint(`undo:${name}:effect`, attempt.checkout.id)
    await attempt.move({ set: { setbacks: 0 }, steps: [ended(step, 'UNDONE', ctx.now(), step)] })
    await failpoint(`undo:${name}:recorded`, attempt.checkout.id)
  }
  const { attempt: number, attemptScope, attemptKey, failure } = attempt.checkout
  const reply = JSON.stringify({ attempt: number, failure })
  await attempt.move({
    set: {
      status: sql`case when cancel_requested then 'CANCELLED' when (failure->>'isRetryable')::boolean then 'OPEN' else 'FAILED' end`,
      leaseUntil: null,
      paymentToken: null,
    },
    effects: {
      // What one release took back of several steps, and steps that had nothing to take back.
      undone: sql`update ${checkoutSteps} s set status = 'UNDONE' from moved
        where s.checkout_id = moved.id and s.attempt = moved.attempt and s.status in ('DONE', 'RUNNING')`,
      // Whoever sends the key again hears how its attempt failed.
      replied: sql`update ${idempotencyKeys} set reply = ${reply}::jsonb
        where scope = ${attemptScope} and key = ${attemptKey} and exists (select from moved)`,
    },
  })
}

// When the caller has gone, its calls to other parts go with it; recovery's do not.
const isOutOfTime = ({ deadline, signal }: Pick<Context, 'deadline' | 'signal'>): boolean =>
  signal.aborted || Date.now() > deadline

/** It came to nothing: tried again later, until staff have to look. */
async function setBack(ctx: Context, attempt: Attempt, error: unknown): Promise<void> {
  const checkoutId = attempt.checkout.id
  ctx.log.warn({ err: error, checkoutId }, 'a checkout could not be carried on; it is tried again')
  const setbacks = attempt.checkout.setbacks + 1
  const isHopeless = setbacks > MAX_SETBACKS
  const leaseUntil = isHopeless ? null : new Date(ctx.now().getTime() + setbackDelayMs(setbacks))
  if (isHopeless) ctx.log.error({ checkoutId }, 'a checkout needs attention')
  const status = isHopeless && { status: 'NEEDS_ATTENTION' as const }
  await attempt.move({ set: { setbacks, leaseUntil, ...status } }).catch(unlessLost)
}

function unlessLost(error: unknown): void {
  if (!(error instanceof LeaseLost)) throw error
}
