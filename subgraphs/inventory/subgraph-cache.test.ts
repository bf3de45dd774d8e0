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

  const review = async (productId: string, rating: number) => {
    const REVIEW = `mutation ($input: ReviewCreateInput!) { reviewCreate(input: $input) {
      product { rating { count average } } userErrors { code } } }`
    const input = { productId, rating }
    return (await catalogue.shop.ask('inventory', aCustomer(), REVIEW, { input })).reviewCreate.product.rating
  }
  const counted = async (act: () => Promise<unknown>) =>
    (await catalogue.shop.statements(act)).filter((text) => !text.includes('pg_catalog')).length

  test('counts a review at once, and is asked of the database for the rating alone', async () => {
    const { version, rating } = (await page()).product
    expect(await review(id, 5)).toMatchObject({ count: rating.count + 1 })
    expect(await counted(page)).toBe(1)
    expect(await counted(page)).toBe(0)
    expect((await page()).product).toMatchObject({ version, rating: { count: rating.count + 1 } })
  })

  test('knows at once what a review makes the best rated, in every list', async () => {
    const category = await catalogue.aCategory('Kites')
    const [one, two] = [
      await catalogue.aProduct({ name: 'Kite One', categoryId: category.id }),
      await catalogue.aProduct({ name: 'Kite Two', categoryId: category.id }),
    ]
    const NAMES = 'nodes { name rating { average } } totalCount'
    const LISTS = `{
      list: products(sort: RATING, first: 1) { ${NAMES} }
      search: productSearch(query: "kite", sort: RATING) { products(first: 1) { ${NAMES} } }
      category(slug: "kites") { products(sort: RATING, first: 1) { ${NAMES} } }
      good: products(filter: { ratingMin: 4 }, sort: NEWEST) { ${NAMES} }
    }`
    const best = async () => {
      const { list, search, category: kites, good } = await catalogue.shop.ask('inventory', anonymous, LISTS)
      const firsts = [list, search.products, kites.products].map(({ nodes }) => nodes[0])
      return { firsts, good: good.nodes.map(({ name }: { name: string }) => name) }
    }
    await review(one.id, 5)
    const kiteOne = { name: 'Kite One', rating: { average: 5 } }
    expect(await best()).toMatchObject({ firsts: [{ rating: { average: 5 } }, kiteOne, kiteOne] })
    for (const rating of [1, 1]) await review(one.id, rating)
    for (const rating of [5, 5]) await review(two.id, rating)
    const kiteTwo = { name: 'Kite Two', rating: { average: 5 } }
    const { firsts, good } = await best()
    expect(firsts).toMatchObject([{ rating: { average: 5 } }, kiteTwo, kiteTwo])
    expect(good).toContain('Kite Two')
    expect(good).not.toContain('Kite One')
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
