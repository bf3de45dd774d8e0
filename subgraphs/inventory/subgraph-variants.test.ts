import { eq } from 'drizzle-orm'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { uuidv7 } from '#platform/ids.ts'
import { meanwhile } from './meanwhile.fixture.ts'
import { variants } from './tables.ts'
import { editor, openCatalogue } from './test-catalogue.ts'

let catalogue: Awaited<ReturnType<typeof openCatalogue>>
beforeAll(async () => {
  catalogue = await openCatalogue()
})
afterAll(async () => {
  await catalogue.shop[Symbol.asyncDispose]()
})

const eur = (amount: string) => ({ amount, currencyCode: 'EUR' })
const choice = (colour: string, size: string) => [
  { name: 'Colour', value: colour },
  { name: 'Size', value: size },
]
const problems = (fields: Record<string, string>) =>
  Object.entries(fields).map(([path, code]) => ({ code, field: ['input', ...path.split('.')] }))
const upsert = (input: object) => catalogue.run('productVariantUpsert', input)

describe('a new variant', () => {
  test('has what it was given and defaults for the rest', async () => {
    const product = await catalogue.aProduct({ name: 'Mug' })
    const { productVariant } = await upsert({ productId: product.id, sku: 'MUG-1', price: eur('9.5') })
    expect(productVariant).toMatchObject({
      sku: 'MUG-1',
      title: 'Mug',
      price: { amount: '9.50', currencyCode: 'EUR' },
      compareAtPrice: null,
      taxCategory: 'standard',
      weightGrams: 0,
      maxOrderQuantity: 100,
      selectedOptions: [],
      availability: 'OUT_OF_STOCK',
      stock: { lowStockThreshold: 5 },
      version: 1,
    })
  })

  test('makes what the product says of all its variants: prices, options, version', async () => {
    const { id } = await catalogue.aProduct()
    await catalogue.aVariant(id, { price: eur('20'), options: choice('Blue', 'M') })
    await catalogue.aVariant(id, { price: eur('15'), options: choice('Red', 'M') })
    const last = await catalogue.aVariant(id, { price: eur('30.01'), options: choice('Blue', 'L') })
    expect(last.title).toBe('Blue / L')
    expect(last.product).toMatchObject({
      priceRange: { min: { amount: '15.00' }, max: { amount: '30.01' } },
      options: [
        { name: 'Colour', values: ['Blue', 'Red'] },
        { name: 'Size', values: ['M', 'L'] },
      ],
      version: 4,
    })
    expect((await catalogue.told(id)).map(({ data }) => data.variantIds).at(-1)).toEqual([last.id])
  })

  test('is found by what it is', async () => {
    const { id, slug } = await catalogue.aProduct({ name: 'Kettle' })
    await catalogue.aVariant(id, { options: [{ name: 'Colour', value: 'Vermilion' }] })
    expect((await catalogue.find('kettle vermilion')).slugs).toEqual([slug])
  })

  test('is refused with all problems at once', async () => {
    const { productVariant, userErrors } = await upsert({
      productId: uuidv7(),
      sku: 'no number!',
      title: 'x'.repeat(10_240),
      price: eur('-1'),
      compareAtPrice: { amount: '5.00', currencyCode: 'USD' },
      options: [{ name: '', value: 'x' }],
      taxCategory: 'Every Thing',
      weightGrams: -1,
      maxOrderQuantity: 0,
      lowStockThreshold: 1_000_001,
    })
    expect(productVariant).toBeNull()
    expect(userErrors).toMatchObject(
      problems({
        sku: 'INVALID',
        title: 'INVALID',
        'price.amount': 'INVALID',
        'compareAtPrice.currencyCode': 'NOT_APPLICABLE',
        'options.0.name': 'INVALID',
        taxCategory: 'INVALID',
        weightGrams: 'INVALID',
        maxOrderQuantity: 'INVALID',
        lowStockThreshold: 'INVALID',
        productId: 'NOT_FOUND',
      }),
    )
  })

  test.each(['1.005', '100000000.01', '-0.01'])('does not cost %s', async (amount) => {
    const { id } = await catalogue.aProduct()
    const { userErrors } = await upsert({ productId: id, sku: 'X-1', price: eur(amount) })
    expect(userErrors).toMatchObject(problems({ 'price.amount': 'INVALID' }))
  })

  test('needs a price, a number of its own, and a choice of its own', async () => {
    const { id } = await catalogue.aProduct()
    const { sku } = await catalogue.aVariant(id, { options: choice('Blue', 'M') })
    const none = await upsert({ productId: id, sku })
    expect(none.userErrors).toMatchObject(problems({ price: 'REQUIRED', sku: 'CONFLICT' }))
    const input = { productId: id, sku: 'OTHER', price: eur('10') }
    const same = await upsert({ ...input, options: choice('Blue', 'M').toReversed(), compareAtPrice: eur('9') })
    expect(same.userErrors).toMatchObject(problems({ compareAtPrice: 'INVALID', options: 'CONFLICT' }))
    const half = await upsert({ ...input, options: [{ name: 'Colour', value: 'Red' }] })
    expect(half.userErrors).toMatchObject(problems({ options: 'INVALID' }))
    const twice = await upsert({ ...input, options: [...choice('Red', 'M'), { name: 'size', value: 'L' }] })
    expect(twice.userErrors).toMatchObject(problems({ 'options.2.name': 'INVALID' }))
  })

  test('that several add at once under one number is added once, the others behind each other', async () => {
    const { id } = await catalogue.aProduct()
    const added = await Promise.all(
      ['P-1', 'P-1', 'P-2', 'P-3'].map((sku) => upsert({ productId: id, sku, price: eur('1') })),
    )
    expect(added.filter(({ productVariant }) => productVariant)).toHaveLength(3)
    const { product } = await catalogue.shop.ask(
      'inventory',
      { kind: 'anonymous' },
      'query ($id: ID) { product(id: $id) { version variants { nodes { sku } totalCount } } }',
      { id },
    )
    expect(product).toMatchObject({ version: 4, variants: { totalCount: 3 } })
  })
})

