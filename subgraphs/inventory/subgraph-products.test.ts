import postgres from 'postgres'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { demoId, uuidv7 } from '#platform/ids.ts'
import { anonymous } from '#platform/viewer.ts'
import { until } from '../../tests/setup/until.ts'
import { aCustomer, aService, staffWith } from '../../tests/setup/viewers.ts'
import { customerItems } from './customer-tables.ts'
import { demoLocations } from './demo-stock.ts'
import { locations, movements, products } from './tables.ts'
import { editor, openCatalogue } from './test-catalogue.ts'
import { RESERVE, RESTOCK } from './test-warehouse.ts'
import { stockProblems } from './stock-problems.ts'

let catalogue: Awaited<ReturnType<typeof openCatalogue>>
beforeAll(async () => {
  catalogue = await openCatalogue()
  await catalogue.db.insert(locations).values(demoLocations(new Date()))
})
afterAll(async () => {
  await catalogue.shop[Symbol.asyncDispose]()
})

const berlin = demoId('location/berlin')
const long = 'x'.repeat(10_240)
const restock = (variantId: string) =>
  catalogue.shop.ask('inventory', editor, RESTOCK, {
    input: { variantId, locationId: berlin, quantity: 5, idempotencyKey: uuidv7() },
  })
const hold = (variantId: string) =>
  catalogue.shop.ask('inventory', aService('orders'), RESERVE, {
    input: { checkoutId: uuidv7(), attempt: 1, lines: [{ variantId, quantity: 1 }], idempotencyKey: uuidv7() },
  })
const problems = (fields: Record<string, string>) =>
  Object.entries(fields).map(([path, code]) => ({ code, field: ['input', ...path.split('.')] }))
const isKnown = async (id: string) =>
  (await catalogue.shop.ask('inventory', editor, 'query ($id: ID) { product(id: $id) { id } }', { id })).product !==
  null

/** What `begin` begins, once so many of it wait for the product's row, which somebody else holds until then. */
async function together<T>(id: string, count: number, begin: () => Promise<T>[]): Promise<T[]> {
  const sql = postgres(catalogue.shop.config.DATABASE_URL!, { max: 2 })
  try {
    let answers: Promise<T>[] = []
    await sql.begin(async (tx) => {
      await tx`select from inventory.products where id = ${id} for update`
      answers = begin()
      await until(async () => {
        const [waiting] = await sql`
          select count(*)::int from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`
        return waiting!.count === count
      })
    })
    return await Promise.all(answers)
  } finally {
    await sql.end()
  }
}

describe('a new product', () => {
  test('has what it was given, and a slug made from its name', async () => {
    const { id: categoryId } = await catalogue.aCategory('Shirts')
    const input = {
      name: ' Grünes Hemd ',
      description: 'Made of linen.',
      brand: 'Webwerk',
      tags: ['summer', 'summer', 'linen'],
      attributes: [{ name: 'Material', value: 'Linen' }],
      media: [
        { url: 'https://images.example.com/1.jpg', altText: 'A shirt' },
        { url: 'https://images.example.com/2.jpg' },
      ],
    }
    const { product, userErrors } = await catalogue.run('productCreate', { ...input, categoryId })
    expect(userErrors).toEqual([])
    expect(product).toMatchObject({
      ...input,
      name: 'Grünes Hemd',
      slug: 'grunes-hemd',
      tags: ['summer', 'linen'],
      media: [{ altText: 'A shirt' }, { altText: null }],
      category: { id: categoryId },
      status: 'DRAFT',
      options: [],
      priceRange: null,
      version: 1,
    })
    expect(await catalogue.told(product.id)).toMatchObject([{ entityVersion: 1, data: { variantIds: [] } }])
  })

  test('gets another slug when the one of its name is taken, and is refused one that it asked for', async () => {
    const [first, second] = [await catalogue.aProduct({ name: 'Twice' }), await catalogue.aProduct({ name: 'Twice' })]
    expect(first.slug).toBe('twice')
    expect(second.slug).toMatch(/^twice-[0-9a-f]{6}$/)
    expect((await catalogue.aProduct({ name: '亜麻のシャツ' })).slug).toMatch(/^[0-9a-f]{6}$/)
    const { product, userErrors } = await catalogue.run('productCreate', { name: 'Thrice', slug: 'twice' })
    expect({ product, userErrors }).toMatchObject({ product: null, userErrors: problems({ slug: 'CONFLICT' }) })
  })

  test('that several ask for at once under one slug is made once', async () => {
    const asked = await Promise.all(
      [1, 2, 3, 4].map(() => catalogue.run('productCreate', { name: 'X', slug: 'at-once' })),
    )
    expect(asked.filter(({ product }) => product)).toHaveLength(1)
    expect(asked.flatMap(({ userErrors }) => userErrors)).toMatchObject(
      [1, 2, 3].flatMap(() => problems({ slug: 'CONFLICT' })),
    )
  })

  test('is refused with all problems at once, and nothing is kept', async () => {
    const before = await catalogue.db.$count(products)
    const input = {
      name: '  ',
      slug: 'No Slug',
      description: long,
      brand: long,
      categoryId: uuidv7(),
      tags: ['', long],
      attributes: [
        { name: 'Material', value: 'Linen' },
        { name: 'material', value: '' },
      ],
      media: [{ url: `https://images.example.com/${long}`, altText: long }],
    }
    const { product, userErrors } = await catalogue.run('productCreate', input)
    expect(product).toBeNull()
    const expected = problems({
      name: 'INVALID',
      slug: 'INVALID',
      description: 'INVALID',
      brand: 'INVALID',
      'tags.0': 'INVALID',
      'tags.1': 'INVALID',
      'attributes.1.value': 'INVALID',
      'attributes.1.name': 'INVALID',
      'media.0.url': 'INVALID',
      'media.0.altText': 'INVALID',
      categoryId: 'NOT_FOUND',
    })
    expect(userErrors).toHaveLength(expected.length)
    expect(userErrors).toEqual(expect.arrayContaining(expected.map((each) => expect.objectContaining(each))))
    const twice = [1, 2].map((value) => ({ name: 'Size', value: `${value}` }))
    expect((await catalogue.run('productCreate', { name: 'X', attributes: twice })).userErrors).toMatchObject(
      problems({ 'attributes.1.name': 'INVALID' }),
    )
    expect(await catalogue.db.$count(products)).toBe(before)
  })

  test.each(['javascript:alert(1)', '/pictures/1.jpg', 'ftp://example.com/1.jpg'])(
    'has no picture at %s',
    async (url) => {
      const { errors } = await catalogue.shop.answer(
        'inventory',
        editor,
        'mutation ($url: URL!) { productCreate(input: { name: "X", media: [{ url: $url }] }) { product { id } } }',
        { url },
      )
      expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }])
    },
  )
})

