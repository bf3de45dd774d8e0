import { and, eq, isNotNull, not, sql, type SQL } from 'drizzle-orm'
import type { Context } from '#platform/context.ts'
import { newestPrefix, resealed } from '#platform/sealed.ts'
import { sealedAs } from './card.ts'
import { paymentMethods } from './tables.ts'

const BATCH = 100

type Sealing = Pick<Context, 'db' | 'config'>

const isOutdated = ({ config }: Pick<Context, 'config'>): SQL | undefined =>
  and(
    isNotNull(paymentMethods.encryptedToken),
    not(sql`starts_with(${paymentMethods.encryptedToken}, ${newestPrefix(config.ENCRYPTION_SECRET)})`),
  )

/** Cards whose token an older secret has sealed: while there are any, that secret is needed. */
export const outdatedCards = (ctx: Sealing): Promise<number> => ctx.db.$count(paymentMethods, isOutdated(ctx))

/** Seals cards' tokens with the newest secret. Safe in several processes at once, and beside a card's deletion. */
export async function resealCards(ctx: Sealing): Promise<void> {
  for (let count = BATCH; count === BATCH;) {
    const rows = await ctx.db
      .select({ id: paymentMethods.id, token: paymentMethods.encryptedToken })
      .from(paymentMethods)
      .where(isOutdated(ctx))
      .limit(BATCH)
    count = rows.length
    for (const { id, token } of rows) {
      const encryptedToken = resealed(token!, sealedAs(id), ctx.config.ENCRYPTION_SECRET)
      await ctx.db
        .update(paymentMethods)
        .set({ encryptedToken })
        .where(and(eq(paymentMethods.id, id), eq(paymentMethods.encryptedToken, token!)))
    }
  }
}
