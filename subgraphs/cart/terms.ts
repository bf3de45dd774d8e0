import { getTableColumns, sql, type SQL } from 'drizzle-orm'
import type { Context } from '#platform/context.ts'
import { idArray, prepared } from '#platform/prepared.ts'
import { jsonRows } from './json-rows.ts'
import { currentEpoch } from './price-epoch.ts'
import type { Candidate } from './promotion.ts'
import { cartLines, carts, promotionCustomers, promotions, taxRates, type CartLineRow, type CartRow } from './tables.ts'
import type { TaxRate } from './tax.ts'

/** A cart with what it is priced by. */
export interface Terms {
  cart: CartRow
  /** In the order they were added. */
  lines: readonly CartLineRow[]
  /** Of the country it is delivered to. */
  rates: readonly TaxRate[]
  /** See price-epoch.ts. */
  epoch: number
  /** When it was read: what it is priced for. */
  readAt: Date
  /** Those that apply by themselves, and those whose code was entered. */
  promotions: readonly Candidate[]
}

// As `customerKey` has it.
const customer: SQL = sql`case when ${carts.ownerKind} = 'user' then 'user:' || ${carts.ownerId}
  else 'email:' || lower(${carts.buyerEmail}) end`

const usedByCustomer = sql<number>`coalesce((select ${promotionCustomers.used} from ${promotionCustomers}
  where ${promotionCustomers.promotionId} = ${promotions.id} and ${promotionCustomers.customer} = ${customer}), 0)`

const withTerms = prepared((db) => {
  const lines = jsonRows(
    getTableColumns(cartLines),
    sql`from ${cartLines} where ${cartLines.cartId} = ${carts.id} order by ${cartLines.id}`,
  )
  const country = sql`coalesce(${carts.shippingAddress} ->> 'countryCode', ${sql.placeholder('country')})`
  const rates = jsonRows(getTableColumns(taxRates), sql`from ${taxRates} where ${taxRates.countryCode} = ${country}`)
  const isOver = sql`${promotions.endsAt} <= ${sql.placeholder('now')}::timestamptz`
  // What ended and has a code is read as well: its buyer is told.
  const isCandidate = sql`${promotions.code} is null and (${isOver}) is not true
    or upper(${promotions.code}) = any(select upper(code) from unnest(${carts.discountCodes}) code)`
  const candidates = jsonRows(
    { ...getTableColumns(promotions), usedByCustomer },
    sql`from ${promotions} where ${promotions.isActive} and (${isCandidate})`,
  )
  return db
    .select({ cart: carts, epoch: currentEpoch, lines, rates, promotions: candidates })
    .from(carts)
    .where(sql`${carts.id} = any(${sql.placeholder('ids')}::uuid[])`)
    .prepare('carts with terms')
})

/** Reads carts, whoever's they are, with lines, tax rates and promotions: one statement for all of it. */
export async function readTerms(
  { db, now, config }: Pick<Context, 'db' | 'now' | 'config'>,
  cartIds: readonly string[],
): Promise<Terms[]> {
  const readAt = now()
  const asked = { ids: idArray(cartIds), now: readAt.toISOString(), country: config.COUNTRY }
  return (await withTerms(db).execute(asked)).map((terms) => ({ ...terms, readAt }))
}
