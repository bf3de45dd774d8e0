import { eq, sql } from 'drizzle-orm'
import { afterAll, describe, expect, test } from 'vitest'
import { demoId, uuidv7 } from '#platform/ids.ts'
import { anonymous } from '#platform/viewer.ts'
import { aCustomer, aGuest, staffWith } from '../../tests/setup/viewers.ts'
import { wishlistItems } from './customer-tables.ts'
import { meanwhile } from './meanwhile.fixture.ts'
import { products } from './tables.ts'
import { mutation, openShop } from './test-customers.ts'

const { shop, db, run, user } = await openShop()
afterAll(async () => {
  await shop[Symbol.asyncDispose]()
})

const tee = demoId('product/linen-tee')
const mug = demoId('product/stoneware-mug')
const teeVariant = demoId('variant/TEE-LINEN-BLU-M')
const mugVariant = demoId('variant/MUG-STONE-GRY')

describe('a wishlist', () => {
  const ADD = mutation('wishlistItemAdd', 'wishlistItem { id product { id } variant { id } }')
  const REMOVE = mutation('wishlistItemRemove', 'deletedId')
  const LIST = 'wishlist { nodes { id product { id isInWishlist } } totalCount }'

  test('has a product once, however often it is put there', async () => {
    const me = aCustomer()
    const added = await Promise.all([1, 2, 3].map(() => run(me, ADD, { productId: tee })))
    expect(new Set(added.map(({ wishlistItem }) => wishlistItem.id)).size).toBe(1)
    const again = await run(me, ADD, { productId: tee, variantId: teeVariant })
    expect(again.wishlistItem).toMatchObject({ id: added[0].wishlistItem.id, variant: { id: teeVariant } })
    expect((await user(me, me.id, LIST)).wishlist).toMatchObject({
      nodes: [{ product: { id: tee, isInWishlist: true } }],
      totalCount: 1,
    })
    expect((await run(me, REMOVE, { productId: tee })).deletedId).toBe(again.wishlistItem.id)
    expect((await run(me, REMOVE, { productId: tee })).userErrors).toMatchObject([{ code: 'NOT_FOUND' }])
  })

  test('is added to by one at a time: who waited finds what is there by then', async () => {
    const me = aCustomer()
    const at = new Date()
    const [added] = await meanwhile(
      db,
      async (tx) => {
        await tx.execute(sql`select pg_advisory_xact_lock(hashtextextended(${`wishlist ${me.id}`}, 0))`)
        await tx.insert(wishlistItems).values({ userId: me.id, productId: tee, createdAt: at, updatedAt: at })
      },
      () => [run(me, ADD, { productId: tee, variantId: teeVariant })],
    )
    expect(added).toMatchObject({ wishlistItem: { variant: { id: teeVariant } }, userErrors: [] })
    expect((await user(me, me.id, LIST)).wishlist.totalCount).toBe(1)
  })

  test('is nobody else’s to see', async () => {
    const me = aCustomer()
    await run(me, ADD, { productId: tee })
    for (const viewer of [aCustomer(), aGuest(), anonymous])
      expect((await user(viewer, me.id, LIST)).wishlist).toBeNull()
    expect((await user(staffWith('users:read'), me.id, LIST)).wishlist.totalCount).toBe(1)
  })

  test('takes only what is there, and 500 of it', async () => {
    const me = aCustomer()
    const wrong = [{ productId: uuidv7() }, { productId: 'x' }, { productId: tee, variantId: mugVariant }]
    const answers = await Promise.all(wrong.map((input) => run(me, ADD, input)))
    expect(answers.map(({ userErrors }) => userErrors[0].field[1])).toEqual(['productId', 'productId', 'variantId'])
    const [some] = await db.select().from(products).where(eq(products.id, mug))
    const { ratingAverage: generated, ...plain } = some!
    expect(generated).toBeGreaterThanOrEqual(0)
    const more = Array.from({ length: 499 }, () => ({ ...plain, id: uuidv7(), slug: uuidv7() }))
    await db.insert(products).values(more)
    const at = new Date()
    await db
      .insert(wishlistItems)
      .values(more.map(({ id }) => ({ userId: me.id, productId: id, createdAt: at, updatedAt: at })))
    const last = await Promise.all([tee, mug].map((productId) => run(me, ADD, { productId })))
    expect(last.flatMap(({ userErrors }) => userErrors)).toMatchObject([{ code: 'LIMIT_EXCEEDED' }])
  })

  test('of a list of products is one statement', async () => {
    const counted = async (fields: string) =>
      (
        await shop.statements(() =>
          shop.ask('inventory', aCustomer(), `{ products(first: 20) { nodes { id ${fields} } } }`),
        )
      ).length
    // The page itself comes from the cache from the second time on.
    await counted('')
    expect((await counted('isInWishlist')) - (await counted(''))).toBe(1)
    const { products: page } = await shop.ask(
      'inventory',
      anonymous,
      `{ products(first: 1) { nodes { isInWishlist } } }`,
    )
    expect(page.nodes).toEqual([{ isInWishlist: null }])
  })
})
