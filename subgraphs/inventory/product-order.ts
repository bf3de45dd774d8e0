import { sql } from 'drizzle-orm'
import { keyset, type Key, type KeyValue, type Page, type PageArgs } from '#platform/pages.ts'
import type { ProductSort } from './schema.generated.ts'
import { cheapest, dearest, NO_MAX_PRICE, NO_MIN_PRICE, products, type ProductRow } from './tables.ts'

/** A product, and how well it matches a search if there is one. */
export type Ranked = ProductRow & { score?: number }

/** Orders of a list: its first key, and a row's value of it. */
const orders = {
  RELEVANCE: [{ column: sql`match.score`, direction: 'desc', kind: 'number' }, (row: Ranked) => row.score ?? 0],
  NEWEST: [{ column: products.createdAt, direction: 'desc' }, (row: Ranked) => row.createdAt],
  PRICE_ASC: [
    { column: cheapest, direction: 'asc', kind: 'number' },
    (row: Ranked) => row.priceMinMinor ?? NO_MIN_PRICE,
  ],
  PRICE_DESC: [
    { column: dearest, direction: 'desc', kind: 'number' },
    (row: Ranked) => row.priceMaxMinor ?? NO_MAX_PRICE,
  ],
  RATING: [{ column: products.ratingAverage, direction: 'desc' }, (row: Ranked) => row.ratingAverage],
  BEST_SELLING: [{ column: products.soldRecently, direction: 'desc' }, (row: Ranked) => row.soldRecently],
} satisfies Record<ProductSort, [Key, (row: Ranked) => KeyValue]>

export interface Ordered {
  page: Page
  keyOf: (row: Ranked) => KeyValue[]
}

/** A page of products in an order. Without a search, the most relevant are the best selling. */
export function inOrder({ sort, ...args }: PageArgs & { sort?: ProductSort | null }): Ordered {
  const [key, valueOf] = orders[sort == null || sort === 'RELEVANCE' ? 'BEST_SELLING' : sort]
  // Ids in the same direction as the first key, so that rows are compared as a whole and by one index.
  const page = keyset(args, [key, { column: products.id, direction: key.direction }])
  return { page, keyOf: (row) => [valueOf(row), row.id] }
}

/** A page of what a search found, best match first: of rows called `match` with a `score` and a `product_id`. */
export function byRelevance(args: PageArgs): Ordered {
  const [key, valueOf] = orders.RELEVANCE
  const page = keyset(args, [key, { column: sql`match.product_id`, direction: 'desc', kind: 'string' }])
  return { page, keyOf: (row) => [valueOf(row), row.id] }
}