describe('a change of a variant', () => {
  test('leaves alone what is left out; a title made from the options goes with them', async () => {
    const { id: productId } = await catalogue.aProduct()
    const before = await catalogue.aVariant(productId, {
      options: choice('Blue', 'M'),
      compareAtPrice: eur('12'),
      weightGrams: 300,
    })
    const change = (more: object) => upsert({ productId, id: before.id, sku: before.sku, ...more })
    const first = await change({ options: choice('Green', 'M'), expectedVersion: 1 })
    expect(first.productVariant).toMatchObject({
      ...before,
      title: 'Green / M',
      selectedOptions: [{ name: 'Colour' }, { name: 'Size' }],
      version: 2,
      product: { options: [{ values: ['Green'] }, { values: ['M'] }] },
    })
    expect((await change({ title: 'Own title', compareAtPrice: null })).productVariant).toMatchObject({
      title: 'Own title',
      compareAtPrice: null,
      weightGrams: 300,
    })
    expect((await change({ options: choice('Blue', 'L') })).productVariant.title).toBe('Own title')
    expect((await change({ expectedVersion: 2 })).userErrors).toMatchObject([
      { ...problems({ expectedVersion: 'STALE_VERSION' })[0], currentVersion: 4 },
    ])
  })

  test('names a variant of that product', async () => {
    const [one, two] = [await catalogue.aProduct(), await catalogue.aProduct()]
    const variant = await catalogue.aVariant(one.id)
    for (const id of [variant.id, uuidv7(), 'no id']) {
      const { userErrors } = await upsert({ productId: two.id, id, sku: 'ELSEWHERE' })
      expect(userErrors).toMatchObject(problems({ id: 'NOT_FOUND' }))
    }
  })

  test('does not take the number of another', async () => {
    const { id: productId } = await catalogue.aProduct()
    const [one, two] = [await catalogue.aVariant(productId), await catalogue.aVariant(productId)]
    const { userErrors } = await upsert({ productId, id: one.id, sku: two.sku })
    expect(userErrors).toMatchObject(problems({ sku: 'CONFLICT' }))
  })

  test('does not take the number that another product takes at the same moment', async () => {
    const [one, two] = [await catalogue.aProduct(), await catalogue.aProduct()]
    const [mine, other] = [await catalogue.aVariant(one.id), await catalogue.aVariant(two.id)]
    // It has seen the number free, and waits at the index.
    const [answer] = await meanwhile(
      catalogue.db,
      (tx) => tx.update(variants).set({ sku: 'WANTED' }).where(eq(variants.id, other.id)),
      () => [upsert({ productId: one.id, id: mine.id, sku: 'WANTED' })],
    )
    expect(answer!.userErrors).toMatchObject(problems({ sku: 'CONFLICT' }))
  })
})

test('several changes in one request are each answered with what they made', async () => {
  const { id: productId } = await catalogue.aProduct()
  const { productVariant: variant } = await upsert({ productId, sku: 'TWICE', price: eur('1') })
  const CHANGES = `mutation ($first: ProductVariantUpsertInput!, $second: ProductVariantUpsertInput!) {
    first: productVariantUpsert(input: $first) { productVariant { product { priceRange { min { amount } } } } }
    second: productVariantUpsert(input: $second) { productVariant { product { priceRange { min { amount } } } } }
  }`
  const input = { productId, id: variant.id, sku: 'TWICE' }
  const { first, second } = await catalogue.shop.ask('inventory', editor, CHANGES, {
    first: { ...input, price: eur('2') },
    second: { ...input, price: eur('3') },
  })
  expect(first.productVariant.product.priceRange.min.amount).toBe('2.00')
  expect(second.productVariant.product.priceRange.min.amount).toBe('3.00')
})

describe('a variant that is removed', () => {
  test('takes its price and choices with it', async () => {
    const { id } = await catalogue.aProduct()
    const keeps = await catalogue.aVariant(id, { price: eur('10'), options: choice('Blue', 'M') })
    const goes = await catalogue.aVariant(id, { price: eur('5'), options: choice('Red', 'M') })
    expect(await catalogue.run('productVariantDelete', { id: goes.id })).toEqual({ deletedId: goes.id, userErrors: [] })
    const { productVariant } = await upsert({ productId: id, id: keeps.id, sku: keeps.sku })
    expect(productVariant.product).toMatchObject({
      priceRange: { min: { amount: '10.00' } },
      options: [{ values: ['Blue'] }, { values: ['M'] }],
    })
    expect((await catalogue.told(id)).map(({ data }) => data.variantIds)).toContainEqual([goes.id])
    for (const gone of [goes.id, 'no id']) {
      expect((await catalogue.run('productVariantDelete', { id: gone })).userErrors).toMatchObject(
        problems({ id: 'NOT_FOUND' }),
      )
    }
  })
})
