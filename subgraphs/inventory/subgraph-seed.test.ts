import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { sql } from 'drizzle-orm'
import { anonymous, type Viewer } from '#platform/viewer.ts'
import { demoId } from '#platform/ids.ts'
import { openParts, type Parts } from '../../tests/setup/parts.ts'
import { staffWith } from '../../tests/setup/viewers.ts'
import { forgetCatalogue } from './catalogue-cache.ts'
import { seed } from './seed.ts'
import { categories, products, stockLevels, variants } from './tables.ts'
import { stockProblems } from './stock-problems.ts'

const BROWSE = await readFile(new URL('../../schema/operations/browse.graphql', import.meta.url), 'utf8')
const DETAIL = `query ($slug: String!) { product(slug: $slug) {
  id name description brand tags attributes { name value } media { url } category { name ancestors { slug name } }
  rating { average count } options { name values } priceRange { min { amount } }
  variants { nodes { id sku title selectedOptions { name value } price { amount } availability } }
} }`

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
    // Products, their number, variants, units that can be sold, categories, the categories above.
    // A connection that opens meanwhile asks the server for its types: not ours.
    expect(statements.filter((text) => !text.includes('pg_catalog'))).toHaveLength(6)
  })

  test.each([
    ['a page of the catalogue', BROWSE, {}, 4],
    ['a product', DETAIL, { slug: 'linen-tee' }, 5],
  ])('and %s are at most five, and one when somebody has asked before', async (_what, query, variables, cold) => {
    const count = async (viewer: Viewer) => {
      const made = await shop.statements(() => shop.ask('inventory', viewer, query, variables))
      return made.filter((text) => !text.includes('pg_catalog')).length
    }
    await forgetCatalogue(shop.part('inventory').ownContext())
    expect(await count(anonymous)).toBe(cold)
    // What can be bought is asked every time.
    expect(await count(anonymous)).toBe(1)
    expect(await count(staffWith('inventory:read'))).toBe(cold)
  })

  test('and exact stock for staff are one statement for the stock of all', async () => {
    const query = `{ products(first: 20) { nodes { variants(first: 10) { nodes {
      availability price { amount } stock { available levels { onHand } } } } } } }`
    const statements = await shop.statements(() => shop.ask('inventory', staffWith('inventory:read'), query))
    expect(statements.filter((text) => !text.includes('pg_catalog'))).toHaveLength(3)
  })

  test('tell what can be bought the same way, however they are asked', async () => {
    const asked = {
      plain: '{ products { nodes { variants { nodes { sku availability } } } } }',
      spread: `{ products { nodes { variants { ...V } } } } fragment V on ProductVariantConnection { nodes { ...W } }
        fragment W on ProductVariant { sku ... on ProductVariant { availability } }`,
      alone: '{ products { nodes { variants { edges { node { sku availability } } } } } }',
    }
    const ask = async (query: string) => (await shop.ask('inventory', anonymous, query)).products.nodes
    const plain = await ask(asked.plain)
    expect(await ask(asked.spread)).toEqual(plain)
    expect(await shop.ask('inventory', staffWith('inventory:read'), asked.plain)).toEqual({
      products: { nodes: plain },
    })
    const [{ variants: first }] = await ask(asked.alone)
    expect(first.edges.map(({ node }: { node: unknown }) => node)).toEqual(plain[0].variants.nodes)
    const states = plain.flatMap(({ variants: { nodes } }: { variants: { nodes: { availability: string }[] } }) =>
      nodes.map(({ availability }) => availability),
    )
    expect(new Set(states)).toEqual(new Set(['IN_STOCK', 'LOW_STOCK', 'OUT_OF_STOCK']))
  })
})
