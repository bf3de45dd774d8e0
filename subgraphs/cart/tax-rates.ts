import { asc, eq, sql } from 'drizzle-orm'
import { z } from 'zod'
import type { Context } from '#platform/context.ts'
import { isTaken } from '#platform/database.ts'
import { isId } from '#platform/ids.ts'
import { parseInput, reject } from '#platform/user-errors.ts'
import { requireScope } from '#platform/viewer.ts'
import { raiseEpoch } from './price-epoch.ts'
import type { TaxRateUpsertInput } from './schema.generated.ts'
import { taxRates, type TaxRateRow } from './tables.ts'

/** All tax rates for staff, or those of a country: the whole country's before those of its regions. */
export async function allTaxRates(
  ctx: Context,
  { countryCode }: { countryCode?: string | null },
): Promise<TaxRateRow[]> {
  requireScope(ctx.viewer, 'promotions:manage')
  return await ctx.db
    .select()
    .from(taxRates)
    .where(countryCode == null ? undefined : eq(taxRates.countryCode, countryCode))
    .orderBy(
      asc(taxRates.countryCode),
      sql`${taxRates.region} nulls first`,
      asc(taxRates.taxCategory),
      asc(taxRates.id),
    )
}

const name = (what: string) =>
  z.string().trim().min(1, `Name the ${what}, or leave it out.`).max(100, 'At most 100 characters.')

const rateInput = z.object({
  id: z
    .string()
    .refine(isId, { error: 'No such tax rate.', params: { code: 'NOT_FOUND' } })
    .nullish(),
  countryCode: z.string(),
  region: name('region').nullish(),
  // As goods name it.
  taxCategory: name('kind of goods').toLowerCase(),
  rate: z
    .string()
    .refine(
      (text) => /^\d{1,3}(\.\d{1,6})?$/.test(text) && Number(text) < 1,
      'A rate is a fraction from 0 to below 1, with up to 6 decimals: 0.19 is 19 %.',
    ),
  isIncludedInPrice: z.boolean(),
})

/** Adds a tax rate, or replaces the one with `id`. A kind of goods has one rate in a place. */
export async function upsertTaxRate(ctx: Context, input: TaxRateUpsertInput): Promise<TaxRateRow> {
  requireScope(ctx.viewer, 'promotions:manage')
  const { id, ...given } = parseInput(rateInput, input)
  const values = { ...given, region: given.region ?? null }
  return await ctx.db
    .transaction(async (tx) => {
      await raiseEpoch(tx)
      const [rate] = id
        ? await tx.update(taxRates).set(values).where(eq(taxRates.id, id)).returning()
        : await tx.insert(taxRates).values(values).returning()
      return rate ?? reject('NOT_FOUND', 'No such tax rate.', ['id'])
    })
    .catch((error: unknown) => {
      if (!isTaken(error, 'tax_rates_place_and_kind')) throw error
      return reject('CONFLICT', 'These goods have a rate in this place already.', ['taxCategory'])
    })
}
