import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { sql } from 'drizzle-orm'
import { demoId } from '#platform/ids.ts'
import { anonymous } from '#platform/viewer.ts'
import { forgetCatalogue } from './catalogue-cache.ts'
import { demoLocations } from './demo-stock.ts'
import { locations, products } from './tables.ts'
import { openCatalogue } from './test-catalogue.ts'

let catalogue: Awaited<ReturnType<typeof openCatalogue>>
const COUNT = 24
let slugs: string[]
let categoryId: string
beforeAll(async () => {
  catalogue = await openCatalogue()
  categoryId = (await catalogue.aCategory('Lamps')).id
  await catalogue.db.insert(locations).values(demoLocations(new Date()))
  for (let index = 0; index < COUNT; index += 1) {
    const brand = index % 3 ? 'Lux' : 'Lumen'
    const { id } = await catalogue.aProduct({ name: `Lamp ${index}`, categoryId, brand, tags: [`tag ${index % 2}`] })
    // Every price twice, so that ids decide as well; the last few have none.
    if (index < 20) {
      await catalogue.aVariant(id, { price: { amount: `${10 + Math.floor(index / 2)}.00`, currencyCode: 'EUR' } })
    }
  }
  await catalogue.db.execute(sql`
    insert into inventory.stock_levels (variant_id, location_id, on_hand)
    select v.id, ${demoId('location/berlin')}::uuid, length(p.name) % 2
    from inventory.variants v join inventory.products p on p.id = v.product_id`)
  await catalogue.db.update(products).set({
    soldRecently: sql`length(name) * 7 % 5`,
    ratingCount: sql`length(name) % 3`,
    ratingSum: sql`length(name) % 3 * 4`,
  })
  await forgetCatalogue(catalogue.ownContext())
  slugs = (await everything('NEWEST')).map(({ slug }) => slug)
})
afterAll(async () => {
  await catalogue.shop[Symbol.asyncDispose]()
})

const LIST = `query ($filter: ProductFilter, $sort: ProductSort, $first: Int, $after: String, $last: Int, $before: String) {
  products(filter: $filter, sort: $sort, first: $first, after: $after, last: $last, before: $before) {
    nodes { id slug name } pageInfo { hasNextPage endCursor hasPreviousPage startCursor } } }`
const SEARCH = `query ($filter: ProductFilter, $sort: ProductSort, $first: Int, $after: String, $last: Int, $before: String) {
  productSearch(query: "lamp", filter: $filter, sort: $sort) {
    products(first: $first, after: $after, last: $last, before: $before) {
      nodes { id slug name } pageInfo { hasNextPage endCursor hasPreviousPage startCursor } } } }`
const IN_CATEGORY = LIST.replace('$filter: ProductFilter, ', '')
  .replace('filter: $filter, ', '')
  .replace('products(', 'category(slug: "lamps") { products(')
  .replace(/\}$/, '} }')

interface Node {
  id: string
  slug: string
  name: string
}
type Ask = (args: object) => Promise<{
  nodes: Node[]
  pageInfo: { hasNextPage: boolean; hasPreviousPage: boolean; endCursor: string; startCursor: string }
}>
const lists: Record<string, Ask> = {
  list: async (args) => (await catalogue.shop.ask('inventory', anonymous, LIST, { ...args })).products,
  search: async (args) =>
    (await catalogue.shop.ask('inventory', anonymous, SEARCH, { ...args })).productSearch.products,
  category: async (args) =>
    (await catalogue.shop.ask('inventory', anonymous, IN_CATEGORY, { ...args })).category.products,
}
const everything = async (sort: string) => (await lists.list!({ sort, first: 100 })).nodes

const SORTS = ['RELEVANCE', 'NEWEST', 'PRICE_ASC', 'PRICE_DESC', 'RATING', 'BEST_SELLING']
const cases = Object.keys(lists).flatMap((list) => SORTS.map((sort) => ({ list, sort })))

