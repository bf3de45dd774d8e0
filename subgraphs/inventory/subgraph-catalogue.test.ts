import { eq } from 'drizzle-orm'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { demoId, uuidv7 } from '#platform/ids.ts'
import { anonymous } from '#platform/viewer.ts'
import { openParts, type Parts } from '../../tests/setup/parts.ts'
import { aCustomer, aGuest, aService, staffWith } from '../../tests/setup/viewers.ts'
import { changeCatalogue, forgetCatalogue } from './catalogue-cache.ts'
import { seed } from './seed.ts'
import { products } from './tables.ts'

let shop: Parts
beforeAll(async () => {
  shop = await openParts(['inventory'])
  await seed(shop.part('inventory').ownContext())
})
afterAll(async () => {
  await shop[Symbol.asyncDispose]()
})

const staff = staffWith('inventory:read')
const ask = (query: string, variables?: Record<string, unknown>) => shop.ask('inventory', anonymous, query, variables)
const codeOf = async (query: string, variables?: Record<string, unknown>) =>
  (await shop.answer('inventory', anonymous, query, variables)).errors?.[0]?.extensions?.code

/** Runs with a product in another state. */
async function hidden(slug: string, run: () => Promise<void>) {
  const become = async (status: 'ACTIVE' | 'ARCHIVED') =>
    await changeCatalogue(shop.part('inventory').ownContext(), (tx) =>
      tx.update(products).set({ status }).where(eq(products.slug, slug)),
    )
  await become('ARCHIVED')
  try {
    await run()
  } finally {
    await become('ACTIVE')
  }
}

describe('a product', () => {
  const PRODUCT = `query ($id: ID, $slug: String) { product(id: $id, slug: $slug) {
    id slug name brand tags status category { slug ancestors { slug } } media { url altText }
    options { name values } attributes { name value } priceRange { min { amount currencyCode } max { amount } }
    rating { average count } reviews(first: 1) { nodes { rating isVerifiedPurchase author { id } } totalCount }
    variants(first: 3) { nodes { sku title selectedOptions { name value } } pageInfo { hasNextPage } totalCount }
  } }`

  test('is found by slug and by id, with all there is to it', async () => {
    const { product } = await ask(PRODUCT, { slug: 'linen-tee' })
    expect(product).toMatchObject({
      id: demoId('product/linen-tee'),
      name: 'Linen T-Shirt',
      status: 'ACTIVE',
      category: { slug: 't-shirts', ancestors: [{ slug: 'clothing' }, { slug: 'tops' }] },
      options: [
        { name: 'Colour', values: ['Blue', 'White'] },
        { name: 'Size', values: ['S', 'M', 'L', 'XL'] },
      ],
      priceRange: { min: { amount: '24.90', currencyCode: 'EUR' }, max: { amount: '24.90' } },
      variants: {
        nodes: [{ sku: 'TEE-LINEN-BLU-S' }, { sku: 'TEE-LINEN-BLU-M', title: 'Blue / M' }, { sku: 'TEE-LINEN-BLU-L' }],
        pageInfo: { hasNextPage: true },
        totalCount: 8,
      },
    })
    expect((await ask(PRODUCT, { id: product.id })).product).toEqual(product)
  })

  test('that is unknown is null, whatever its id looks like', async () => {
    for (const given of [{ id: uuidv7() }, { id: 'no id' }, { slug: 'nothing' }]) {
      expect((await ask(PRODUCT, given)).product).toBeNull()
    }
  })

  test('is asked for by one name', async () => {
    expect(await codeOf(PRODUCT, {})).toBe('BAD_USER_INPUT')
    expect(await codeOf(PRODUCT, { id: uuidv7(), slug: 'linen-tee' })).toBe('BAD_USER_INPUT')
  })

  test('that is not for sale is for staff only, by every way', async () => {
    await hidden('linen-tee', async () => {
      const id = demoId('product/linen-tee')
      const variantId = demoId('variant/TEE-LINEN-BLU-M')
      const BY_ALL_WAYS = `query ($id: ID!, $variantId: ID!) {
        product(id: $id) { id } productVariant(id: $variantId) { id } bySku: productVariant(sku: "TEE-LINEN-BLU-M") { id }
        _entities(representations: [
          { __typename: "Product", id: "${id}" }, { __typename: "Product", slug: "linen-tee" }
          { __typename: "ProductVariant", id: "${variantId}" }, { __typename: "ProductVariant", sku: "TEE-LINEN-BLU-M" }
        ]) { __typename }
      }`
      const nothing = { product: null, productVariant: null, bySku: null, _entities: [null, null, null, null] }
      for (const viewer of [anonymous, aGuest(), aCustomer(), staffWith('orders:read'), aService('cart')]) {
        expect(await shop.ask('inventory', viewer, BY_ALL_WAYS, { id, variantId })).toEqual(nothing)
      }
      const seen = await shop.ask('inventory', staff, BY_ALL_WAYS, { id, variantId })
      expect(seen).toMatchObject({ product: { id }, productVariant: { id: variantId }, bySku: { id: variantId } })
      expect(seen._entities).not.toContain(null)
      const { products: listed } = await ask(
        `{ products(filter: { status: ARCHIVED }, first: 100) { nodes { slug } } }`,
      )
      expect(listed.nodes.map(({ slug }: { slug: string }) => slug)).not.toContain('linen-tee')
    })
  })
})