describe('a change of a product', () => {
  test('leaves alone what is left out, and clears what is null', async () => {
    const product = await catalogue.aProduct({ brand: 'Webwerk', description: 'Linen.', tags: ['a'], status: 'DRAFT' })
    const { product: changed } = await catalogue.run('productUpdate', {
      id: product.id,
      brand: null,
      tags: null,
      expectedVersion: 1,
    })
    expect(changed).toEqual({ ...product, brand: null, tags: [], version: 2 })
  })

  test('of what changed meanwhile is refused', async () => {
    const { id } = await catalogue.aProduct()
    // All of them have come as far as they can before the first goes on.
    const answers = await together(id, 4, () =>
      ['A', 'B', 'C', 'D'].map((name) => catalogue.run('productUpdate', { id, name, expectedVersion: 1 })),
    )
    expect(answers.filter(({ product }) => product)).toHaveLength(1)
    for (const { product, userErrors } of answers) {
      if (product) continue
      expect(userErrors).toMatchObject([{ ...problems({ expectedVersion: 'STALE_VERSION' })[0], currentVersion: 2 }])
    }
  })

  test('of its state goes one way round', async () => {
    const { id } = await catalogue.aProduct({ status: 'DRAFT' })
    const become = async (status: string | null) => await catalogue.run('productUpdate', { id, status })
    for (const status of ['ACTIVE', 'ACTIVE', 'ARCHIVED', 'ACTIVE']) {
      expect((await become(status)).product.status).toBe(status)
    }
    expect((await become('DRAFT')).userErrors).toMatchObject([
      { ...problems({ status: 'STATE_TRANSITION' })[0], fromState: 'ACTIVE', toState: 'DRAFT', allowed: ['ARCHIVED'] },
    ])
    expect((await become(null)).userErrors).toMatchObject(problems({ status: 'INVALID' }))
  })

  test('is refused with all problems at once', async () => {
    for (const id of [uuidv7(), 'no id']) {
      const { userErrors } = await catalogue.run('productUpdate', { id, name: '', brand: long, categoryId: 'no id' })
      expect(userErrors).toMatchObject(
        problems({ name: 'INVALID', brand: 'INVALID', id: 'NOT_FOUND', categoryId: 'NOT_FOUND' }),
      )
    }
  })

  test('is found at once, and what it was no longer', async () => {
    const { id, slug } = await catalogue.aProduct({ name: 'Quilted Jacket', brand: 'Nordwind' })
    expect((await catalogue.find('nordwind')).slugs).toEqual([slug])
    await catalogue.run('productUpdate', { id, name: 'Quilted Vest', brand: 'Nordwand' })
    expect(await catalogue.find('nordwind')).toEqual({ slugs: [slug], suggestion: 'nordwand' })
    expect((await catalogue.find('nordwand vest')).slugs).toEqual([slug])
    expect((await catalogue.find('jacket')).slugs).toEqual([])
  })

  test('is told with all its variants', async () => {
    const { id } = await catalogue.aProduct()
    const [one, two] = [await catalogue.aVariant(id), await catalogue.aVariant(id)]
    await catalogue.run('productUpdate', { id, name: 'Other' })
    const [last] = (await catalogue.told(id)).slice(-1)
    expect(last).toMatchObject({ entityId: id, entityVersion: 4, owner: null, data: { productId: id } })
    expect(new Set(last!.data.variantIds)).toEqual(new Set([one.id, two.id]))
  })
})

