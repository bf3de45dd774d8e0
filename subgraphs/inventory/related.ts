import { eq, getTableColumns, sql, type SQL } from 'drizzle-orm'
import type { Context } from '#platform/context.ts'
import { badUserInput } from '#platform/errors.ts'
import { loadGrouped } from '#platform/loader.ts'
import { cached } from './catalogue-cache.ts'
import { rated } from './ratings.ts'
import { products, type ProductRow } from './tables.ts'

const MAX_RELATED = 20
/** Of each kind that many are compared, the best selling: enough to choose from, however large a category is. */
const CANDIDATES = 100

/** Products for sale that are like this one, most similar first. @throws BAD_USER_INPUT */
export async function relatedTo(ctx: Context, { id }: ProductRow, limit: number): Promise<ProductRow[]> {
  if (limit < 1 || limit > MAX_RELATED) badUserInput(`limit is from 1 to ${MAX_RELATED}.`)
  return await relatedOf(ctx).load({ id, limit })
}

interface Asked {
  id: string
  limit: number
}

type Related = ProductRow & { of: string }

const relatedOf = loadGrouped(
  async (ctx: Context, wanted: readonly Asked[]) => {
    const asked = { related: wanted.map(({ id }) => id), limit: wanted[0]!.limit }
    const rows = await cached(ctx, { name: 'products', asked, revive: rated<Related> }, () => readRelated(ctx, asked))
    const byProduct = Map.groupBy(rows, ({ of }) => of)
    return wanted.map(({ id }): ProductRow[] => byProduct.get(id) ?? [])
  },
  { keyOf: ({ id }) => id, argsOf: ({ limit }) => String(limit) },
)

const sellingBest = (where: SQL): SQL => sql`
  (select id, category_id, brand, tags, sold_recently from inventory.products
   where status = 'ACTIVE' and ${where} order by sold_recently desc, id desc limit ${CANDIDATES})`

// What is filed beside it or of its brand; of what has neither, whatever has a tag in common.
const candidates = sql`
  ${sellingBest(sql`category_id = own.category_id`)} union ${sellingBest(sql`brand = own.brand`)}
  union ${sellingBest(sql`own.category_id is null and own.brand is null and tags && own.tags`)}`

const likeness = sql`
  3 * (other.category_id is not distinct from own.category_id)::int + (other.brand is not distinct from own.brand)::int
  + 2 * (select count(*) from unnest(own.tags) as tag where tag = any (other.tags))`

async function readRelated(
  { db }: Pick<Context, 'db'>,
  { related, limit }: { related: readonly string[]; limit: number },
): Promise<Related[]> {
  const near = sql`(
    select own.id as of, other.id, row_number() over (
      partition by own.id order by ${likeness} desc, other.sold_recently desc, other.id desc) as place
    from inventory.products own cross join lateral (${candidates}) other
    where own.id in (select jsonb_array_elements_text(${JSON.stringify(related)}::jsonb)::uuid) and other.id <> own.id
  ) as near`
  return await db
    .select({ ...getTableColumns(products), of: sql<string>`near.of` })
    .from(near)
    .innerJoin(products, eq(products.id, sql`near.id`))
    .where(sql`near.place <= ${limit}`)
    .orderBy(sql`near.of`, sql`near.place`)
}
