import { and, eq, inArray, sql, type SQL } from 'drizzle-orm'
import type { Context } from '#platform/context.ts'
import type { StepName, StepRecord } from './checkout.ts'
import { checkouts, checkoutSteps, type CheckoutRow, type OrderRow } from './tables.ts'
import { transition, type Moved, type Transition } from './transition.ts'

/** Somebody else carries the checkout on. */
export class LeaseLost extends Error {
  override name = 'LeaseLost'
}

/** When a lease taken now may be taken over. */
export const leaseEnd = ({ now, config }: Pick<Context, 'now' | 'config'>): Date =>
  new Date(now().getTime() + config.CHECKOUT_LEASE_SECONDS * 1000)

/** What taking the lease of a checkout sets: whoever had it before can change nothing any more. */
export const takeLease = (ctx: Pick<Context, 'now' | 'config'>) => ({
  leaseToken: sql`${checkouts.leaseToken} + 1`,
  leaseUntil: leaseEnd(ctx),
})

type Doing = Pick<Context, 'db' | 'now' | 'config' | 'live'>

/** An attempt of a checkout as its holder knows it: nobody but the holder of the lease changes it. */
export class Attempt {
  checkout: CheckoutRow
  /** Its steps so far. */
  readonly steps: Map<StepName, StepRecord>
  /** Its order as this attempt last saw it. */
  order: OrderRow | null = null
  /** Whether its first step was begun just now, and by nobody before. */
  readonly isNew: boolean
  readonly #ctx: Doing

  constructor(ctx: Doing, checkout: CheckoutRow, steps: readonly StepRecord[], { isNew = false } = {}) {
    this.#ctx = ctx
    this.isNew = isNew
    this.checkout = checkout
    this.steps = new Map(steps.map((step) => [step.name, step]))
  }

  /** Attempts whose lease was taken over, with what their steps were left at. */
  static async resumed(ctx: Doing, taken: readonly CheckoutRow[]): Promise<Attempt[]> {
    if (taken.length === 0) return []
    const ids = taken.map(({ id }) => id)
    const rows = await ctx.db.select().from(checkoutSteps).where(inArray(checkoutSteps.checkoutId, ids))
    return taken.map((checkout) => {
      const mine = rows.filter(({ checkoutId, attempt }) => checkoutId === checkout.id && attempt === checkout.attempt)
      return new Attempt(ctx, checkout, mine)
    })
  }

  /**
   * Changes the checkout as the holder of its lease, renews the lease unless `set` says otherwise, and tells who watches.
   * @throws LeaseLost when another took it over, or `guard` does not hold.
   */
  async move({ set, steps = [], effects = {} }: Transition, guard?: SQL): Promise<Moved> {
    const { id, leaseToken } = this.checkout
    const mine = and(eq(checkouts.id, id), eq(checkouts.leaseToken, leaseToken), guard)
    const moved = await transition(this.#ctx, mine, {
      set: { leaseUntil: leaseEnd(this.#ctx), ...set },
      steps,
      effects,
    })
    if (!moved) throw new LeaseLost()
    this.checkout = moved.checkout
    this.order = moved.order ?? this.order
    for (const step of steps) this.steps.set(step.name, step)
    await tell(this.#ctx, moved.checkout)
    return moved
  }
}

/** Tells whoever watches. */
export const tell = ({ live }: Pick<Context, 'live'>, { id, version }: CheckoutRow): Promise<void> =>
  live.publish(`checkout:${id}`, { sequence: version })
