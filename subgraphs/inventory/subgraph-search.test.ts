import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { anonymous } from '#platform/viewer.ts'
import { openParts, type Parts } from '../../tests/setup/parts.ts'
import { seed } from './seed.ts'

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
})
