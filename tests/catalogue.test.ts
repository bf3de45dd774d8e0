// The catalogue from both sides of the counter, through the router: staff keep it, anybody looks at it.
import { createServer, type Server } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Visitor } from './system/client.ts'
import { signedIn } from './system/people.ts'
import { OPENING_MS, oneProcess, type Shop } from './system/topology.ts'

let exchange: Server
let shop: Shop
let shopper: Visitor
let admin: Visitor
beforeAll(async () => {
  exchange = createServer((_, response) =>
    response
      .setHeader('content-type', 'application/json')
      .end('{ "bitcoin": { "eur": 91234.5, "last_updated_at": 1764000000 } }'),
  )
  await once(exchange.listen(0, '127.0.0.1'), 'listening')
  const { port } = exchange.address() as AddressInfo
  shop = await oneProcess({ COINGECKO_URL: `http://127.0.0.1:${port}/api/v3` })
  const [router] = shop.routers
  shopper = new Visitor(router!)
  admin = await signedIn(router!, 'admin')
}, OPENING_MS)
afterAll(async () => {
  await shop?.[Symbol.asyncDispose]()
  exchange.close()
})

const eur = (amount: string) => ({ amount, currencyCode: 'EUR' })
const productBy = async (visitor: Visitor, slug: string) =>
  (
    await visitor.query(
      `query ($slug: String!) { product(slug: $slug) { id name version status brand tags
        attributes { name value } options { name values } priceRange { min { amount } max { amount } }
        category { slug ancestors { slug } } variants { nodes { id sku title availability } } } }`,
      { slug },
    )
  ).product
const found = async (query: string) =>
  (
    await shopper.query(
      `query ($query: String!) { productSearch(query: $query) { suggestion facets { name values { value count } }
        products { totalCount nodes { slug } } } }`,
      { query },
    )
  ).productSearch

