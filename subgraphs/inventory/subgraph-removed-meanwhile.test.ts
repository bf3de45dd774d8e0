import { eq } from 'drizzle-orm'
import { afterAll, describe, expect, test } from 'vitest'
import { demoId, uuidv7 } from '#platform/ids.ts'
import { aCustomer, aService } from '../../tests/setup/viewers.ts'
import { untilWaiting } from '../../tests/setup/waiting.ts'
import { demoLocations } from './demo-stock.ts'
import { meanwhile } from './meanwhile.fixture.ts'
import { lockLevels } from './stock-levels.ts'
import { stockProblems } from './stock-problems.ts'
import { categories, locations, products, stockLevels, variants } from './tables.ts'
import { editor, openCatalogue } from './test-catalogue.ts'
import { mutation } from './test-customers.ts'
import { RESERVE } from './test-warehouse.ts'

const { shop, db, aProduct, aVariant, aCategory, run } = await openCatalogue()
await db.insert(locations).values(demoLocations(new Date()))
afterAll(async () => {
  await shop[Symbol.asyncDispose]()
})

const [berlin, hamburg] = [demoId('location/berlin'), demoId('location/hamburg')]
const me = aCustomer()
const ask = async (name: string, input: object, viewer = me) =>
  (await shop.ask('inventory', viewer, mutation(name, '__typename'), { input }))[name]
const withUnits = async (variantId: string, ...at: string[]) =>
  await db.insert(stockLevels).values(at.map((locationId) => ({ variantId, locationId })))

const made = async () => {
  const productId: string = (await aProduct({ name: uuidv7() })).id
  return { productId, variantId: (await aVariant(productId)).id as string }
}
type Made = Awaited<ReturnType<typeof made>>

const asked: Record<string, (made: Made) => Promise<{ userErrors: object[] }>> = {
  reviewCreate: ({ productId }) => ask('reviewCreate', { productId, rating: 5 }),
  wishlistItemAdd: (both) => ask('wishlistItemAdd', both),
  backInStockSubscribe: ({ variantId }) => ask('backInStockSubscribe', { variantId }),
  stockRestock: ({ variantId }) =>
    ask('stockRestock', { variantId, locationId: berlin, quantity: 1, idempotencyKey: uuidv7() }, editor),
}

describe('what waits for a removal that is about to commit', () => {
  test.each([
    ['reviewCreate', 'productId'],
    ['wishlistItemAdd', 'productId'],
    ['backInStockSubscribe', 'variantId'],
    ['stockRestock', 'variantId'],
  ])('of the product finds none then: %s', async (name, field) => {
    const both = await made()
    const [answer] = await meanwhile(
      db,
      (tx) => tx.delete(products).where(eq(products.id, both.productId)),
      () => [asked[name]!(both)],
    )
    expect(answer!.userErrors).toEqual([{ code: 'NOT_FOUND', field: ['input', field] }])
  })

  test.each(['wishlistItemAdd', 'backInStockSubscribe', 'stockRestock'])(
    'of the variant finds none then: %s',
    async (name) => {
      const both = await made()
      const [answer] = await meanwhile(
        db,
        (tx) => tx.delete(variants).where(eq(variants.id, both.variantId)),
        () => [asked[name]!(both)],
      )
      expect(answer!.userErrors).toEqual([{ code: 'NOT_FOUND', field: ['input', 'variantId'] }])
    },
  )
})

test.each(['productCreate', 'productUpdate'] as const)(
  '%s in a category that is being removed finds none',
  async (name) => {
    const category = await aCategory(uuidv7())
    const { productId: id } = await made()
    const input = name === 'productCreate' ? { name: 'X' } : { id }
    const [answer] = await meanwhile(
      db,
      (tx) => tx.delete(categories).where(eq(categories.id, category.id)),
      () => [run(name, { ...input, categoryId: category.id })],
    )
    expect(answer.userErrors).toMatchObject([{ code: 'NOT_FOUND', field: ['input', 'categoryId'] }])
  },
)

describe('a removal and', () => {
  const inTurn = async <T>(count: number, act: (both: Made, index: number) => Promise<T>) => {
    for (let index = 0; index < count; index += 1) await act(await made(), index)
  }

  test('a booking at the same moment: each is done or finds nothing to do', async () => {
    await inTurn(25, async ({ productId, variantId }, index) => {
      await withUnits(variantId, hamburg)
      const quantity = 1
      const booked = (locationId: string) =>
        ask('stockRestock', { variantId, locationId, quantity, idempotencyKey: uuidv7() }, editor)
      const remove = () =>
        index % 2 ? run('productVariantDelete', { id: variantId }) : run('productDelete', { id: productId })
      const answers = await Promise.all([booked(berlin), remove(), booked(hamburg)])
      for (const { userErrors } of answers)
        for (const { code } of userErrors) expect(['NOT_FOUND', 'CONFLICT']).toContain(code)
    })
    expect(await stockProblems(db)).toEqual([])
  })

  test('a hold at the same moment: what is held stays', async () => {
    const { productId, variantId } = await made()
    await ask('stockRestock', { variantId, locationId: berlin, quantity: 1, idempotencyKey: uuidv7() }, editor)
    const hold = { checkoutId: uuidv7(), attempt: 1, lines: [{ variantId, quantity: 1 }], idempotencyKey: uuidv7() }
    let removal: Promise<{ userErrors: object[] }> | undefined
    const [held] = await meanwhile(
      db,
      (tx) => lockLevels(tx, [variantId]),
      () => [shop.ask('inventory', aService('orders'), RESERVE, { input: hold })],
      async () => {
        removal = run('productDelete', { id: productId })
        await untilWaiting(db, 2)
      },
    )
    expect(held!.stockReserve).toMatchObject({ stockReservation: { status: 'HELD' }, userErrors: [] })
    expect((await removal!).userErrors).toMatchObject([{ code: 'CONFLICT', field: ['input', 'id'] }])
  })

  test('reviews of it at the same moment: each is done or finds nothing to do', async () => {
    await inTurn(25, async ({ productId }) => {
      const id = (
        await shop.ask('inventory', me, mutation('reviewCreate', 'review { id }'), { input: { productId, rating: 3 } })
      ).reviewCreate.review.id
      const answers = await Promise.all([
        ask('reviewCreate', { productId, rating: 4 }, aCustomer()),
        ask('reviewUpdate', { id, rating: 5 }),
        run('productDelete', { id: productId }),
        ask('reviewModerate', { id, status: 'REJECTED' }, editor),
      ])
      for (const { userErrors } of answers) for (const { code } of userErrors) expect(code).toBe('NOT_FOUND')
    })
  })
})
