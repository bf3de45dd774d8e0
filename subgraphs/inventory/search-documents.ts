import { eq, inArray, sql, type SQL } from 'drizzle-orm'
import type { Db } from '#platform/database.ts'
import { documentOf } from './search-words.ts'
import { documents, products, words, type CategoryRow } from './tables.ts'

const BATCH = 500

/**
 * Rewrites what these products are found by, and the list of words that misspelt ones are compared with, in the
 * transaction that changed them or a category above them.
 */
export async function indexProducts(tx: Db, productIds: readonly string[]): Promise<void> {
  if (productIds.length === 0) return
  await lockWords(tx)
  for (let from = 0; from < productIds.length; from += BATCH) {
    await indexBatch(tx, productIds.slice(from, from + BATCH))
  }
}

/** Takes a product out of search before it is removed. */
export async function unindexProduct(tx: Db, productId: string): Promise<void> {
  await lockWords(tx)
  const gone = await tx.delete(documents).where(eq(documents.productId, productId)).returning()
  await forgetWords(tx, gone.flatMap(wordsOf))
}

// One writer at a time, until it commits, and read only behind this lock: two at once would each write what the other
// has just made wrong, or keep a word for lost that the other brings.
const lockWords = (tx: Db) => tx.execute(sql`lock table inventory.words in share row exclusive mode`)

async function indexBatch(tx: Db, productIds: readonly string[]): Promise<void> {
  const rows = await tx
    .select({
      id: products.id,
      name: products.name,
      description: products.description,
      brand: products.brand,
      tags: products.tags,
      options: products.options,
      status: products.status,
      categories: sql<CategoryRow['name'][]>`array(
        select above.name from inventory.categories own join inventory.categories above on above.id = any (own.path)
        where own.id = ${products.categoryId})`,
    })
    .from(products)
    .where(inArray(products.id, [...productIds]))
  const before = await tx
    .select()
    .from(documents)
    .where(inArray(documents.productId, [...productIds]))
  if (rows.length === 0) return
  const after = rows.map((row) => {
    const { weighted, words: found } = documentOf(row, row)
    const { id: productId, status, brand, tags } = row
    return { productId, status, brand, tags, words: found, document: weightedDocument(weighted) }
  })
  await tx
    .insert(documents)
    .values(after)
    .onConflictDoUpdate({
      target: documents.productId,
      set: {
        status: sql`excluded.status`,
        brand: sql`excluded.brand`,
        tags: sql`excluded.tags`,
        words: sql`excluded.words`,
        document: sql`excluded.document`,
      },
    })
  // Nobody is to learn a draft's words from a suggestion.
  const shown = new Set(after.filter(({ status }) => status === 'ACTIVE').flatMap(wordsOf))
  if (shown.size > 0) {
    await tx
      .insert(words)
      .values([...shown].map((word) => ({ word })))
      .onConflictDoNothing()
  }
  await forgetWords(
    tx,
    [...before, ...after].flatMap(wordsOf).filter((word) => !shown.has(word)),
  )
}

/** Texts of falling weight as PostgreSQL searches them. */
export const weightedDocument = (texts: readonly string[]): SQL<string> =>
  sql.join(
    texts.map((text, index) => sql`setweight(to_tsvector('english', ${text}), ${sql.raw(`'${'ABCD'[index]}'`)})`),
    sql` || `,
  ) as SQL<string>

const wordsOf = ({ words: found }: { words: string }): string[] => found.split(' ').filter(Boolean)

// A word goes when no product for sale is found by it any more.
async function forgetWords(tx: Db, candidates: readonly string[]): Promise<void> {
  if (candidates.length === 0) return
  await tx.execute(sql`
    delete from inventory.words w
    where w.word in (select jsonb_array_elements_text(${JSON.stringify([...new Set(candidates)])}::jsonb))
      and not exists (
        select from inventory.documents d
        where d.status = 'ACTIVE' and d.document @@ to_tsquery('english', w.word))`)
}
