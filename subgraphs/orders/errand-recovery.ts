import { and, eq, inArray, lte } from 'drizzle-orm'
import type { Context } from '#platform/context.ts'
import { errands, type ErrandRow } from './aftersale-tables.ts'
import { cancelSteps } from './cancellations.ts'
import { collectSteps } from './collections.ts'
import { carryOut, leaseOf, takeover, type ErrandSteps } from './errands.ts'
import { receiveSteps } from './receipts.ts'

/** Errands taken up at a time. */
const BATCH = 10

const stepsOf: Readonly<Record<ErrandRow['kind'], ErrandSteps>> = {
  CANCEL: cancelSteps,
  RECEIVE: receiveSteps,
  COLLECT: collectSteps,
}

/** Takes up errands whose process went silent, and those that wait to be tried again. */
export async function recoverErrands(ctx: Context): Promise<void> {
  const due = ctx.db
    .select({ id: errands.id })
    .from(errands)
    .where(and(eq(errands.status, 'RUNNING'), lte(errands.leaseUntil, ctx.now())))
    .orderBy(errands.leaseUntil)
    .limit(BATCH)
    .for('update', { skipLocked: true })
  const taken = await ctx.db.update(errands).set(takeover(ctx)).where(inArray(errands.id, due)).returning()
  await Promise.all(
    taken.map(async (errand) => {
      ctx.log.info({ errandId: errand.id, orderId: errand.orderId, kind: errand.kind }, 'an errand is taken up again')
      await carryOut(ctx, leaseOf(errand), stepsOf[errand.kind])
    }),
  )
}
