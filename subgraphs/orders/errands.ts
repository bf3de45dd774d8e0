import { and, eq, sql } from 'drizzle-orm'
import { setTimeout as pause } from 'node:timers/promises'
import type { Context } from '#platform/context.ts'
import type { Db } from '#platform/database.ts'
import type { UserError } from '#platform/user-errors.ts'
import { client, type Viewer } from '#platform/viewer.ts'
import { errands, type ErrandRow } from './aftersale-tables.ts'
import { patience, withinTime } from './checkouts.ts'
import { MAX_SETBACKS, setbackDelayMs } from './checkout.ts'
import { failpoint } from './failpoint.ts'
import { leaseEnd, LeaseLost } from './lease.ts'
import { orderEvents } from './tables.ts'

/**
 * One step of an errand: asks another part, with a key that is derived from the errand, so that whoever carries it on
 * sends the same. Returns what is recorded of it, in the transaction that takes the errand to its next step; what that
 * returns is what the errand knows from then on.
 * @throws Refused when the other part says no and nothing is done; any other throw means that nobody knows, or that it
 * has to be tried again.
 */
export type ErrandStep = (ctx: Context, errand: ErrandRow) => Promise<((tx: Db) => Promise<object | void>) | undefined>

/** The steps of a kind by name, in their order. */
export type ErrandSteps = Readonly<Record<string, ErrandStep>>

/** Another part says no for good. It ends an errand at its first step, when nothing is done; later staff have to look. */
export class Refused extends Error {
  override name = 'Refused'
  readonly errors: readonly UserError[]

  constructor(errors: readonly UserError[]) {
    super(errors.map(({ code, message }) => `${code}: ${message}`).join(' '))
    this.errors = errors
  }
}

const POLL_MS = 50

/** Id of the account that asks; null for a guest, a key or one of our own parts. */
export function actorOf(viewer: Viewer): string | null {
  const asked = client(viewer)
  return asked.kind === 'user' ? asked.id : null
}

/** Begins an errand in the transaction that decides on it. Who begins it has its lease. */
export async function beginErrand(
  tx: Db,
  ctx: Pick<Context, 'now' | 'config' | 'viewer'>,
  errand: Pick<typeof errands.$inferInsert, 'orderId' | 'kind' | 'returnId' | 'data'>,
): Promise<ErrandRow> {
  const now = ctx.now()
  const begun = { actorId: actorOf(ctx.viewer), status: 'RUNNING' as const, leaseUntil: leaseEnd(ctx) }
  const [row] = await tx
    .insert(errands)
    .values({ ...errand, ...begun, createdAt: now, updatedAt: now })
    .returning()
  return row!
}

/** Takes up an errand that came to rest because it needs attention, with its `data`. Call it with the order locked. */
export async function resumeErrand(
  tx: Db,
  ctx: Pick<Context, 'now' | 'config' | 'viewer'>,
  { id, data }: Pick<ErrandRow, 'id' | 'data'>,
): Promise<ErrandRow> {
  const [row] = await tx
    .update(errands)
    .set({ status: 'RUNNING', data, actorId: actorOf(ctx.viewer), setbacks: 0, ...takeover(ctx) })
    .where(eq(errands.id, id))
    .returning()
  return row!
}

/** The right to carry an errand on: whoever took it last has it. */
export interface ErrandLease {
  errandId: string
  token: number
}

export const leaseOf = ({ id, leaseToken }: ErrandRow): ErrandLease => ({ errandId: id, token: leaseToken })

/** What taking the lease sets: whoever had it before can record nothing any more. */
export const takeover = (ctx: Pick<Context, 'now' | 'config'>) => ({
  leaseToken: sql`${errands.leaseToken} + 1`,
  leaseUntil: leaseEnd(ctx),
})

/**
 * Carries an errand on as the holder of its lease until it is over, the caller's time is up or another takes it over.
 * What is not finished is taken up by errand-recovery.ts.
 */
export async function carryOut(ctx: Context, lease: ErrandLease, steps: ErrandSteps): Promise<void> {
  try {
    let errand = await change(ctx.db, ctx, lease, {})
    while (errand.status === 'RUNNING') {
      if (ctx.signal.aborted || Date.now() > ctx.deadline) {
        await change(ctx.db, ctx, lease, { leaseUntil: ctx.now() })
        return
      }
      errand = await takeStep(ctx, errand, Object.entries(steps))
      await ctx.live.publish(`order:${errand.orderId}`, {})
    }
  } catch (error) {
    if (error instanceof LeaseLost) return
    await fail(ctx, lease, error)
  }
}

