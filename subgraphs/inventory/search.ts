import type DataLoader from 'dataloader'
import { sql } from 'drizzle-orm'
import type { Context } from '#platform/context.ts'
import { badUserInput } from '#platform/errors.ts'
import { loadGrouped } from '#platform/loader.ts'
import type { PageArgs } from '#platform/pages.ts'
import { byRelevance, inOrder, type Ordered } from './product-order.ts'
import { cachedList, matching, statusOf } from './products.ts'
import type { ProductFilter, ProductSort } from './schema.generated.ts'
import { isFound, readFindings, revived, type Findings, type Wanted } from './search-findings.ts'
import { askedWords, meant } from './search-words.ts'

/** A search: what its products, facets and suggestion are made from. */
export interface Search {
  words: readonly string[]
  /** The words as the catalogue spells them. */
  spelled: readonly string[]
  filter: ProductFilter | null | undefined
  sort: ProductSort
}

/** Looks for products by text. Misspelt words count as the nearest word that some product has. */
export async function searchProducts(
  ctx: Context,
  { query, filter, sort }: { query: string; filter?: ProductFilter | null; sort?: ProductSort | null },
): Promise<Search> {
  if (query.length > 200) badUserInput('A query has at most 200 characters.')
  matching(ctx, filter)
  const words = askedWords(query)
  const spelled = await cachedList(ctx, { filter: null, args: { spell: words } }, () =>
    spell(ctx, words, statusOf(ctx, filter)),
  )
  return { words, spelled, filter, sort: sort ?? 'RELEVANCE' }
}

/** A better spelling to offer; null when there is none. */
export const suggestion = ({ words, spelled }: Search): string | null =>
  spelled.some((word, index) => word !== words[index]) ? spelled.join(' ') : null

const NEAREST = 20

// A word stays when it means nothing (such as "the") or some product has it; otherwise it becomes the one that was meant.
// Most are in the list of words; the others stand in descriptions, or in other forms.
async function spell({ db }: Pick<Context, 'db'>, words: readonly string[], status: string): Promise<string[]> {
  if (words.length === 0) return []
  const rows = await db.execute<{ word: string; near: string[] | null }>(sql`
    select asked.word, case
      when numnode(asked.query) = 0
        or exists (select from inventory.words w where w.word ~>=~ asked.word and w.word ~<~ (asked.word || chr(1114111)))
        or exists (select from inventory.documents d where d.document @@ asked.query and d.status = ${status})
      then null
      else array(select w.word from inventory.words w order by w.word <-> asked.word limit ${NEAREST})
      end as near
    from (
      select word, place, to_tsquery('english', word || ':*') as query
      from jsonb_array_elements_text(${JSON.stringify(words)}::jsonb) with ordinality as list (word, place)
    ) asked
    order by asked.place`)
  return rows.map(({ word, near }) => (near && meant(word, near)) ?? word)
}

/** A page of the matches, in the order asked for. */
export async function matches(ctx: Context, search: Search, args: PageArgs) {
  const { page, keyOf } = orderOf(search, args)
  const { rows } = await findings(ctx).load({ search, part: args })
  const totalCount = async () => (await findings(ctx).load({ search, part: 'total' })).total
  return page.connection(rows, keyOf, { totalCount })
}

/** How the matches are spread over brands and tags, most first. */
export async function facets(ctx: Context, search: Search) {
  const { spread } = await findings(ctx).load({ search, part: 'facets' })
  return [...Map.groupBy(spread, ({ name }) => name)].map(([name, values]) => ({ name, values }))
}

const orderOf = ({ sort }: Search, args: PageArgs): Ordered =>
  sort === 'RELEVANCE' ? byRelevance(args) : inOrder({ ...args, sort })

interface Asked {
  search: Search
  part: PageArgs | 'facets' | 'total'
}

// What is asked of one search at once is read at once: the matches are found and ranked for all of it only once.
const findings: (ctx: Context) => DataLoader<Asked, Findings, string> = loadGrouped(
  async (ctx: Context, wanted: readonly Asked[]) => {
    const { search } = wanted[0]!
    const pages = wanted.flatMap(({ part }) => (typeof part === 'string' ? [] : [part]))
    const hasFacets = wanted.some(({ part }) => part === 'facets')
    const [first, ...others] = await Promise.all([
      find(ctx, search, pages[0], { hasFacets, hasTotal: hasFacets || pages.length < wanted.length }),
      ...pages.slice(1).map((args) => find(ctx, search, args, { hasFacets: false, hasTotal: false })),
    ])
    // Whoever counts the facets has counted the matches.
    if (hasFacets) findings(ctx).prime({ search, part: 'total' }, first)
    const [, ...rest] = pages
    return wanted.map(({ part }) => others[rest.indexOf(part as PageArgs)] ?? first)
  },
  { keyOf: ({ part }) => JSON.stringify(part), argsOf: ({ search }) => JSON.stringify(search) },
)

async function find(
  ctx: Context,
  search: Search,
  args: PageArgs | undefined,
  wanted: Pick<Wanted, 'hasFacets' | 'hasTotal'>,
): Promise<Findings> {
  const { spelled, filter, sort } = search
  const where = isFound(spelled, statusOf(ctx, filter), filter, matching(ctx, filter))
  const page = args && { ...orderOf(search, args).page, isByRelevance: sort === 'RELEVANCE' }
  return await cachedList(ctx, { filter, sort, args: { spelled, sort, args, ...wanted }, revive: revived }, () =>
    readFindings(ctx.db, { spelled, where, page, ...wanted }),
  )
}
