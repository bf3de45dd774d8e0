import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import postgres, { type Sql } from 'postgres'
import { demoId } from '#platform/ids.ts'
import { anonymous } from '#platform/viewer.ts'
import { openParts, type Parts } from '../../tests/setup/parts.ts'
import { addCrowd, settleCrowd } from './crowd.fixture.ts'
import { seed } from './seed.ts'
import { editor, openCatalogue } from './test-catalogue.ts'

let shop: Parts
beforeAll(async () => {
  shop = await openParts(['inventory'])
  await seed(shop.part('inventory').ownContext())
})
afterAll(async () => {
  await shop[Symbol.asyncDispose]()
})

const ask = (query: string, variables?: Record<string, unknown>) => shop.ask('inventory', anonymous, query, variables)
const codeOf = async (query: string, variables?: Record<string, unknown>) =>
  (await shop.answer('inventory', anonymous, query, variables)).errors?.[0]?.extensions?.code

describe('a search', () => {
  const SEARCH = `query ($query: String!, $filter: ProductFilter, $sort: ProductSort, $after: String) {
    productSearch(query: $query, filter: $filter, sort: $sort) {
      products(first: 5, after: $after) { nodes { slug } pageInfo { endCursor hasNextPage } totalCount }
      facets { name values { value count } } suggestion
    }
  }`
  const search = async (query: string, more: object = {}) => (await ask(SEARCH, { query, ...more })).productSearch
  const slugs = (found: { products: { nodes: { slug: string }[] } }) => found.products.nodes.map(({ slug }) => slug)

  test('finds all the words, wherever they stand, names first', async () => {
    expect(slugs(await search('linen shirt'))).toEqual(['linen-tee'])
    expect(slugs(await search('Kitchen pans'))).toHaveLength(3)
    expect(slugs(await search('candle'))[0]).toMatch(/candle$/)
  })

  test('finds the beginning of a word and ignores case, accents and small words', async () => {
    expect(slugs(await search('STONEW'))).toEqual(expect.arrayContaining(['stoneware-mug', 'stoneware-bowl']))
    expect(slugs(await search('the rosterei decaf'))).toEqual(['decaf-coffee'])
  })

  test('forgives small mistakes and offers the right spelling', async () => {
    const found = await search('stonware mugg')
    expect(found.suggestion).toBe('stoneware mug')
    expect(slugs(found)).toEqual(['stoneware-mug'])
    expect((await search('linen')).suggestion).toBeNull()
  })

  test('counts what would narrow it', async () => {
    const { facets, products: matches } = await search('stoneware')
    expect(facets).toEqual([
      { name: 'brand', values: [{ value: 'Tonwerk', count: 2 }] },
      {
        name: 'tag',
        values: [
          { value: 'kitchen', count: 2 },
          { value: 'gift', count: 1 },
        ],
      },
    ])
    expect(matches.totalCount).toBe(2)
    expect(slugs(await search('stoneware', { filter: { tags: ['gift'] } }))).toEqual(['stoneware-mug'])
  })

  test('goes on where a page ended', async () => {
    const first = await search('gift')
    const second = await search('gift', { after: first.products.pageInfo.endCursor })
    expect(first.products.pageInfo.hasNextPage).toBe(true)
    expect(slugs(second)).toHaveLength(5)
    for (const slug of slugs(second)) expect(slugs(first)).not.toContain(slug)
  })

  test.each(['', '   ', '!!!', 'zzzzzzqqqq', "'; drop table products; --", 'qqq & | ! zzz:*'])(
    'finds nothing for %j',
    async (query) => {
      const { products: matches } = await search(query, { filter: { brands: ['Tonwerk'] } })
      expect(matches.nodes).toEqual([])
    },
  )

  test('is not longer than 200 characters', async () => {
    expect(await codeOf(SEARCH, { query: 'x'.repeat(201) })).toBe('BAD_USER_INPUT')
  })

  test('knows words by letters that are swapped, left out, doubled or wrong, and leaves alone what is too far off', async () => {
    const suggestionFor = async (query: string) => (await search(query)).suggestion
    expect(await suggestionFor('shrits')).toBe('shirts')
    expect(await suggestionFor('bakpack')).toBe('backpack')
    expect(await suggestionFor('tovels')).toBe('towels')
    expect(await suggestionFor('xyzzyplugh')).toBeNull()
  })

  test.each(['%', '_', '\\', "%' or true --", 'l_nen', '\\%'])('takes %j for plain characters', async (query) => {
    const { products: matches } = await search(query, { filter: { brands: ['%', '_'], tags: ['%'] } })
    expect(matches.totalCount).toBe(0)
    expect(slugs(await search(query))).not.toContain('linen-tee')
  })

  test('is narrowed by everything that lists are', async () => {
    const filter = {
      categoryId: demoId('category/home'),
      priceMin: '10',
      priceMax: '25',
      ratingMin: 1,
      tags: ['kitchen', 'gift'],
    }
    const { products: matches, facets } = await search('gift', { filter })
    expect(matches.nodes.length).toBeGreaterThan(0)
    expect(matches.totalCount).toBeLessThan((await search('gift')).products.totalCount)
    const brands = facets.find(({ name }: { name: string }) => name === 'brand').values
    expect(brands.reduce((sum: number, { count }: { count: number }) => sum + count, 0)).toBe(matches.totalCount)
    for (const query of [{ filter: { ratingMin: 6 } }, { filter: { priceMin: '1.234' } }]) {
      expect(await codeOf(SEARCH, { query: 'linen', ...query })).toBe('BAD_USER_INPUT')
    }
  })

  test('has the same facets on every page, and on one beyond the last', async () => {
    const first = await search('gift')
    const last = (await search('gift', { after: first.products.pageInfo.endCursor })).products.pageInfo.endCursor
    for (const after of [last, 'WzAsIjAwMDAwMDAwLTAwMDAtMDAwMC0wMDAwLTAwMDAwMDAwMDAwMCJd']) {
      const later = await search('gift', { after })
      expect(later.facets).toEqual(first.facets)
      expect(later.products.totalCount).toBe(first.products.totalCount)
    }
  })
})

