import { sql, type SQL } from 'drizzle-orm'
import { keyset, type Key, type KeyValue, type Page, type PageArgs } from '#platform/pages.ts'
import type { ProductSort } from './schema.generated.ts'
import { products, type ProductRow } from './tables.ts'

/** A product, and how well it matches a search if there is one. */
type Ranked = ProductRow & { score?: number }

/** Orders of a list: its keys, and a row's values of them. Products without variants come last by price. */
const orders = (score: SQL<number>) =>
  ({
    RELEVANCE: [{ column: score, direction: 'desc', kind: 'number' }, (row: Ranked) => row.score ?? 0],
    NEWEST: [{ column: products.createdAt, direction: 'desc' }, (row: Ranked) => row.createdAt],
    PRICE_ASC: [
      { column: sql`coalesce(price_min_minor, ${Number.MAX_SAFE_INTEGER}::bigint)`, direction: 'asc', kind: 'number' },
      (row: Ranked) => row.priceMinMinor ?? Number.MAX_SAFE_INTEGER,
    ],
    PRICE_DESC: [
      { column: sql`coalesce(price_max_minor, -1)`, direction: 'desc', kind: 'number' },
      (row: Ranked) => row.priceMaxMinor ?? -1,
    ],
    RATING: [{ column: products.ratingAverage, direction: 'desc' }, (row: Ranked) => row.ratingAverage],
    BEST_SELLING: [{ column: products.soldRecently, direction: 'desc' }, (row: Ranked) => row.soldRecently],
  }) satisfies Record<ProductSort, [Key, (row: Ranked) => KeyValue]>

/** A page of products in an order; by relevance only where there is a `score`. */
export function inOrder(
  { sort, ...args }: PageArgs & { sort?: ProductSort | null },
  score?: SQL<number>,
): { page: Page; keyOf: (row: Ranked) => KeyValue[] } {
  const asked = sort === 'RELEVANCE' && !score ? null : sort
  const [key, valueOf] = orders(score ?? sql<number>`0::float8`)[asked ?? 'BEST_SELLING']
  // Ids in the same direction as the first key, so that rows are compared as a whole and by one index.
  const page = keyset(args, [key, { column: products.id, direction: key.direction }])
  return { page, keyOf: (row) => [valueOf(row), row.id] }
}
