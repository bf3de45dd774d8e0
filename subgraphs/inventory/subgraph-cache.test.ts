import pino from 'pino'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { uuidv7 } from '#platform/ids.ts'
import { openPorts } from '#platform/ports.ts'
import { runSubgraph } from '#platform/run-subgraph.ts'
import { localTransport } from '#platform/transport-local.ts'
import { anonymous, noDevice, type Viewer } from '#platform/viewer.ts'
import { aCustomer } from '../../tests/setup/viewers.ts'
import inventory from './index.ts'
import { editor, openCatalogue } from './test-catalogue.ts'

const redisUrl = inject('redisUrl')
const log = pino({ level: 'silent' })

const PAGE = `query ($slug: String!) {
  product(slug: $slug) { name version category { name } variants { nodes { sku price { amount } } totalCount } rating { count } }
  products(first: 50, sort: NEWEST) { nodes { slug name } totalCount }
  productSearch(query: "kimono") { products { nodes { name } } facets { name values { value count } } suggestion }
  categories { name products { nodes { name } totalCount } }
}`

describe.each<{ where: string; env: Record<string, string> }>([
  { where: 'in process', env: {} },
  ...(redisUrl ? [{ where: 'on Redis', env: { REDIS_URL: redisUrl } }] : []),
])('the cached catalogue $where', ({ env }) => {
  let catalogue: Awaited<ReturnType<typeof openCatalogue>>
  let slug: string
  let id: string
  beforeAll(async () => {
    catalogue = await openCatalogue(env)
    const category = await catalogue.aCategory('Robes')
    ;({ id, slug } = await catalogue.aProduct({ name: 'Silk Kimono', brand: 'Seide', categoryId: category.id }))
    await catalogue.aVariant(id, { sku: 'KIM-1' })
  })
  afterAll(() => catalogue.shop[Symbol.asyncDispose]())

  const page = async (viewer: Viewer = anonymous) => await catalogue.shop.ask('inventory', viewer, PAGE, { slug })

  test('is asked of the database once', async () => {
    const first = await page()
    let again: unknown
    const statements = await catalogue.shop.statements(async () => {
      again = await page(aCustomer())
    })
    expect(statements.filter((text) => !text.includes('pg_catalog'))).toEqual([])
    expect(again).toEqual(first)
    expect(first.product).toMatchObject({
      name: 'Silk Kimono',
      variants: { totalCount: 1 },
      category: { name: 'Robes' },
    })
  })

  test.each([
    ['a product', () => ({ command: 'productUpdate' as const, input: { id, name: 'Cotton Kimono' } }), 'Cotton Kimono'],
    [
      'a variant',
      () => ({
        command: 'productVariantUpsert' as const,
        input: { productId: id, sku: 'KIM-2', price: { amount: '77.00', currencyCode: 'EUR' } },
      }),
      '77.00',
    ],
    ['a category', () => ({ command: 'categoryUpsert' as const, input: { name: 'Gowns' } }), 'Gowns'],
    [
      'a new product',
      () => ({ command: 'productCreate' as const, input: { name: 'Kimono Two', status: 'ACTIVE' } }),
      'Kimono Two',
    ],
  ])('shows a change of %s at once', async (_what, change, shown) => {
    expect(JSON.stringify(await page())).not.toContain(shown)
    const { command, input } = change()
    await catalogue.run(command, input)
    expect(JSON.stringify(await page())).toContain(shown)
  })

  test('counts a review at once', async () => {
    const before = (await page()).product.rating.count
    const REVIEW = 'mutation ($id: ID!) { reviewCreate(input: { productId: $id, rating: 5 }) { userErrors { code } } }'
    await catalogue.shop.ask('inventory', aCustomer(), REVIEW, { id })
    expect((await page()).product.rating.count).toBe(before + 1)
  })

  test('never shows a draft to shoppers, nor that staff have looked at it', async () => {
    const draft = await catalogue.aProduct({ name: 'Kimono Draft', status: 'DRAFT' })
    const LOOK = `query ($slug: String!, $filter: ProductFilter) { product(slug: $slug) { name }
      products(filter: $filter, sort: NEWEST) { nodes { name } totalCount }
      productSearch(query: "draft", filter: $filter) { products { nodes { name } totalCount } facets { name } suggestion } }`
    const look = (viewer: Viewer) =>
      catalogue.shop.ask('inventory', viewer, LOOK, { slug: draft.slug, filter: { status: 'DRAFT' } })
    for (const viewer of [editor, anonymous, editor, aCustomer()]) {
      const seen = JSON.stringify(await look(viewer))
      if (viewer === editor) expect(seen).toContain('Kimono Draft')
      else expect(seen).not.toMatch(/draft/i)
    }
  })

  test('reads on its own what depends on stock', async () => {
    const IN_STOCK = '{ products(filter: { inStockOnly: true }) { totalCount } }'
    await catalogue.shop.ask('inventory', anonymous, IN_STOCK)
    const statements = await catalogue.shop.statements(() => catalogue.shop.ask('inventory', anonymous, IN_STOCK))
    expect(statements).not.toEqual([])
  })
})

describe.skipIf(!redisUrl)('two processes (skipped without redis-server on the PATH)', () => {
  test('tell each other of a change before it is answered', async () => {
    const here = await openCatalogue({ REDIS_URL: redisUrl! })
    await using _shop = here.shop
    await using ports = await openPorts({ redisUrl: redisUrl!, log })
    await using there = runSubgraph(inventory, { config: here.shop.config, ports, log, transports: new Map() })
    const transport = localTransport({
      name: 'inventory',
      schema: there.schema,
      createContext: there.createContext,
      log,
    })
    const nameThere = async (id: string) => {
      const query = 'query ($id: ID) { product(id: $id) { name } }'
      const request = { query, variables: { id }, viewer: anonymous, device: noDevice, requestId: uuidv7() }
      const { data } = await transport.execute(request)
      return (data as { product: { name: string } }).product.name
    }
    const { id } = await here.aProduct({ name: 'Before' })
    expect(await nameThere(id)).toBe('Before')
    for (const name of ['Once', 'Twice', 'Thrice']) {
      await here.run('productUpdate', { id, name })
      expect(await nameThere(id)).toBe(name)
    }
  })
})
