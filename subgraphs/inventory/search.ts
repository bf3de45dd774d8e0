import { and, eq, sql, type SQL } from 'drizzle-orm'
import type { Context } from '#platform/context.ts'
import { badUserInput } from '#platform/errors.ts'
import type { PageArgs } from '#platform/pages.ts'
import { matching, productPage } from './products.ts'
import type { ProductFilter, ProductSort } from './schema.generated.ts'
import { askedWords, tsqueryOf } from './search-words.ts'
import { documents, products } from './tables.ts'

const FACET_VALUES = 20

/** A search: what its products, facets and suggestion are made from. */
export interface Search {
  words: readonly string[]
  /** The words as the catalogue spells them. */
  spelled: readonly string[]
  filter: ProductFilter | null | undefined
  sort: ProductSort | null | undefined
}

/** Looks for products by text. Misspelt words count as the nearest word that some product has. */
export async function searchProducts(
  ctx: Context,
  { query, filter, sort }: { query: string; filter?: ProductFilter | null; sort?: ProductSort | null },
): Promise<Search> {
  if (query.length > 200) badUserInput('A query has at most 200 characters.')
  matching(ctx, filter)
  const words = askedWords(query)
  return { words, spelled: await spell(ctx, words), filter, sort }
}

/** A better spelling to offer; null when there is none. */
export const suggestion = ({ words, spelled }: Search): string | null =>
  spelled.some((word, index) => word !== words[index]) ? spelled.join(' ') : null

export async function matches(ctx: Context, { spelled, filter, sort }: Search, args: PageArgs) {
  const tsquery = sql`to_tsquery('english', ${tsqueryOf(spelled)})`
  return await productPage(
    ctx,
    { ...args, filter, sort: sort ?? 'RELEVANCE' },
    // A float8, because its value comes back in cursors: JSON has no float4.
    { within: found(spelled), score: sql<number>`ts_rank_cd(${documents.document}, ${tsquery})::float8` },
  )
}

const found = (spelled: readonly string[]): SQL =>
  spelled.length === 0 ? sql`false` : sql`${documents.document} @@ to_tsquery('english', ${tsqueryOf(spelled)})`

// A word stays when it means nothing (such as "the") or some product has it; otherwise it becomes its nearest neighbour.
async function spell({ db }: Pick<Context, 'db'>, words: readonly string[]): Promise<string[]> {
  if (words.length === 0) return []
  const rows = await db.execute<{ spelled: string }>(sql`
    select case
      when numnode(asked.query) = 0 or exists (select from inventory.documents d where d.document @@ asked.query)
      then asked.word
      else coalesce(
        (select w.word from inventory.words w where w.word % asked.word
         order by similarity(w.word, asked.word) desc, w.word limit 1),
        asked.word)
      end as spelled
    from (
      select word, place, to_tsquery('english', word || ':*') as query
      from jsonb_array_elements_text(${JSON.stringify(words)}::jsonb) with ordinality as list (word, place)
    ) asked
    order by asked.place`)
  return rows.map(({ spelled }) => spelled)
}

/** How the matches are spread over brands and tags, most first. */
export async function facets(ctx: Context, { spelled, filter }: Search) {
  const matched = ctx.db
    .select({ brand: products.brand, tags: products.tags })
    .from(products)
    .innerJoin(documents, eq(documents.productId, products.id))
    .where(and(matching(ctx, filter), found(spelled)))
  const rows = await ctx.db.execute<{ name: string; value: string; count: number }>(sql`
    with matched as ${matched}, spread as (
      select 'brand' as name, brand as value from matched where brand is not null
      union all select 'tag', unnest(tags) from matched
    ), ranked as (
      select name, value, count(*)::int as count,
        row_number() over (partition by name order by count(*) desc, value) as rank
      from spread group by name, value
    )
    select name, value, count from ranked where rank <= ${FACET_VALUES} order by name, rank`)
  return [...Map.groupBy(rows, ({ name }) => name)].map(([name, values]) => ({ name, values }))
}