describe('a variant', () => {
  const STOCK = `query ($id: ID) { productVariant(id: $id) {
    availability stock { onHand available levels { onHand available location { name address { city } priority } } }
  } }`

  test('shows its stock to staff and nobody else', async () => {
    const id = demoId('variant/BAG-CANVAS-NAT')
    const { productVariant } = await shop.ask('inventory', staff, STOCK, { id })
    expect(productVariant).toEqual({
      availability: 'IN_STOCK',
      stock: {
        onHand: 199,
        available: 199,
        levels: [
          { onHand: 119, available: 119, location: { name: 'Berlin', address: { city: 'Berlin' }, priority: 1 } },
          { onHand: 80, available: 80, location: { name: 'Hamburg', address: { city: 'Hamburg' }, priority: 2 } },
        ],
      },
    })
    for (const viewer of [anonymous, aGuest(), aCustomer(), staffWith('orders:read')]) {
      expect((await shop.ask('inventory', viewer, STOCK, { id })).productVariant.stock).toBeNull()
    }
  })

  test('is read for carts in the order asked for, by our own parts', async () => {
    const FOR_CART = `query ($ids: [ID!]!) { variantsForCart(ids: $ids) {
      id sku price { amount } availability maxOrderQuantity taxCategory weightGrams product { name slug media { url } }
    } }`
    const [mug, tea] = ['MUG-STONE-GRY', 'TEA-ASSAM-100'].map((sku) => demoId(`variant/${sku}`))
    const ids = [tea!, uuidv7(), mug!, 'no id', tea!]
    let found: { sku: string; taxCategory: string }[] = []
    const statements = await shop.statements(async () => {
      found = (await shop.ask('inventory', aService('cart'), FOR_CART, { ids })).variantsForCart
    })
    expect(found.map((each) => each?.sku ?? null)).toEqual([
      'TEA-ASSAM-100',
      null,
      'MUG-STONE-GRY',
      null,
      'TEA-ASSAM-100',
    ])
    expect(found[0]!.taxCategory).toBe('food')
    // Variants with stock levels and products.
    expect(statements.filter((text) => !text.includes('pg_catalog'))).toHaveLength(1)
    const { errors } = await shop.answer('inventory', aCustomer(), FOR_CART, { ids })
    expect(errors?.[0]?.extensions?.code).toBe('FORBIDDEN')
    await hidden('stoneware-mug', async () => {
      expect((await shop.ask('inventory', aService('cart'), FOR_CART, { ids: [mug] })).variantsForCart).toEqual([null])
    })
  })
})

