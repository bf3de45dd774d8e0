import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { uuidv7 } from '#platform/ids.ts'
import { categories } from './tables.ts'
import { openCatalogue } from './test-catalogue.ts'

let catalogue: Awaited<ReturnType<typeof openCatalogue>>
beforeAll(async () => {
  catalogue = await openCatalogue()
})
afterAll(async () => {
  await catalogue.shop[Symbol.asyncDispose]()
})

const upsert = (input: object) => catalogue.run('categoryUpsert', input)
const problems = (fields: Record<string, string>) =>
  Object.entries(fields).map(([path, code]) => ({ code, field: ['input', ...path.split('.')] }))
const ancestorsOf = async (id: string) => {
  const { category } = await catalogue.shop.ask(
    'inventory',
    { kind: 'anonymous' },
    'query ($id: ID) { category(id: $id) { ancestors { slug } products { nodes { slug } } } }',
    { id },
  )
  return {
    above: category.ancestors.map(({ slug }: { slug: string }) => slug),
    products: category.products.nodes.map(({ slug }: { slug: string }) => slug),
  }
}

/** Names below each other, the first at the top. */
async function chain(...names: string[]) {
  const made: Awaited<ReturnType<typeof catalogue.aCategory>>[] = []
  for (const name of names) made.push(await catalogue.aCategory(name, { parentId: made.at(-1)?.id ?? null }))
  return made
}

describe('a category', () => {
  test('is put at the top or below another', async () => {
    const [, tops, shirts] = await chain('Clothing', 'Tops', 'Shirts and More')
    expect(shirts).toMatchObject({
      slug: 'shirts-and-more',
      parent: { id: tops.id },
      ancestors: [{ slug: 'clothing' }, { slug: 'tops' }],
    })
  })

  test('is refused with all problems at once', async () => {
    await catalogue.aCategory('Taken')
    const { category, userErrors } = await upsert({
      id: uuidv7(),
      name: 'x'.repeat(10_240),
      slug: 'taken',
      parentId: 'no',
    })
    expect(category).toBeNull()
    expect(userErrors).toMatchObject(
      problems({ name: 'INVALID', id: 'NOT_FOUND', parentId: 'NOT_FOUND', slug: 'CONFLICT' }),
    )
    expect((await upsert({ name: 'Taken' })).userErrors).toMatchObject(problems({ slug: 'CONFLICT' }))
    expect((await upsert({ name: '本' })).userErrors).toMatchObject(problems({ slug: 'REQUIRED' }))
  })

  test('that several add at once is added once', async () => {
    const added = await Promise.all([1, 2, 3].map(() => upsert({ name: 'Once' })))
    expect(added.filter(({ category }) => category)).toHaveLength(1)
  })

  test('moves with everything below it, and products are found by their new place', async () => {
    const [a1, a2, a3] = await chain('Alpha', 'Alphabet', 'Alphorn')
    const [b1] = await chain('Beta')
    const { slug } = await catalogue.aProduct({ name: 'Horn', categoryId: a3.id })
    expect((await upsert({ id: a2.id, name: 'Alphabet', parentId: b1.id })).userErrors).toEqual([])
    expect(await ancestorsOf(a3.id)).toEqual({ above: ['beta', 'alphabet'], products: [slug] })
    expect((await ancestorsOf(b1.id)).products).toEqual([slug])
    expect((await ancestorsOf(a1.id)).products).toEqual([])
    expect((await catalogue.find('horn beta')).slugs).toEqual([slug])
    expect((await catalogue.find('horn alpha')).slugs).toEqual([slug])
    expect((await upsert({ id: a2.id, name: 'Letters', parentId: null })).category).toMatchObject({
      slug: 'alphabet',
      parent: null,
    })
    expect((await ancestorsOf(a3.id)).above).toEqual(['alphabet'])
    expect((await catalogue.find('horn beta')).slugs).toEqual([])
    expect((await catalogue.find('horn letters')).slugs).toEqual([slug])
  })

  test('keeps its place when none is named', async () => {
    const [, below] = await chain('Upper', 'Lower')
    expect((await upsert({ id: below.id, name: 'Lowest' })).category.ancestors).toEqual([{ slug: 'upper' }])
  })

  test('is never below itself', async () => {
    const [top, middle, low] = await chain('One', 'Two', 'Three')
    for (const parentId of [top.id, middle.id, low.id]) {
      const { userErrors } = await upsert({ id: top.id, name: 'One', parentId })
      expect(userErrors).toMatchObject(problems({ parentId: 'INVALID' }))
    }
    expect((await ancestorsOf(low.id)).above).toEqual(['one', 'two'])
  })

  test('is never below itself, whoever moves what at the same time', async () => {
    const made = await Promise.all(['M1', 'M2', 'M3', 'M4'].map((name) => catalogue.aCategory(name)))
    const moves = made.map(({ id, name }, index) => upsert({ id, name, parentId: made[(index + 1) % 4]!.id }))
    const refused = (await Promise.all(moves)).flatMap(({ userErrors }) => userErrors)
    expect(refused).toMatchObject(problems({ parentId: 'INVALID' }))
    const rows = await catalogue.db.select().from(categories)
    const byId = new Map(rows.map((row) => [row.id, row]))
    for (const { id, path, parentId } of rows) {
      expect(path).toEqual([...(parentId ? byId.get(parentId)!.path : []), id])
    }
  })

  test('is ten levels down at most, with all that is below it', async () => {
    const deep = await chain(...Array.from({ length: 10 }, (_, level) => `Deep ${level}`))
    expect((await upsert({ name: 'Deeper', parentId: deep[9].id })).userErrors).toMatchObject(
      problems({ parentId: 'LIMIT_EXCEEDED' }),
    )
    const [pair] = await chain('Pair', 'Of')
    expect((await upsert({ id: pair.id, name: 'Pair', parentId: deep[8].id })).userErrors).toMatchObject(
      problems({ parentId: 'LIMIT_EXCEEDED' }),
    )
    expect((await upsert({ id: pair.id, name: 'Pair', parentId: deep[7].id })).userErrors).toEqual([])
  })

  test('is removed when it is empty', async () => {
    const [top, below] = await chain('Full', 'Half')
    const { id } = await catalogue.aProduct({ categoryId: below.id, status: 'DRAFT' })
    const remove = (category: { id: string }) => catalogue.run('categoryDelete', { id: category.id })
    for (const full of [top, below]) {
      expect((await remove(full)).userErrors).toMatchObject(problems({ id: 'CONFLICT' }))
    }
    await catalogue.run('productUpdate', { id, categoryId: null })
    expect(await remove(below)).toEqual({ deletedId: below.id, userErrors: [] })
    expect((await remove(top)).deletedId).toBe(top.id)
    for (const gone of [top, { id: 'no id' }]) {
      expect((await remove(gone)).userErrors).toMatchObject(problems({ id: 'NOT_FOUND' }))
    }
  })
})
