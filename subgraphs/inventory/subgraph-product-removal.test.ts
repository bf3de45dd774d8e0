import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { demoId, uuidv7 } from '#platform/ids.ts'
import { aService } from '../../tests/setup/viewers.ts'
import { customerItems } from './customer-tables.ts'
import { demoLocations } from './demo-stock.ts'
import { stockProblems } from './stock-problems.ts'
import { locations, movements } from './tables.ts'
import { editor, openCatalogue } from './test-catalogue.ts'
import { RESERVE, RESTOCK } from './test-warehouse.ts'

let catalogue: Awaited<ReturnType<typeof openCatalogue>>
beforeAll(async () => {
  catalogue = await openCatalogue()
  await catalogue.db.insert(locations).values(demoLocations(new Date()))
})
afterAll(async () => {
  await catalogue.shop[Symbol.asyncDispose]()
})

const berlin = demoId('location/berlin')
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

  test('never is a variant that is in stock', async () => {
    const { id } = await catalogue.aProduct()
    const variant = await catalogue.aVariant(id)
    await restock(variant.id)
    expect((await catalogue.run('productVariantDelete', { id: variant.id })).userErrors).toMatchObject(
      problems({ id: 'CONFLICT' }),
    )
    expect(await stockProblems(catalogue.db)).toEqual([])
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