describe('categories', () => {
  test('are a tree', async () => {
    const { categories } = await ask(
      `{ categories { slug parent { slug } children { slug children { slug children { slug } } } } }`,
    )
    expect(categories.map(({ slug }: { slug: string }) => slug)).toEqual([
      'books',
      'clothing',
      'home',
      'pantry',
      'travel',
    ])
    expect(categories[1]).toMatchObject({
      parent: null,
      children: [{ slug: 'accessories' }, { slug: 'bottoms' }, { slug: 'tops' }],
    })
    const below = await ask(`query ($parentId: ID) { categories(parentId: $parentId) { slug parent { slug } } }`, {
      parentId: demoId('category/kitchen'),
    })
    expect(below.categories[0]).toEqual({ slug: 'bowls', parent: { slug: 'kitchen' } })
    expect((await ask(`{ categories(parentId: "no id") { slug } }`)).categories).toEqual([])
  })

  test('are read in one statement a level', async () => {
    await forgetCatalogue(shop.part('inventory').ownContext())
    const statements = await shop.statements(() => ask(`{ categories { slug children { slug children { slug } } } }`))
    expect(statements.filter((text) => !text.includes('pg_catalog'))).toHaveLength(3)
  })

  test('show the first of their products in one statement, whatever their number', async () => {
    const HOME = `{ categories { slug products(sort: PRICE_ASC, first: 2) { nodes { slug } pageInfo { endCursor } totalCount } } }`
    let tops: { slug: string; products: { nodes: unknown[]; totalCount: number; pageInfo: { endCursor: string } } }[] =
      []
    await forgetCatalogue(shop.part('inventory').ownContext())
    const statements = await shop.statements(async () => {
      tops = (await ask(HOME)).categories
    })
    // Categories, a page of each, and their numbers.
    expect(statements.filter((text) => !text.includes('pg_catalog'))).toHaveLength(3)
    const books = tops.find(({ slug }) => slug === 'books')!.products
    expect(books).toMatchObject({ nodes: [{ slug: 'soup-cookbook' }, { slug: 'bread-cookbook' }], totalCount: 3 })
    const rest = await ask(
      `query ($after: String) { category(slug: "books") { products(sort: PRICE_ASC, after: $after) { nodes { slug } } } }`,
      { after: books.pageInfo.endCursor },
    )
    expect(rest.category.products.nodes).toEqual([{ slug: 'vegetable-cookbook' }])
  })

  test('show what is filed in them and below', async () => {
    const { category } = await ask(
      `{ category(slug: "kitchen") { name ancestors { slug } products(sort: PRICE_DESC, first: 1) { nodes { slug } totalCount } } }`,
    )
    expect(category).toEqual({
      name: 'Kitchen',
      ancestors: [{ slug: 'home' }],
      products: { nodes: [{ slug: 'copper-pan' }], totalCount: 11 },
    })
    expect((await ask(`{ category(slug: "nothing") { name } }`)).category).toBeNull()
  })
})

describe('locations', () => {
  const LOCATIONS = `{ stockLocations { name priority isActive address { city location { latitude } } } }`

  test('are listed for staff, by priority', async () => {
    const { stockLocations } = await shop.ask('inventory', staff, LOCATIONS)
    expect(stockLocations).toMatchObject([
      { name: 'Berlin', priority: 1, isActive: true, address: { location: { latitude: 52.4847 } } },
      { name: 'Hamburg', priority: 2 },
    ])
    expect(await codeOf(LOCATIONS)).toBe('UNAUTHENTICATED')
  })

  test('have a name for everybody, and no address', async () => {
    const { _entities } = await ask(`{ _entities(representations: [
      { __typename: "StockLocation", id: "${demoId('location/berlin')}" }, { __typename: "StockLocation", id: "no id" }
    ]) { ... on StockLocation { name address { city } isActive priority } } }`)
    expect(_entities).toEqual([{ name: 'Berlin', address: null, isActive: null, priority: null }, null])
  })
})