test('a product is found by every word of its name, whatever signs stand beside it', async () => {
  const catalogue = await openCatalogue()
  await using _ = catalogue.shop
  await catalogue.aProduct({ name: 'Baby™ Spoon—Blue' })
  for (const query of ['baby', 'babby', 'baby™ spoon', 'blue']) {
    expect((await catalogue.find(query)).slugs, query).toEqual(['baby-spoon-blue'])
  }
})

describe('the rank of a match', () => {
  test('is by where the word stands: name, then brand, then tag, then description', async () => {
    await using catalogue = (await openCatalogue()).shop
    const create = async (name: string, more: object) =>
      catalogue.ask(
        'inventory',
        editor,
        'mutation ($input: ProductCreateInput!) { productCreate(input: $input) { product { id } } }',
        {
          input: { name, status: 'ACTIVE', ...more },
        },
      )
    await create('Four', { description: 'It smells of cedar.' })
    await create('Two', { brand: 'Cedar' })
    await create('Three', { tags: ['cedar'] })
    await create('Cedar One', {})
    const { productSearch } = await catalogue.ask(
      'inventory',
      anonymous,
      '{ productSearch(query: "cedar") { products { nodes { name } } } }',
    )
    expect(productSearch.products.nodes.map(({ name }: { name: string }) => name)).toEqual([
      'Cedar One',
      'Two',
      'Three',
      'Four',
    ])
  })
})

describe('a search among many products', () => {
  const FACETED = `{ productSearch(query: "%") { products(first: 20) { nodes { name } totalCount }
    facets { name values { value count } } suggestion } }`

  let crowd: Awaited<ReturnType<typeof openCatalogue>>
  let sql: Sql
  beforeAll(async () => {
    crowd = await openCatalogue()
    sql = postgres(crowd.shop.config.DATABASE_URL!, { max: 1, onnotice: () => {} })
    await addCrowd(sql, 1, 20_000)
    await settleCrowd(sql)
  })
  afterAll(async () => {
    await sql.end()
    await crowd.shop[Symbol.asyncDispose]()
  })

  test('is two statements, and they find by index', async () => {
    const ask = (query: string) => crowd.shop.ask('inventory', anonymous, FACETED.replace('%', query))
    let found: Awaited<ReturnType<typeof ask>> = {}
    const statements = await crowd.shop.statements(async () => {
      found = await ask('waxx backpack')
    })
    const own = statements.filter((text) => !text.includes('pg_catalog'))
    expect(own).toHaveLength(2)
    expect(found.productSearch.suggestion).toBe('wax backpack')
    expect(found.productSearch.products.totalCount).toBeGreaterThan(20)
    const plans = await Promise.all(own.map(async (text) => await planOf(sql, text)))
    expect(plans[0]).toContain('words_beginning')
    expect(plans[0]).toContain('words_nearness')
    expect(plans[1]).toContain('Bitmap Index Scan on documents_document_index')
    for (const plan of plans) expect(plan).not.toMatch(/Seq Scan on (products|words|documents)/)
  })

  test.each(['NEWEST', 'PRICE_ASC', 'PRICE_DESC', 'RATING', 'BEST_SELLING'])(
    'lists by %s by an index of that order',
    async (sort) => {
      const statements = await crowd.shop.statements(() =>
        crowd.shop.ask('inventory', anonymous, `{ products(sort: ${sort}) { nodes { name } } }`),
      )
      const plan = await planOf(
        sql,
        statements.find((text) => text.includes('products'))!,
      )
      expect(plan).toMatch(/Index Scan (Backward )?using products_/)
      expect(plan).not.toMatch(/Sort|Seq Scan/)
    },
  )
})

// Of any parameters, as a prepared statement has it.
async function planOf(sql: Sql, text: string): Promise<string> {
  const rows = await sql.unsafe<{ 'QUERY PLAN': string }[]>(`explain (generic_plan) ${text}`).simple()
  return rows.map((row) => row['QUERY PLAN']).join('\n')
}
