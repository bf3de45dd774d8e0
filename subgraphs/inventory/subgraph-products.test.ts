import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { uuidv7 } from '#platform/ids.ts'
import { anonymous } from '#platform/viewer.ts'
import { aCustomer, staffWith } from '../../tests/setup/viewers.ts'
import { meanwhile } from './meanwhile.fixture.ts'
import { lockProduct } from './product-changes.ts'
import { products } from './tables.ts'
import { editor, openCatalogue } from './test-catalogue.ts'

let catalogue: Awaited<ReturnType<typeof openCatalogue>>
beforeAll(async () => {
  catalogue = await openCatalogue()
})
afterAll(async () => {
  await catalogue.shop[Symbol.asyncDispose]()
})

const long = 'x'.repeat(10_240)
const problems = (fields: Record<string, string>) =>
  Object.entries(fields).map(([path, code]) => ({ code, field: ['input', ...path.split('.')] }))
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
    const answers = await meanwhile(
      catalogue.db,
      (tx) => lockProduct(tx, id),
      () => ['A', 'B', 'C', 'D'].map((name) => catalogue.run('productUpdate', { id, name, expectedVersion: 1 })),
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

describe('who may change the catalogue', () => {
  test.each(['productCreate', 'productUpdate', 'productDelete'] as const)('%s is for editors', async (command) => {
    const input = command === 'productCreate' ? { name: 'X' } : { id: uuidv7() }
    for (const viewer of [anonymous, aCustomer(), staffWith('inventory:read')]) {
      await expect(catalogue.run(command, input, viewer)).rejects.toThrow(/UNAUTHENTICATED|FORBIDDEN/)
    }
  })
})
