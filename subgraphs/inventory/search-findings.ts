import { and, eq, getTableColumns, inArray, sql, type SQL } from 'drizzle-orm'
import { QueryBuilder } from 'drizzle-orm/pg-core'
import type { Db } from '#platform/database.ts'
import type { Page } from '#platform/pages.ts'
import type { Ranked } from './product-order.ts'
import { rated } from './ratings.ts'
import type { ProductFilter } from './schema.generated.ts'
import { tsqueryOf } from './search-words.ts'
import { documents, products, type ProductRow } from './tables.ts'

const FACET_VALUES = 20

/** What to read of the matches. */
export interface Wanted {
  spelled: readonly string[]
  /** Which documents match; see `isFound`. */
  where: SQL
  page: (Page & { isByRelevance: boolean }) | undefined
  hasFacets: boolean
  hasTotal: boolean
}

/** What was read of them; empty and 0 where it was not wanted. */
export interface Findings {
  rows: Ranked[]
  spread: { name: string; value: string; count: number }[]
  total: number
}

export const revived = (found: Findings, isRated: boolean): Findings => ({
  ...found,
  rows: rated(found.rows, isRated),
})

const query = (words: readonly string[]) => sql`to_tsquery('english', ${tsqueryOf(words)})`

/** Which documents have all the words and pass the filter; `matching` says the same of their products. */
export function isFound(
  words: readonly string[],
  status: ProductRow['status'],
  filter: ProductFilter | null | undefined,
  matching: SQL,
): SQL {
  const { brands, tags, ...rest } = filter ?? {}
  // Most searches are decided by the documents alone, which are small.
  const needsProduct = Object.entries(rest).some(([name, value]) => name !== 'status' && value != null)
  return and(
    words.length === 0 ? sql`false` : sql`${documents.document} @@ ${query(words)}`,
    eq(documents.status, status),
    brands?.length ? inArray(documents.brand, [...brands]) : undefined,
    tags?.length ? sql`${documents.tags} && ${sql.param(tags, documents.tags)}` : undefined,
    needsProduct
      ? inArray(documents.productId, new QueryBuilder().select({ id: products.id }).from(products).where(matching))
      : undefined,
  )!
}

/** Reads what is wanted in one statement. The matches are called `match` in it, for product-order.ts. */
export async function readFindings(db: Db, wanted: Wanted): Promise<Findings> {
  const { page, hasFacets, hasTotal } = wanted
  const rows = await db
    .with(matchedBy(db, wanted), topOf(db, page))
    .select({
      product: getTableColumns(products),
      score: sql<number | null>`match.score`,
      spread: hasFacets ? spread : sql<Findings['spread']>`'[]'::jsonb`,
      total: hasTotal ? sql<number>`(select count(*)::int from matched)` : sql<number>`0`,
    })
    // One row at least, for what is told of all matches when the page is empty.
    .from(sql`(values (1)) as one`)
    .leftJoin(sql`top as match`, sql`true`)
    .leftJoin(products, eq(products.id, sql`match.product_id`))
    .orderBy(...(page?.orderBy ?? []))
  const { spread: facets, total } = rows[0]!
  return {
    rows: rows.flatMap(({ product, score }) => (product ? [{ ...product, score: score! }] : [])),
    spread: facets,
    total,
  }
}

const matchedBy = (db: Db, { spelled, where }: Wanted) =>
  db.$with('matched').as(
    db
      .select({
        product_id: documents.productId,
        brand: documents.brand,
        tags: documents.tags,
        // A float8, because its value comes back in cursors: JSON has no float4.
        score: sql<number>`ts_rank_cd(${documents.document}, ${query(spelled)})::float8`.as('score'),
      })
      .from(documents)
      .where(where),
  )

// By relevance the matches themselves are ordered, and only the products of the page are looked up.
const topOf = (db: Db, page: Wanted['page']) =>
  db.$with('top').as(
    db
      .select({ product_id: sql`match.product_id`.as('product_id'), score: sql`match.score`.as('score') })
      .from(
        page?.isByRelevance === false
          ? sql`matched as match join ${products} on ${products.id} = match.product_id`
          : sql`matched as match`,
      )
      .where(page?.where)
      .orderBy(...(page?.orderBy ?? []))
      .limit(page?.limit ?? 0),
  )

const spread = sql<Findings['spread']>`(
  select coalesce(jsonb_agg(jsonb_build_object('name', name, 'value', value, 'count', count) order by name, rank), '[]')
  from (
    select name, value, count(*)::int as count,
      row_number() over (partition by name order by count(*) desc, value) as rank
    from (
      select 'brand' as name, brand as value from matched where brand is not null
      union all select 'tag', unnest(tags) from matched
    ) told
    group by name, value
  ) ranked
  where rank <= ${sql.raw(`${FACET_VALUES}`)})`
