import { eq } from 'drizzle-orm'
import { afterAll, describe, expect, test } from 'vitest'
import { demoId } from '#platform/ids.ts'
import { anonymous } from '#platform/viewer.ts'
import { products, stockLevels, variants } from './tables.ts'
import { openShop } from './test-customers.ts'

const { shop, db } = await openShop()
afterAll(async () => {
  await shop[Symbol.asyncDispose]()
})

const ask = (query: string, variables?: Record<string, unknown>) => shop.ask('inventory', anonymous, query, variables)
const codeOf = async (query: string, variables?: Record<string, unknown>) =>
  (await shop.answer('inventory', anonymous, query, variables)).errors?.[0]?.extensions?.code

describe('a list of products', () => {
  const LIST = `query ($filter: ProductFilter, $sort: ProductSort, $first: Int, $after: String) {
    products(filter: $filter, sort: $sort, first: $first, after: $after) {
      nodes { slug brand tags createdAt priceRange { min { amount } max { amount } } rating { average } }
      pageInfo { hasNextPage endCursor } totalCount
    }
  }`
  const list = async (variables: Record<string, unknown>) => (await ask(LIST, variables)).products

  test.each(['RELEVANCE', 'NEWEST', 'PRICE_ASC', 'PRICE_DESC', 'RATING', 'BEST_SELLING'])(
    'by %s shows every product once, page by page',
    async (sort) => {
      const seen: string[] = []
      for (let after: string | null = null, more = true; more;) {
        const { nodes, pageInfo } = await list({ sort, first: 30, after })
        seen.push(...nodes.map(({ slug }: { slug: string }) => slug))
        after = pageInfo.endCursor
        more = pageInfo.hasNextPage
      }
      expect(new Set(seen).size).toBe(seen.length)
      expect(seen).toHaveLength((await list({})).totalCount)
    },
  )

  test('is ordered as asked', async () => {
    type Node = {
      priceRange: { min: { amount: string }; max: { amount: string } }
      rating: { average: number }
      createdAt: string
    }
    const ordered = async (sort: string, value: (node: Node) => number) => {
      const values: number[] = (await list({ sort, first: 100 })).nodes.map(value)
      expect(values).toEqual(values.toSorted((a, b) => a - b))
    }
    await ordered('PRICE_ASC', (node) => Number(node.priceRange.min.amount))
    await ordered('PRICE_DESC', (node) => -Number(node.priceRange.max.amount))
    await ordered('RATING', (node) => -(node.rating.average ?? 0))
    await ordered('NEWEST', (node) => -Date.parse(node.createdAt))
    const { nodes } = await list({ first: 3 })
    expect(nodes[0].slug).toBe('stoneware-mug')
  })

  test('is narrowed by category and everything below it', async () => {
    const categoryId = demoId('category/clothing')
    const tops = await list({ filter: { categoryId: demoId('category/tops') }, first: 100 })
    const clothing = await list({ filter: { categoryId }, first: 100 })
    expect(tops.totalCount).toBe(10)
    expect(clothing.totalCount).toBeGreaterThan(tops.totalCount)
    expect((await list({ filter: { categoryId: 'no id' } })).totalCount).toBe(0)
  })

  test('is narrowed by brand, tag, price and stars, all together', async () => {
    const filter = {
      brands: ['Tonwerk', 'Eisenhut'],
      tags: ['kitchen'],
      priceMin: '14',
      priceMax: '20.50',
      ratingMin: 3,
    }
    const { nodes, totalCount } = await list({ filter, first: 100 })
    expect(totalCount).toBeGreaterThan(0)
    for (const node of nodes) {
      expect(filter.brands).toContain(node.brand)
      expect(node.tags).toContain('kitchen')
      expect(Number(node.priceRange.min.amount)).toBeLessThanOrEqual(20.5)
      expect(Number(node.priceRange.max.amount)).toBeGreaterThanOrEqual(14)
      expect(node.rating.average).toBeGreaterThanOrEqual(3)
    }
  })

  test('leaves out what cannot be bought now when asked to', async () => {
    const slugs = async () =>
      (await list({ filter: { inStockOnly: true }, first: 100 })).nodes.map(({ slug }: { slug: string }) => slug)
    expect(await slugs()).toContain('felt-hat')
    const [hat] = await db.select().from(products).where(eq(products.slug, 'felt-hat'))
    for (const { id } of await db.select().from(variants).where(eq(variants.productId, hat!.id))) {
      await db.update(stockLevels).set({ onHand: 0 }).where(eq(stockLevels.variantId, id))
    }
    expect(await slugs()).not.toContain('felt-hat')
  })

  test.each([
    { first: 0 },
    { first: 101 },
    { after: 'nonsense' },
    { filter: { ratingMin: 6 } },
    { filter: { priceMin: '1.234' } },
  ])('refuses %j', async (variables) => {
    expect(await codeOf(LIST, variables)).toBe('BAD_USER_INPUT')
  })
})
