import { and, eq, sql } from 'drizzle-orm'
import type { Context } from '#platform/context.ts'
import { isTaken } from '#platform/database.ts'
import { isId } from '#platform/ids.ts'
import { moneyOf } from '#platform/money-input.ts'
import { keyset, type PageArgs } from '#platform/pages.ts'
import { Rejection, inputPath, parseInput, reject } from '#platform/user-errors.ts'
import { requireScope } from '#platform/viewer.ts'
import { knownCategories } from './calls/inventory.ts'
import { raiseEpoch } from './price-epoch.ts'
import { promotionInput } from './promotion-input.ts'
import type { MoneyInput, PromotionDeleteInput, PromotionUpsertInput } from './schema.generated.ts'
import { promotions, type PromotionRow } from './tables.ts'

/** All promotions for staff, newest first. */
export async function allPromotions(ctx: Context, args: PageArgs & { isActive?: boolean | null }) {
  requireScope(ctx.viewer, 'promotions:manage')
  const page = keyset(args, [
    { column: promotions.createdAt, direction: 'desc' },
    { column: promotions.id, direction: 'desc' },
  ])
  const asked = args.isActive == null ? undefined : eq(promotions.isActive, args.isActive)
  const rows = await ctx.db
    .select()
    .from(promotions)
    .where(and(asked, page.where))
    .orderBy(...page.orderBy)
    .limit(page.limit)
  return page.connection(rows, ({ createdAt, id }) => [createdAt, id], {
    totalCount: () => ctx.db.$count(promotions, asked),
  })
}

/** Adds a promotion, or replaces the one with `id`; what it was used for stays counted. */
export async function upsertPromotion(ctx: Context, input: PromotionUpsertInput): Promise<PromotionRow> {
  requireScope(ctx.viewer, 'promotions:manage')
  const { id, amountOff, minimumSubtotal, ...given } = parseInput(promotionInput(ctx.config), input)
  await requireCategories(ctx, given.categoryIds ?? [])
  const values = {
    name: given.name,
    kind: given.kind,
    code: given.code ?? null,
    percentOff: given.percentOff ?? null,
    amountOffMinor: minorOf(amountOff),
    minimumSubtotalMinor: minorOf(minimumSubtotal),
    categoryIds: given.categoryIds ?? null,
    buyQuantity: given.buyQuantity ?? null,
    getQuantity: given.getQuantity ?? null,
    startsAt: given.startsAt ?? null,
    endsAt: given.endsAt ?? null,
    isActive: given.isActive ?? true,
    usageLimit: given.usageLimit ?? null,
    perCustomerLimit: given.perCustomerLimit ?? null,
    updatedAt: ctx.now(),
  }
  return await ctx.db
    .transaction(async (tx) => {
      const [promotion] = id
        ? await tx
            .update(promotions)
            .set({ ...values, version: sql`${promotions.version} + 1` })
            .where(eq(promotions.id, id))
            .returning()
        : await tx
            .insert(promotions)
            .values({ ...values, createdAt: ctx.now() })
            .returning()
      await raiseEpoch(tx)
      return promotion ?? reject('NOT_FOUND', 'No such promotion.', ['id'])
    })
    .catch((error: unknown) => {
      if (isTaken(error, 'promotions_code')) return reject('CONFLICT', 'Another promotion has this code.', ['code'])
      throw error
    })
}

const minorOf = (money: MoneyInput | null | undefined): number | null => (money ? moneyOf(money).amountMinor : null)

async function requireCategories(ctx: Context, ids: readonly string[]): Promise<void> {
  const known = ids.length > 0 ? await knownCategories(ctx, ids) : new Set()
  const errors = ids.flatMap((id, index) =>
    known.has(id)
      ? []
      : [{ code: 'NOT_FOUND' as const, message: 'No such category.', field: inputPath(['categoryIds', index]) }],
  )
  if (errors.length > 0) throw new Rejection(errors)
}

/**
 * Removes a promotion. Orders keep what it took off, and so do checkouts that have counted their use of it. One that was
 * told its price and has not counted yet is refused, and its buyer sees the price without it.
 */
export async function deletePromotion(ctx: Context, { id }: PromotionDeleteInput): Promise<string> {
  requireScope(ctx.viewer, 'promotions:manage')
  if (!isId(id)) reject('NOT_FOUND', 'No such promotion.', ['id'])
  return await ctx.db.transaction(async (tx) => {
    const [deleted] = await tx.delete(promotions).where(eq(promotions.id, id)).returning({ id: promotions.id })
    await raiseEpoch(tx)
    return deleted?.id ?? reject('NOT_FOUND', 'No such promotion.', ['id'])
  })
}
