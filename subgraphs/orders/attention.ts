import { and, eq, sql } from 'drizzle-orm'
import type { Context } from '#platform/context.ts'
import { idempotentStatement } from '#platform/idempotency.ts'
import { isId } from '#platform/ids.ts'
import { keyset, type PageArgs } from '#platform/pages.ts'
import { reject, Rejection, rejectTransition } from '#platform/user-errors.ts'
import { client, requireScope } from '#platform/viewer.ts'
import { isUnderWay, nextStatuses } from './checkout.ts'
import { freshCheckoutRow } from './checkouts.ts'
import { carryOn } from './completion.ts'
import { Attempt, takeLease, tell } from './lease.ts'
import type { CheckoutRecoverInput } from './schema.generated.ts'
import { checkouts, idempotencyKeys, type CheckoutRow } from './tables.ts'
import { transition } from './transition.ts'

const inNeed = eq(checkouts.status, 'NEEDS_ATTENTION')

/** Checkouts that could neither be finished nor undone, oldest first. Staff only. */
export async function checkoutsInNeed(ctx: Context, args: PageArgs) {
  requireScope(ctx.viewer, 'orders:read')
  const page = keyset(args, [
    { column: checkouts.createdAt, direction: 'asc' },
    { column: checkouts.id, direction: 'asc' },
  ])
  const rows = await ctx.db
    .select()
    .from(checkouts)
    .where(and(inNeed, page.where))
    .orderBy(...page.orderBy)
    .limit(page.limit)
  return page.connection(rows, ({ createdAt, id }) => [createdAt, id], { totalCount: () => countInNeed(ctx) })
}

export const countInNeed = ({ db }: Pick<Context, 'db'>): Promise<number> => db.$count(checkouts, inNeed)

/**
 * Takes up a checkout where it stopped: on from the order it has, or further back when it was being undone.
 * @throws Rejection UPSTREAM_UNAVAILABLE when that came to nothing again; it is then tried again by itself.
 */
export async function recoverCheckout(ctx: Context, { checkoutId, idempotencyKey: key }: CheckoutRecoverInput) {
  requireScope(ctx.viewer, 'orders:manage')
  if (!isId(checkoutId)) reject('NOT_FOUND', 'There is no such checkout.', ['checkoutId'])
  const caller = client(ctx.viewer) as { kind: string; id: string }
  const keyed = { scope: `checkoutRecover:${caller.kind}:${caller.id}`, key, request: { checkoutId } }
  let taken: CheckoutRow | undefined
  const claim = await idempotentStatement(ctx, idempotencyKeys, keyed, async (remember) => {
    const moved = await transition(ctx, and(eq(checkouts.id, checkoutId), inNeed), {
      set: {
        status: sql`case when placed_at is null and failure is not null then 'COMPENSATING' else 'PROCESSING' end`,
        setbacks: 0,
        ...takeLease(ctx),
      },
      effects: { claimed: remember(sql`'{}'::jsonb`, sql`moved`) },
    })
    taken = moved?.checkout
    return moved ? {} : undefined
  })
  if (!claim) await refuse(ctx, checkoutId)
  if (taken) {
    await tell(ctx, taken)
    const [attempt] = await Attempt.resumed(ctx, [taken])
    await carryOn(ctx, attempt!)
  }
  const checkout = await freshCheckoutRow(ctx, checkoutId)
  if (taken && isUnderWay(checkout.status)) {
    const message = 'It came to nothing again, and is tried again by itself.'
    throw new Rejection([{ code: 'UPSTREAM_UNAVAILABLE', message }], { checkout, isReplay: false })
  }
  return { checkout, isReplay: !taken }
}

async function refuse({ db }: Context, checkoutId: string): Promise<never> {
  const [checkout] = await db.select().from(checkouts).where(eq(checkouts.id, checkoutId))
  if (!checkout) return reject('NOT_FOUND', 'There is no such checkout.', ['checkoutId'])
  const { status } = checkout
  return rejectTransition({ from: status, to: 'PROCESSING', allowed: nextStatuses[status] }, ['checkoutId'])
}
