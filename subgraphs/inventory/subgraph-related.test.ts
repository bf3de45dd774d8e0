import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { anonymous } from '#platform/viewer.ts'
import { editor, openCatalogue } from './test-catalogue.ts'

let catalogue: Awaited<ReturnType<typeof openCatalogue>>
const ids = new Map<string, string>()
beforeAll(async () => {
  catalogue = await openCatalogue()
  const mugs = await catalogue.aCategory('Mugs')
  const bowls = await catalogue.aCategory('Bowls')
  const add = async (name: string, more: object) => ids.set(name, (await catalogue.aProduct({ name, ...more })).id)
  await add('Mug', { categoryId: mugs.id, brand: 'Tonwerk', tags: ['kitchen', 'gift'] })
  await add('Same brand', { categoryId: bowls.id, brand: 'Tonwerk' })
  await add('Same category', { categoryId: mugs.id, brand: 'Other' })
  await add('Same category and tags', { categoryId: mugs.id, brand: 'Other', tags: ['gift', 'kitchen'] })
  await add('Same category and tag', { categoryId: mugs.id, brand: 'Other', tags: ['gift'] })
  await add('Same tags only', { categoryId: bowls.id, brand: 'Other', tags: ['kitchen', 'gift'] })
  await add('Draft', { categoryId: mugs.id, brand: 'Tonwerk', tags: ['kitchen', 'gift'], status: 'DRAFT' })
  await add('Loose', { tags: ['gift'] })
})
afterAll(async () => {
  await catalogue.shop[Symbol.asyncDispose]()
})

const RELATED = 'query ($id: ID, $limit: Int) { product(id: $id) { related(limit: $limit) { name } } }'
const related = async (name: string, limit?: number) => {
  const variables = { id: ids.get(name), ...(limit !== undefined && { limit }) }
  const { product } = await catalogue.shop.ask('inventory', anonymous, RELATED, variables)
  return product.related.map((each: { name: string }) => each.name)
}

describe('related products', () => {
  test('are those beside it and of its brand, the more in common the earlier, and for sale', async () => {
    const expected = ['Same category and tags', 'Same category and tag', 'Same category', 'Same brand']
    expect(await related('Mug')).toEqual(expected)
    expect(await related('Mug', 2)).toEqual(expected.slice(0, 2))
    const { product } = await catalogue.shop.ask('inventory', editor, RELATED, { id: ids.get('Mug') })
    expect(product.related.map((each: { name: string }) => each.name)).toEqual(expected)
  })

  test('of what has neither category nor brand are those with a tag in common', async () => {
    expect(new Set(await related('Loose'))).toEqual(
      new Set(['Mug', 'Same category and tags', 'Same category and tag', 'Same tags only']),
    )
  })

  test.each([0, 21, -1])('are not %i', async (limit) => {
    const { errors } = await catalogue.shop.answer('inventory', anonymous, RELATED, { id: ids.get('Mug'), limit })
    expect(errors?.[0]?.extensions?.code).toBe('BAD_USER_INPUT')
  })

  test('of a whole list are one statement', async () => {
    const LIST = '{ products { nodes { related(limit: 3) { name } } } }'
    const statements = await catalogue.shop.statements(() => catalogue.shop.ask('inventory', editor, LIST))
    expect(statements.filter((text) => !text.includes('pg_catalog'))).toHaveLength(2)
  })
})