describe('staff', () => {
  let categoryId: string
  let productId: string
  let smallId: string

  test('file a category below another, but no category below itself', async () => {
    const outdoor = await admin.change('categoryUpsert', { name: 'Outdoor' }, 'category { id slug }')
    expect(outdoor).toMatchObject({ errors: [], category: { slug: 'outdoor' } })
    const { category } = await admin.change(
      'categoryUpsert',
      { name: 'Hammocks', parentId: outdoor.category.id },
      'category { id ancestors { slug } }',
    )
    expect(category.ancestors).toEqual([{ slug: 'outdoor' }])
    categoryId = category.id
    const cycle = { id: outdoor.category.id, name: 'Outdoor', parentId: categoryId }
    expect(await admin.change('categoryUpsert', cycle, 'category { id }')).toEqual({
      category: null,
      errors: [expect.stringMatching(/ input\.parentId$/)],
    })
  })

  test('make a product that nobody sees before it is for sale', async () => {
    const input = {
      name: 'Cloud Hammock',
      brand: 'Lofty',
      categoryId,
      tags: ['camping'],
      attributes: [{ name: 'Material', value: 'Ripstop' }],
    }
    const { product, errors } = await admin.change('productCreate', input, 'product { id slug status version }')
    expect({ product, errors }).toMatchObject({ errors: [], product: { slug: 'cloud-hammock', status: 'DRAFT' } })
    productId = product.id
    expect(await productBy(shopper, 'cloud-hammock')).toBeNull()

    const variant = (sku: string, size: string, price: string) =>
      admin.change(
        'productVariantUpsert',
        { productId, sku, price: eur(price), options: [{ name: 'Size', value: size }] },
        'productVariant { id }',
      )
    const small = await variant('CLOUD-S', 'S', '49.00')
    expect(small.errors).toEqual([])
    smallId = small.productVariant.id
    expect(await variant('CLOUD-L', 'L', '69.00')).toMatchObject({ errors: [] })
    expect((await variant('CLOUD-L', 'XL', '79.00')).errors).toEqual(['CONFLICT input.sku'])
    const published = await admin.change('productUpdate', { id: productId, status: 'ACTIVE' }, 'product { status }')
    expect(published).toEqual({ product: { status: 'ACTIVE' }, errors: [] })
  })

  test('and then everybody finds it: by its name, mistyped, in its category, by its tag', async () => {
    expect(await productBy(shopper, 'cloud-hammock')).toMatchObject({
      name: 'Cloud Hammock',
      attributes: [{ name: 'Material', value: 'Ripstop' }],
      options: [{ name: 'Size', values: ['S', 'L'] }],
      priceRange: { min: { amount: '49.00' }, max: { amount: '69.00' } },
      category: { slug: 'hammocks', ancestors: [{ slug: 'outdoor' }] },
      variants: { nodes: [{ availability: 'OUT_OF_STOCK' }, { availability: 'OUT_OF_STOCK' }] },
    })
    expect((await found('cloud hammock')).products.nodes).toEqual([{ slug: 'cloud-hammock' }])
    const mistyped = await found('hamock')
    expect(mistyped).toMatchObject({ suggestion: 'hammock', products: { nodes: [{ slug: 'cloud-hammock' }] } })
    expect(mistyped.facets).toContainEqual({ name: 'brand', values: [{ value: 'Lofty', count: 1 }] })
    const { category, products, productVariant } = await shopper.query(
      `{ category(slug: "outdoor") { children { slug } products { nodes { slug } } }
        products(filter: { tags: ["camping"] }) { nodes { slug } }
        productVariant(sku: "CLOUD-S") { product { slug } price { amount currencyCode } } }`,
    )
    expect(category).toMatchObject({
      children: [{ slug: 'hammocks' }],
      products: { nodes: [{ slug: 'cloud-hammock' }] },
    })
    expect(products.nodes).toEqual([{ slug: 'cloud-hammock' }])
    expect(productVariant).toEqual({ product: { slug: 'cloud-hammock' }, price: eur('49.00') })
  })

  test('who read it before a colleague changed it are told, and change nothing', async () => {
    const { version } = await productBy(admin, 'cloud-hammock')
    const rename = (name: string) =>
      admin.change('productUpdate', { id: productId, name, expectedVersion: version }, 'product { name }')
    expect(await rename('Sky Hammock')).toEqual({ product: { name: 'Sky Hammock' }, errors: [] })
    expect(await rename('Sea Hammock')).toEqual({ product: null, errors: ['STALE_VERSION input.expectedVersion'] })
    // What was cached a moment ago is not shown any more.
    expect(await productBy(shopper, 'cloud-hammock')).toMatchObject({ name: 'Sky Hammock' })
  })

  test('remove what was never sold; what was sold is archived', async () => {
    const alice = await signedIn(shop.routers[0]!, 'alice')
    const { viewer } = await alice.query('{ viewer { items { nodes { product { id slug } } } } }')
    const [{ product: sold }] = viewer.items.nodes
    expect((await admin.change('productDelete', { id: sold.id }, 'deletedId')).errors).toEqual(['CONFLICT input.id'])
    await admin.change('productUpdate', { id: sold.id, status: 'ARCHIVED' }, 'product { id }')
    expect(await productBy(shopper, sold.slug)).toBeNull()
    await admin.change('productUpdate', { id: sold.id, status: 'ACTIVE' }, 'product { id }')

    expect((await admin.change('productVariantDelete', { id: smallId }, 'deletedId')).errors).toEqual([])
    expect(await admin.change('productDelete', { id: productId }, 'deletedId')).toEqual({
      deletedId: productId,
      errors: [],
    })
    expect((await found('hammock')).products.totalCount).toBe(0)
  })
})

test('a shopper keeps no catalogue', async () => {
  const bob = await signedIn(shop.routers[0]!, 'bob')
  const { data, errors } = await bob.send('mutation { productDelete(input: { id: "x" }) { deletedId } }')
  expect({ data, errors }).toMatchObject({ data: undefined, errors: [{ extensions: { code: 'FORBIDDEN' } }] })
})

test('anybody pages through all goods in every order, without missing or meeting one twice', async () => {
  const { products: all } = await shopper.query('{ products(first: 100) { nodes { id } pageInfo { hasNextPage } } }')
  expect(all.pageInfo.hasNextPage).toBe(false)
  const page = `query ($sort: ProductSort!, $after: String) { products(sort: $sort, first: 13, after: $after) {
    nodes { id } pageInfo { hasNextPage endCursor } } }`
  for (const sort of ['NEWEST', 'PRICE_ASC', 'PRICE_DESC', 'RATING', 'BEST_SELLING']) {
    const ids: string[] = []
    let next = { hasNextPage: true, endCursor: null }
    while (next.hasNextPage) {
      const { products } = await shopper.query(page, { sort, after: next.endCursor })
      ids.push(...products.nodes.map(({ id }: { id: string }) => id))
      next = products.pageInfo
    }
    expect(ids.toSorted(), sort).toEqual(all.nodes.map(({ id }: { id: string }) => id).toSorted())
  }
})

test('prices can be shown in an outside asset', async () => {
  const { externalQuote } = await shopper.query(
    '{ externalQuote(symbol: "BTC") { symbol amount currencyCode source isStale } }',
  )
  expect(externalQuote).toMatchObject({ symbol: 'BTC', amount: '91234.5', currencyCode: 'EUR', isStale: false })
})
