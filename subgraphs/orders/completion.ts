import { and, eq, sql } from 'drizzle-orm'
import { setTimeout as pause } from 'node:timers/promises'
import type { Context } from '#platform/context.ts'
import type { Db } from '#platform/database.ts'
import {
  CANCELLED,
  MAX_SETBACKS,
  nextStep,
  PIVOT,
  Refused,
  setbackDelayMs,
  stepsToUndo,
  UNAVAILABLE,
  type Failure,
  type StepName,
} from './checkout.ts'
import { failpoint } from './failpoint.ts'
import { changeLeased, LeaseLost, tell, type Lease } from './lease.ts'
import type { Allocation } from './order.ts'
import type { CheckoutStepStatus } from './schema.generated.ts'
import { steps, undo, type Done } from './steps.ts'
import { checkouts, checkoutSteps, idempotencyKeys, type CheckoutRow, type CheckoutStepRow } from './tables.ts'

type Progress = Map<StepName, CheckoutStepRow>

/** Tries of a step whose answer does not come, before what was done is undone. */
const MAX_TRIES = 3
const RETRY_DELAY_MS = 150

/**
 * Carries a checkout on as the holder of its lease until it rests, the deadline passes or another takes it over. What is
 * not finished is taken up by recovery.ts.
 */
export async function carryOn(ctx: Context, lease: Lease): Promise<void> {
  try {
    const checkout = await changeLeased(ctx.db, ctx, lease, {})
    const { checkoutId } = lease
    const done = and(eq(checkoutSteps.checkoutId, checkoutId), eq(checkoutSteps.attempt, checkout.attempt))
    const rows = await ctx.db.select().from(checkoutSteps).where(done)
    const progress: Progress = new Map(rows.map((row) => [row.name, row]))
    if (checkout.status === 'COMPENSATING') await goBack(ctx, lease, progress)
    else if (checkout.status === 'PROCESSING') await goForward(ctx, lease, progress)
  } catch (error) {
    if (!(error instanceof LeaseLost)) await setBack(ctx, lease, error)
  }
}

async function goForward(ctx: Context, lease: Lease, progress: Progress): Promise<void> {
  let begun: CheckoutRow | null = null
  for (let name = nextStep(progress); name; name = nextStep(progress)) {
    if (isOutOfTime(ctx)) return await letGo(ctx, lease)
    const checkout: CheckoutRow = begun ?? (await begin(ctx, lease, progress, name))
    begun = null
    if (checkout.cancelRequested && !checkout.placedAt) return await giveUp(ctx, lease, progress, CANCELLED)
    failpoint(`${name}:before`)
    try {
      const sold = (progress.get('COMMIT_STOCK')?.result ?? []) as Allocation[]
      const done = await steps[name](ctx, checkout, sold)
      failpoint(`${name}:effect`)
      begun = await record(ctx, lease, progress, name, done)
      failpoint(`${name}:recorded`)
    } catch (error) {
      // Nothing is undone behind the pivot.
      if (error instanceof LeaseLost || checkout.placedAt) throw error
      if (error instanceof Cancelled) return await giveUp(ctx, lease, progress, CANCELLED)
      if (error instanceof Refused) return await giveUp(ctx, lease, progress, error.failure, { name, error })
      ctx.log.warn({ err: error, checkoutId: lease.checkoutId, step: name }, 'the outcome of a step is not known')
      if (progress.get(name)!.tries >= MAX_TRIES) return await giveUp(ctx, lease, progress, UNAVAILABLE)
      if (!isOutOfTime(ctx)) await pause(RETRY_DELAY_MS)
    }
  }
}

async function begin(ctx: Context, lease: Lease, progress: Progress, name: StepName): Promise<CheckoutRow> {
  const { checkout, step } = await ctx.db.transaction(async (tx) => {
    const row = await changeLeased(tx, ctx, lease, {})
    return { checkout: row, step: await beginStep(tx, ctx, row, name) }
  })
  progress.set(name, step)
  await tell(ctx, checkout)
  return checkout
}

async function beginStep(
  tx: Db,
  { now }: Pick<Context, 'now'>,
  { id: checkoutId, attempt }: CheckoutRow,
  name: StepName,
): Promise<CheckoutStepRow> {
  const [step] = await tx
    .insert(checkoutSteps)
    .values({ checkoutId, attempt, name, status: 'RUNNING', tries: 1, startedAt: now() })
    .onConflictDoUpdate({
      target: [checkoutSteps.checkoutId, checkoutSteps.attempt, checkoutSteps.name],
      set: { status: 'RUNNING', tries: sql`${checkoutSteps.tries} + 1` },
    })
    .returning()
  return step!
}

/** The buyer called it off while the order was about to be created. */
class Cancelled extends Error {
  override name = 'Cancelled'
}

/** Records a step and begins the next one in the same transaction. */
async function record(
  ctx: Context,
  lease: Lease,
  progress: Progress,
  name: StepName,
  { set = {}, result, givenUp, effect }: Done,
): Promise<CheckoutRow> {
  const status = givenUp ? 'FAILED' : 'DONE'
  const next = nextStep(new Map<StepName, { status: CheckoutStepStatus }>(progress).set(name, { status }))
  const rests = next ? {} : { leaseUntil: null }
  const { checkout, moved } = await ctx.db.transaction(async (tx) => {
    const row = await changeLeased(tx, ctx, lease, { setbacks: 0, ...set, ...rests })
    // The row is locked now, so that a wish to cancel comes either before this or too late.
    if (name === PIVOT && row.cancelRequested) throw new Cancelled()
    await effect?.(tx)
    const finished = await finishStep(tx, ctx, row, name, { status, result, error: givenUp ?? null })
    return { checkout: row, moved: next ? [finished, await beginStep(tx, ctx, row, next)] : [finished] }
  })
  for (const step of moved) progress.set(step.name, step)
  await tell(ctx, checkout)
  if (checkout.placedAt) await ctx.live.publish(`order:${checkout.orderId}`, { sequence: checkout.version })
  return checkout
}

