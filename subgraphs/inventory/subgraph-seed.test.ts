import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { sql } from 'drizzle-orm'
import { anonymous } from '#platform/viewer.ts'
import { demoId } from '#platform/ids.ts'
import { openParts, type Parts } from '../../tests/setup/parts.ts'
import { seed } from './seed.ts'
import { categories, products, stockLevels, variants } from './tables.ts'
import { stockProblems } from './stock-problems.ts'

let shop: Parts
beforeAll(async () => {
  shop = await openParts(['inventory'])
  await seed(shop.part('inventory').ownContext())
})
afterAll(async () => {
  await shop[Symbol.asyncDispose]()
})

describe('the demo catalogue', () => {
  test('has 60 products, 150 variants and a tree three deep at least', async () => {
    const { db } = shop.part('inventory').ownContext()
    expect(await db.$count(products)).toBeGreaterThanOrEqual(60)
    expect(await db.$count(variants)).toBeGreaterThanOrEqual(150)
    expect(await db.$count(categories, sql`cardinality(path) = 3`)).toBeGreaterThan(10)
  })

  test('keeps its books: counters are the sums of the ledger', async () => {
    const { db } = shop.part('inventory').ownContext()
    expect(await stockProblems(db)).toEqual([])
    expect(await db.$count(stockLevels, sql`on_hand = 0`)).toBeGreaterThan(0)
  })

  test('rates products as their reviews do', async () => {
    const { db } = shop.part('inventory').ownContext()
    const wrong = await db.execute(sql`
      select p.slug from inventory.products p left join inventory.reviews r on r.product_id = p.id
      group by p.id having p.rating_count <> count(r.id) or p.rating_sum <> coalesce(sum(r.rating), 0)`)
    expect(wrong).toEqual([])
  })

  test('has what the demo orders bought, at their prices', async () => {
    const { productVariant } = await shop.ask(
      'inventory',
      anonymous,
      `{ productVariant(sku: "TEE-LINEN-BLU-M") { id title price { amount } weightGrams availability product { slug name } } }`,
    )
    expect(productVariant).toEqual({
      id: demoId('variant/TEE-LINEN-BLU-M'),
      title: 'Blue / M',
      price: { amount: '24.90' },
      weightGrams: 180,
      availability: 'IN_STOCK',
      product: { slug: 'linen-tee', name: 'Linen T-Shirt' },
    })
    for (const [sku, title, amount, weightGrams] of [
      ['MUG-STONE-GRY', 'Grey', '14.50', 400],
      ['BAG-CANVAS-NAT', 'Natural', '39.00', 520],
    ]) {
      const found = await shop.ask(
        'inventory',
        anonymous,
        `query ($sku: String) { productVariant(sku: $sku) { id title price { amount } weightGrams } }`,
        { sku },
      )
      expect(found.productVariant).toEqual({ id: demoId(`variant/${sku}`), title, price: { amount }, weightGrams })
    }
  })

  test('is filled once', async () => {
    const ctx = shop.part('inventory').ownContext()
    const before = await ctx.db.$count(products)
    await seed(ctx)
    expect(await ctx.db.$count(products)).toBe(before)
  })
})

describe('a list of 20 products with variants, prices and availability', () => {
  const LIST = `{ products(first: 20) { nodes {
    name slug priceRange { min { amount } max { amount } } rating { average count }
    variants(first: 10) { nodes { sku price { amount currencyCode } availability } }
    category { name ancestors { name } }
  } totalCount } }`

  test('is read in one statement per relation', async () => {
    let nodes: unknown[] = []
    const statements = await shop.statements(async () => {
      nodes = (await shop.ask('inventory', anonymous, LIST)).products.nodes
    })
    expect(nodes).toHaveLength(20)
    // Products, their number, variants, stock levels, categories, the categories above.
    // A connection that opens meanwhile asks the server for its types: not ours.
    expect(statements.filter((text) => !text.includes('pg_catalog'))).toHaveLength(6)
  })
})