async function takeStep(
  ctx: Context,
  errand: ErrandRow,
  steps: readonly [name: string, run: ErrandStep][],
): Promise<ErrandRow> {
  const [name, run] = steps[errand.step]!
  await failpoint(`${errand.kind}:${name}:before`, errand.id)
  const record = await run(ctx, errand)
  await failpoint(`${errand.kind}:${name}:effect`, errand.id)
  const isLast = errand.step === steps.length - 1
  const taken = await ctx.db.transaction(async (tx) => {
    const moved = await change(tx, ctx, leaseOf(errand), {
      step: errand.step + 1,
      setbacks: 0,
      error: null,
      ...(isLast && { status: 'DONE', leaseUntil: null }),
    })
    const data = await record?.(tx)
    if (!data) return moved
    await tx.update(errands).set({ data }).where(eq(errands.id, errand.id))
    return { ...moved, data }
  })
  await failpoint(`${errand.kind}:${name}:recorded`, errand.id)
  return taken
}

/** Changes an errand as the holder of its lease. @throws LeaseLost when another has it */
async function change(
  tx: Db,
  ctx: Pick<Context, 'now' | 'config'>,
  { errandId, token }: ErrandLease,
  set: Partial<typeof errands.$inferInsert>,
): Promise<ErrandRow> {
  const [row] = await tx
    .update(errands)
    .set({ leaseUntil: leaseEnd(ctx), ...set, version: sql`${errands.version} + 1`, updatedAt: ctx.now() })
    .where(and(eq(errands.id, errandId), eq(errands.leaseToken, token), eq(errands.status, 'RUNNING')))
    .returning()
  if (!row) throw new LeaseLost()
  return row
}

// Refused for good with nothing done; or else tried again later, until staff have to look.
async function fail(ctx: Context, lease: ErrandLease, error: unknown): Promise<void> {
  const [errand] = await ctx.db.select().from(errands).where(eq(errands.id, lease.errandId))
  const { id: errandId, orderId, kind } = errand!
  const isRefused = error instanceof Refused
  const text = String(error).slice(0, 1_000)
  if (isRefused && errand!.step === 0) {
    const refused = { status: 'REFUSED' as const, leaseUntil: null, refusal: error.errors, error: text }
    return void (await change(ctx.db, ctx, lease, refused).catch(unlessLost))
  }
  ctx.log.warn({ err: error, errandId, orderId, kind }, 'an errand could not be carried on')
  const setbacks = errand!.setbacks + 1
  const isHopeless = isRefused || setbacks > MAX_SETBACKS
  const rest = isHopeless
    ? { status: 'NEEDS_ATTENTION' as const, leaseUntil: null }
    : { leaseUntil: new Date(ctx.now().getTime() + setbackDelayMs(setbacks)) }
  try {
    await ctx.db.transaction(async (tx) => {
      await change(tx, ctx, lease, { setbacks, error: text, ...rest })
      if (isHopeless) await tx.insert(orderEvents).values({ orderId, kind: 'NEEDS_ATTENTION', at: ctx.now() })
    })
  } catch (lost) {
    return unlessLost(lost)
  }
  if (isHopeless) ctx.log.error({ errandId, orderId, kind }, 'an errand needs attention')
}

function unlessLost(error: unknown): void {
  if (!(error instanceof LeaseLost)) throw error
}

/** What a key is remembered with: an errand, and its lease for whoever began it. */
export interface Begun {
  errandId: string
  /** Null for whoever only joins. */
  token: number | null
}

/** Carries out what was begun, or waits for whoever does. Returns the errand once it rests, or as it is in 9 s. */
export async function finish(
  ctx: Context,
  steps: ErrandSteps,
  { errandId, token }: Begun,
  isReplay: boolean,
): Promise<ErrandRow> {
  const until = patience(ctx)
  const isMine = token !== null && !isReplay
  // It goes on after the caller was answered; errand-recovery.ts finishes what this process cannot.
  if (isMine) {
    const carried = carryOut(ctx, { errandId, token }, steps).catch((error: unknown) =>
      ctx.log.error({ err: error, errandId }, 'an errand could not be carried on'),
    )
    await withinTime(carried, until)
  }
  for (;;) {
    const [row] = await ctx.db.select().from(errands).where(eq(errands.id, errandId))
    if (!row) throw new Error('An errand is never deleted')
    if (row.status !== 'RUNNING' || isMine || Date.now() >= until) return row
    await pause(POLL_MS)
  }
}

/** Errands that staff must look into. */
export const errandsNeedingAttention = ({ db }: Pick<Context, 'db'>): Promise<number> =>
  db.$count(errands, eq(errands.status, 'NEEDS_ATTENTION'))