async function finishStep(
  tx: Db,
  { now }: Pick<Context, 'now'>,
  { id, attempt }: CheckoutRow,
  name: StepName,
  set: Partial<CheckoutStepRow>,
): Promise<CheckoutStepRow> {
  const [step] = await tx
    .update(checkoutSteps)
    .set({ finishedAt: now(), ...set })
    .where(and(eq(checkoutSteps.checkoutId, id), eq(checkoutSteps.attempt, attempt), eq(checkoutSteps.name, name)))
    .returning()
  return step!
}

/** Begins to undo. A step that was refused with nothing done needs no undoing; any other that was begun does. */
async function giveUp(
  ctx: Context,
  lease: Lease,
  progress: Progress,
  failure: Failure,
  refused?: { name: StepName; error: Refused },
): Promise<void> {
  const { checkout, step } = await ctx.db.transaction(async (tx) => {
    const totalMinor = refused?.error.totalMinor
    const seen = totalMinor === undefined ? {} : { totalMinor }
    const row = await changeLeased(tx, ctx, lease, { status: 'COMPENSATING', failure, setbacks: 0, ...seen })
    // What was tried more than once may have been done by a try whose answer never came.
    const isUndoNeeded = refused && (refused.error.isEffective || progress.get(refused.name)!.tries > 1)
    const status = isUndoNeeded ? 'RUNNING' : 'FAILED'
    const error = refused?.error.message
    return { checkout: row, step: refused && (await finishStep(tx, ctx, row, refused.name, { status, error })) }
  })
  if (step) progress.set(step.name, step)
  await tell(ctx, checkout)
  await goBack(ctx, lease, progress)
}

async function goBack(ctx: Context, lease: Lease, progress: Progress): Promise<void> {
  for (const name of stepsToUndo(progress)) {
    const checkout = await changeLeased(ctx.db, ctx, lease, {})
    failpoint(`undo:${name}:before`)
    await undo[name](ctx, checkout)
    failpoint(`undo:${name}:effect`)
    const step = await ctx.db.transaction(async (tx) => {
      await changeLeased(tx, ctx, lease, { setbacks: 0 })
      return await finishStep(tx, ctx, checkout, name, { status: 'UNDONE' })
    })
    progress.set(name, step)
    failpoint(`undo:${name}:recorded`)
  }
  const ended = await ctx.db.transaction(async (tx) => {
    const row = await changeLeased(tx, ctx, lease, {
      status: sql`case when cancel_requested then 'CANCELLED' when (failure->>'isRetryable')::boolean then 'OPEN' else 'FAILED' end`,
      leaseUntil: null,
      paymentToken: null,
    })
    const { attempt, attemptScope, attemptKey, failure } = row
    // What one release took back of several steps, and steps that had nothing to take back.
    await tx
      .update(checkoutSteps)
      .set({ status: 'UNDONE' })
      .where(
        sql`${checkoutSteps.checkoutId} = ${row.id} and ${checkoutSteps.attempt} = ${attempt} and ${checkoutSteps.status} in ('DONE', 'RUNNING')`,
      )
    await tx
      .update(idempotencyKeys)
      .set({ reply: { attempt, failure } })
      .where(and(eq(idempotencyKeys.scope, attemptScope!), eq(idempotencyKeys.key, attemptKey!)))
    return row
  })
  await tell(ctx, ended)
}

// When the caller has gone, its calls to other parts go with it; recovery's do not.
const isOutOfTime = ({ deadline, signal }: Pick<Context, 'deadline' | 'signal'>): boolean =>
  signal.aborted || Date.now() > deadline

/** Out of time: anybody may take it over at once. */
const letGo = async (ctx: Context, lease: Lease): Promise<void> =>
  void (await changeLeased(ctx.db, ctx, lease, { leaseUntil: ctx.now() }))

/** It came to nothing: tried again later, until staff have to look. */
async function setBack(ctx: Context, lease: Lease, error: unknown): Promise<void> {
  const { checkoutId, token } = lease
  ctx.log.warn({ err: error, checkoutId }, 'a checkout could not be carried on; it is tried again')
  const mine = and(eq(checkouts.id, checkoutId), eq(checkouts.leaseToken, token))
  const [row] = await ctx.db.select({ setbacks: checkouts.setbacks }).from(checkouts).where(mine)
  if (!row) return
  const setbacks = row.setbacks + 1
  const isHopeless = setbacks > MAX_SETBACKS
  const leaseUntil = isHopeless ? null : new Date(ctx.now().getTime() + setbackDelayMs(setbacks))
  if (isHopeless) ctx.log.error({ checkoutId }, 'a checkout needs attention')
  const status = isHopeless && { status: 'NEEDS_ATTENTION' as const }
  const changed = await changeLeased(ctx.db, ctx, lease, { setbacks, leaseUntil, ...status }).catch(unlessLost)
  if (changed) await tell(ctx, changed)
}

function unlessLost(error: unknown): null {
  if (error instanceof LeaseLost) return null
  throw error
}