describe('a draft', () => {
  test('is neither found nor suggested to shoppers until it is for sale', async () => {
    const { id, slug } = await catalogue.aProduct({ name: 'Xylophone', status: 'DRAFT' })
    for (const viewer of [anonymous, aCustomer(), editor]) {
      expect(await catalogue.find('xylophone', viewer)).toEqual({ slugs: [], suggestion: null })
      expect((await catalogue.find('xylophon', viewer)).suggestion).toBeNull()
    }
    expect((await catalogue.find('xylophone', editor, { status: 'DRAFT' })).slugs).toEqual([slug])
    expect((await catalogue.find('xylophone', aCustomer(), { status: 'DRAFT' })).slugs).toEqual([])
    await catalogue.run('productUpdate', { id, status: 'ACTIVE' })
    expect(await catalogue.find('xylofone')).toEqual({ slugs: [slug], suggestion: 'xylophone' })
    await catalogue.run('productUpdate', { id, status: 'ARCHIVED' })
    expect(await catalogue.find('xylofone')).toEqual({ slugs: [], suggestion: null })
  })
})

describe('a product that is removed', () => {
  test('is gone with its variants, their stock and its words', async () => {
    const { id } = await catalogue.aProduct({ name: 'Zither' })
    const variant = await catalogue.aVariant(id)
    await restock(variant.id)
    expect(await catalogue.run('productDelete', { id })).toEqual({ deletedId: id, userErrors: [] })
    expect(await isKnown(id)).toBe(false)
    expect(await catalogue.find('zitherr')).toEqual({ slugs: [], suggestion: null })
    expect(await stockProblems(catalogue.db)).toEqual([])
    expect((await catalogue.told(id)).at(-1)).toMatchObject({ entityVersion: 3, data: { variantIds: [variant.id] } })
    for (const unknown of [id, 'no id']) {
      const { deletedId, userErrors } = await catalogue.run('productDelete', { id: unknown })
      expect({ deletedId, userErrors }).toMatchObject({ deletedId: null, userErrors: problems({ id: 'NOT_FOUND' }) })
    }
  })

  test('never is one that was sold or is on its way to the till: it is archived', async () => {
    const { id } = await catalogue.aProduct()
    const variant = await catalogue.aVariant(id)
    await restock(variant.id)
    await hold(variant.id)
    const before = await catalogue.db.$count(movements)
    expect((await catalogue.run('productDelete', { id })).userErrors).toMatchObject(problems({ id: 'CONFLICT' }))
    expect((await catalogue.run('productVariantDelete', { id: variant.id })).userErrors).toMatchObject(
      problems({ id: 'CONFLICT' }),
    )
    expect(await isKnown(id)).toBe(true)
    expect(await catalogue.db.$count(movements)).toBe(before)
    expect((await catalogue.run('productUpdate', { id, status: 'ARCHIVED' })).product.status).toBe('ARCHIVED')
  })

  test.each(['of the product', 'of a variant'])('never is one that customers own: %s', async (what) => {
    const { id: productId } = await catalogue.aProduct()
    const variant = await catalogue.aVariant(productId)
    const at = new Date()
    const item = { userId: uuidv7(), productId, acquiredAt: at, createdAt: at, updatedAt: at }
    const ofVariant = what === 'of a variant'
    await catalogue.db.insert(customerItems).values({ ...item, variantId: ofVariant ? variant.id : null })
    expect((await catalogue.run('productDelete', { id: productId })).userErrors).toMatchObject(
      problems({ id: 'CONFLICT' }),
    )
    const { userErrors } = await catalogue.run('productVariantDelete', { id: variant.id })
    expect(userErrors).toMatchObject(ofVariant ? problems({ id: 'CONFLICT' }) : [])
  })

  test('or sold at the same moment is one of the two', async () => {
    const { id } = await catalogue.aProduct()
    const variant = await catalogue.aVariant(id)
    await restock(variant.id)
    const [gone, held] = await Promise.all([catalogue.run('productDelete', { id }), hold(variant.id)])
    const isHeld = held.stockReserve.stockReservation !== null
    expect(gone.deletedId).toBe(isHeld ? null : id)
    expect(await isKnown(id)).toBe(isHeld)
    expect(await stockProblems(catalogue.db)).toEqual([])
  })
})

describe('who may change the catalogue', () => {
  test.each(['productCreate', 'productUpdate', 'productDelete'] as const)('%s is for editors', async (command) => {
    const input = command === 'productCreate' ? { name: 'X' } : { id: uuidv7() }
    for (const viewer of [anonymous, aCustomer(), staffWith('inventory:read')]) {
      await expect(catalogue.run(command, input, viewer)).rejects.toThrow(/UNAUTHENTICATED|FORBIDDEN/)
    }
  })
})