/** All pages of a list; `between` runs after each. */
async function walk(
  { list, ...which }: { list: string; sort: string; filter?: object },
  isBackward: boolean,
  between = async () => {},
) {
  const seen: Node[] = []
  for (let cursor: string | null = null, more = true; more;) {
    const args = isBackward ? { last: 5, before: cursor } : { first: 5, after: cursor }
    const { nodes, pageInfo } = await lists[list]!({ ...which, ...args })
    seen.push(...(isBackward ? nodes.toReversed() : nodes))
    cursor = isBackward ? pageInfo.startCursor : pageInfo.endCursor
    // A list that goes round in a circle is to fail, and not to go on.
    expect(seen.length).toBeLessThan(3 * COUNT)
    more = isBackward ? pageInfo.hasPreviousPage : pageInfo.hasNextPage
    await between()
  }
  return seen
}

describe.each(cases)('the $list by $sort', (which) => {
  test('is the same from its end as from its beginning', async () => {
    const forward = await walk(which, false)
    expect(forward).toHaveLength(COUNT)
    expect((await walk(which, true)).toReversed()).toEqual(forward)
  })

  test('shows everything that stays as it is once and in order, whatever comes and goes meanwhile', async () => {
    const before = (await walk(which, false)).map(({ slug }) => slug)
    const guests: { id: string }[] = []
    const change = async () => {
      const guest = await catalogue.aProduct({ name: 'Lamp Guest' })
      await catalogue.aVariant(guest.id, { price: { amount: `${9 + guests.length * 2}.50`, currencyCode: 'EUR' } })
      if (guests.length % 2 === 1) await catalogue.run('productDelete', { id: guests.at(-1)!.id })
      guests.push(guest)
    }
    for (const isBackward of [false, true]) {
      const seen = await walk(which, isBackward, change)
      const stayed = seen.map(({ slug }) => slug).filter((slug) => slugs.includes(slug))
      expect(isBackward ? stayed.toReversed() : stayed).toEqual(before)
    }
    for (const { id } of guests) await catalogue.run('productDelete', { id })
    expect((await everything('NEWEST')).map(({ slug }) => slug)).toEqual(slugs)
  })
})

const filters: Record<string, () => object> = {
  categoryId: () => ({ categoryId }),
  brands: () => ({ brands: ['Lux', 'Other'] }),
  tags: () => ({ tags: ['tag 1', 'other'] }),
  priceMin: () => ({ priceMin: '12' }),
  priceMax: () => ({ priceMax: '17' }),
  inStockOnly: () => ({ inStockOnly: true }),
  ratingMin: () => ({ ratingMin: 2 }),
  all: () => Object.assign({}, ...Object.entries(filters).flatMap(([name, of]) => (name === 'all' ? [] : [of()]))),
}

describe.each(cases.filter(({ list }) => list !== 'category'))('the $list by $sort, narrowed', (which) => {
  test.each(Object.keys(filters))(
    'by %s, shows what it leaves once and in order, whatever comes and goes',
    async (name) => {
      const filter = filters[name]!()
      const left = new Set((await lists.list!({ filter, first: 100 })).nodes.map(({ slug }) => slug))
      const expected = (await walk(which, false)).map(({ slug }) => slug).filter((slug) => left.has(slug))
      expect(expected.length).toBeGreaterThan(0)
      const guests: string[] = []
      const change = async () => {
        if (guests.length === 2) return
        const guest = await catalogue.aProduct({ name: 'Lamp Guest', categoryId, brand: 'Lux', tags: ['tag 1'] })
        await catalogue.aVariant(guest.id, { price: { amount: `${12 + guests.length}.50`, currencyCode: 'EUR' } })
        const gone = guests.length % 2 && guests.at(-1)
        if (gone) await catalogue.run('productDelete', { id: gone })
        guests.push(guest.id)
      }
      const seen = (await walk({ ...which, filter }, false, change)).map(({ slug }) => slug)
      expect(seen.filter((slug) => slugs.includes(slug))).toEqual(expected)
      for (const id of guests) await catalogue.run('productDelete', { id })
    },
  )
})
