import { eq, sql } from 'drizzle-orm'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { demoId, uuidv7 } from '#platform/ids.ts'
import { anonymous, type Viewer } from '#platform/viewer.ts'
import { openParts, type Parts } from '../../tests/setup/parts.ts'
import { aCustomer, aGuest, staffWith } from '../../tests/setup/viewers.ts'
import { noteAcquired } from './customer-items.ts'
import { reviews, wishlistItems } from './customer-tables.ts'
import { notePurchases } from './reviews.ts'
import { seed } from './seed.ts'
import { products } from './tables.ts'

let shop: Parts
beforeAll(async () => {
  shop = await openParts(['inventory'])
  await seed(shop.part('inventory').ownContext())
})
afterAll(async () => {
  await shop[Symbol.asyncDispose]()
})

const keeper = staffWith('inventory:read', 'inventory:manage')
const db = () => shop.part('inventory').ownContext().db
const run = async (viewer: Viewer, query: string, input: object) =>
  Object.values(await shop.ask('inventory', viewer, query, { input }))[0]
const mutation = (name: string, type: string, fields: string) =>
  `mutation ($input: ${type}!) { ${name}(input: $input) { ${fields} userErrors { code field } } }`
const user = async (viewer: Viewer, id: string, fields: string) =>
  (
    await shop.ask(
      'inventory',
      viewer,
      `query ($of: [_Any!]!) { _entities(representations: $of) { ... on User { ${fields} } } }`,
      {
        of: [{ __typename: 'User', id }],
      },
    )
  )._entities[0]

const tee = demoId('product/linen-tee')
const mug = demoId('product/stoneware-mug')
const teeVariant = demoId('variant/TEE-LINEN-BLU-M')
const mugVariant = demoId('variant/MUG-STONE-GRY')

describe('a review', () => {
  const candle = demoId('product/fig-candle')
  const CREATE = mutation('reviewCreate', 'ReviewCreateInput', 'review { id status isVerifiedPurchase }')
  const UPDATE = mutation('reviewUpdate', 'ReviewUpdateInput', 'review { rating title body status }')
  const DELETE = mutation('reviewDelete', 'ReviewDeleteInput', 'deletedId')
  const MODERATE = mutation('reviewModerate', 'ReviewModerateInput', 'review { status }')
  const write = async (viewer: Viewer, rating = 5, productId = candle) =>
    (await run(viewer, CREATE, { productId, rating, title: 'Nice', body: 'It smells.' })).review

  // The rating that a product shows is the mean of its published reviews.
  const ratingIsRight = async (productId = candle) => {
    const [product] = await db().select().from(products).where(eq(products.id, productId))
    const [counted] = await db()
      .select({ sum: sql<number>`coalesce(sum(rating), 0)::int`, count: sql<number>`count(*)::int` })
      .from(reviews)
      .where(sql`product_id = ${productId} and status = 'PUBLISHED'`)
    expect({ sum: product!.ratingSum, count: product!.ratingCount }).toEqual(counted)
  }

  test('is changed by its author; what is left out stays, null clears', async () => {
    const me = aCustomer()
    const { id } = await write(me)
    expect((await run(me, UPDATE, { id, rating: 2 })).review).toMatchObject({
      rating: 2,
      title: 'Nice',
      status: 'PUBLISHED',
    })
    expect((await run(me, UPDATE, { id, title: null })).review).toMatchObject({
      rating: 2,
      title: null,
      body: 'It smells.',
    })
    await ratingIsRight()
    for (const [viewer, wrong] of [
      [aCustomer(), id],
      [me, uuidv7()],
      [me, 'no id'],
    ] as const) {
      const answer = await run(viewer, UPDATE, { id: wrong, rating: 1 })
      expect(answer).toEqual({ review: null, userErrors: [{ code: 'NOT_FOUND', field: ['input', 'id'] }] })
    }
    expect((await run(me, UPDATE, { id, rating: 0, title: 'x'.repeat(121) })).userErrors).toHaveLength(2)
  })

  test('is removed by its author or by staff, and by nobody else', async () => {
    const [me, you] = [aCustomer(), aCustomer()]
    const [mine, yours] = [await write(me), await write(you)]
    expect((await run(me, DELETE, { id: yours.id })).userErrors).toMatchObject([{ code: 'NOT_FOUND' }])
    expect((await run(me, DELETE, { id: mine.id })).deletedId).toBe(mine.id)
    expect((await run(me, DELETE, { id: mine.id })).userErrors).toMatchObject([{ code: 'NOT_FOUND' }])
    expect((await run(keeper, DELETE, { id: yours.id })).deletedId).toBe(yours.id)
    await ratingIsRight()
  })

  test('counts only while it is published, whatever happens at once', async () => {
    const people = Array.from({ length: 6 }, () => aCustomer())
    const written = await Promise.all(people.map((person, index) => write(person, 1 + (index % 5), tee)))
    await Promise.all(
      written.flatMap(({ id }, index) => [
        run(keeper, MODERATE, { id, status: index % 2 ? 'REJECTED' : 'PUBLISHED' }),
        run(people[index]!, UPDATE, { id, rating: 3 }),
        ...(index === 0 ? [run(people[0]!, DELETE, { id })] : []),
      ]),
    )
    await ratingIsRight(tee)
  })

  test('waits for staff where the shop wants it so', async () => {
    shop.config.MODERATE_REVIEWS = true
    const me = aCustomer()
    const { id, status } = await write(me)
    expect(status).toBe('PENDING')
    const WAITING = `{ reviewsForModeration(first: 100) { nodes { id status } totalCount } }`
    const { reviewsForModeration: waiting } = await shop.ask('inventory', keeper, WAITING)
    expect(waiting.nodes).toContainEqual({ id, status: 'PENDING' })
    await ratingIsRight()
    expect((await run(keeper, MODERATE, { id, status: 'PUBLISHED' })).review).toEqual({ status: 'PUBLISHED' })
    expect((await run(me, UPDATE, { id, rating: 4 })).review.status).toBe('PENDING')
    await ratingIsRight()
    shop.config.MODERATE_REVIEWS = false
    const answer = await shop.answer('inventory', aCustomer(), WAITING)
    expect(answer.errors?.[0]?.extensions?.code).toBe('FORBIDDEN')
  })

  test('that was written before the delivery is of a verified purchase after it', async () => {
    const me = aCustomer()
    const { id, isVerifiedPurchase } = await write(me)
    expect(isVerifiedPurchase).toBe(false)
    await notePurchases(shop.part('inventory').ownContext(), { owner: me, data: { lines: [{ productId: candle }] } })
    const [review] = await db().select().from(reviews).where(eq(reviews.id, id))
    expect(review!.isVerifiedPurchase).toBe(true)
  })
})

describe('a wishlist', () => {
  const ADD = mutation('wishlistItemAdd', 'WishlistItemAddInput', 'wishlistItem { id product { id } variant { id } }')
  const REMOVE = mutation('wishlistItemRemove', 'WishlistItemRemoveInput', 'deletedId')
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
    const [some] = await db().select().from(products).where(eq(products.id, mug))
    const { ratingAverage: generated, ...plain } = some!
    expect(generated).toBeGreaterThanOrEqual(0)
    const more = Array.from({ length: 499 }, () => ({ ...plain, id: uuidv7(), slug: uuidv7() }))
    await db().insert(products).values(more)
    const at = new Date()
    await db()
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

describe('what somebody owns', () => {
  const ASSIGN = mutation('productCustomerAssign', 'ProductCustomerAssignInput', 'product { id }')
  const UNASSIGN = mutation('productCustomerUnassign', 'ProductCustomerUnassignInput', 'product { id }')
  const items = async (viewer: Viewer, id: string, args = '') =>
    (
      await user(
        viewer,
        id,
        `items${args} { nodes { id product { id } variant { id } serialNumber order { id } } totalCount }`,
      )
    ).items
  const assign = (customerId: string, more: object = {}) => run(keeper, ASSIGN, { productId: tee, customerId, ...more })
  const register = async () => {
    const me = aCustomer()
    await assign(me.id, { serialNumber: `SN-${me.id}`, variantId: teeVariant })
    await assign(me.id, { productId: mug })
    return me
  }

  test('is registered by staff, once', async () => {
    const me = aCustomer()
    await Promise.all([1, 2, 3].map(() => assign(me.id)))
    await assign(me.id, { serialNumber: `A-${me.id}` })
    await assign(me.id, { serialNumber: `A-${me.id}` })
    const { nodes } = await items(me, me.id)
    expect(nodes).toHaveLength(2)
    expect(new Set(nodes.map(({ serialNumber }: { serialNumber: string | null }) => serialNumber))).toEqual(
      new Set([`A-${me.id}`, null]),
    )
    expect(await assign(uuidv7(), { serialNumber: `A-${me.id}` })).toMatchObject({
      userErrors: [{ code: 'CONFLICT', field: ['input', 'serialNumber'] }],
    })
    const wrong = [{ productId: uuidv7() }, { variantId: mugVariant }]
    for (const more of wrong) expect((await assign(me.id, more)).userErrors).toMatchObject([{ code: 'NOT_FOUND' }])
    expect((await assign('x')).userErrors).toMatchObject([{ code: 'NOT_FOUND', field: ['input', 'customerId'] }])
  })

  test('comes with what was delivered, once per line of the order', async () => {
    const me = aCustomer()
    const lines = [{ orderLineId: uuidv7(), variantId: mugVariant, productId: mug }]
    const delivered = { owner: me, data: { lines }, entityId: uuidv7(), occurredAt: '2030-01-01T00:00:00.000Z' }
    const ctx = shop.part('inventory').ownContext()
    await noteAcquired(ctx, delivered)
    await noteAcquired(ctx, delivered)
    expect(await items(me, me.id)).toMatchObject({
      nodes: [{ product: { id: mug }, variant: { id: mugVariant }, order: { id: delivered.entityId } }],
      totalCount: 1,
    })
  })

  test('is found by name, serial number, category and brand', async () => {
    const me = await register()
    const found = async (args: string) =>
      (await items(me, me.id, args)).nodes.map(({ product }: { product: { id: string } }) => product.id)
    expect(new Set(await found(''))).toEqual(new Set([tee, mug]))
    expect(await found('(query: "LINEN")')).toEqual([tee])
    expect(await found(`(query: "${me.id.slice(0, 13)}")`)).toEqual([tee])
    expect(await found('(query: "%")')).toEqual([])
    expect(await found(`(categoryId: "${demoId('category/clothing')}")`)).toEqual([tee])
    expect(await found('(categoryId: "x")')).toEqual([])
    const [product] = await db().select().from(products).where(eq(products.id, mug))
    expect(await found(`(brand: ${JSON.stringify(product!.brand)})`)).toEqual([mug])
  })

  test('is for its owner and staff to see', async () => {
    const me = await register()
    const [{ id }] = (await items(me, me.id)).nodes
    const ITEM = `query ($id: ID!) { customerItem(id: $id) { id } }`
    for (const viewer of [aCustomer(), aGuest()]) {
      expect(await items(viewer, me.id)).toBeNull()
      expect(await shop.ask('inventory', viewer, ITEM, { id })).toEqual({ customerItem: null })
    }
    for (const viewer of [me, keeper])
      expect(await shop.ask('inventory', viewer, ITEM, { id })).toEqual({ customerItem: { id } })
    expect(await shop.ask('inventory', me, ITEM, { id: 'x' })).toEqual({ customerItem: null })
  })

  test('names its owners to staff, newest first, page by page, until it is taken from them', async () => {
    const productId = demoId('product/fig-candle')
    const people = [aCustomer(), aCustomer(), aCustomer()]
    for (const { id } of people) await assign(id, { productId })
    const OWNERS = `query ($id: ID, $after: String) { product(id: $id) {
      assignedCustomers(first: 2, after: $after) { nodes { id } pageInfo { hasNextPage endCursor } }
    } }`
    const owners = async (after?: string) =>
      (await shop.ask('inventory', keeper, OWNERS, { id: productId, after })).product.assignedCustomers
    const first = await owners()
    const second = await owners(first.pageInfo.endCursor)
    expect([...first.nodes, ...second.nodes].map(({ id }) => id)).toEqual(people.map(({ id }) => id).toReversed())
    expect((await run(keeper, UNASSIGN, { productId, customerId: people[2]!.id })).product).toEqual({ id: productId })
    expect((await run(keeper, UNASSIGN, { productId, customerId: people[2]!.id })).userErrors).toEqual([])
    expect((await owners()).nodes).toHaveLength(2)
    const { errors } = await shop.answer('inventory', aCustomer(), OWNERS, { id: productId })
    expect(errors?.[0]?.extensions?.code).toBe('FORBIDDEN')
  })
})

test('figures of the stock at the end of a period are for administrators', async () => {
  const FIGURES = `query ($of: [_Any!]!) { _entities(representations: $of) { ... on AdminDashboard {
    inventory { products lowStock outOfStock stockValue { amount currencyCode } }
  } } }`
  const of = [{ __typename: 'AdminDashboard', from: '2020-01-01T00:00:00.000Z', to: '2020-06-01T00:00:00.000Z' }]
  const figures = async (viewer: Viewer, to: string) =>
    (
      await shop.ask('inventory', viewer, FIGURES, {
        of: [{ ...of[0], from: new Date(new Date(to).getTime() - 86_400_000).toISOString(), to }],
      })
    )._entities[0].inventory
  const admin = staffWith('admin:read')
  const now = await figures(admin, new Date(Date.now() + 60_000).toISOString())
  expect(now.products).toBeGreaterThan(60)
  const [truth] = await db().execute<{ value: string; out: number }>(sql`
    select (select sum(on_hand * price_minor) from inventory.stock_levels l join inventory.variants v on v.id = l.variant_id)::text as value,
      (select count(*) from inventory.variants v join inventory.products p on p.id = v.product_id and p.status = 'ACTIVE'
        where not exists (select from inventory.stock_levels l where l.variant_id = v.id and on_hand - reserved - committed > 0))::int as out`)
  expect(now.stockValue).toEqual({ amount: (Number(truth!.value) / 100).toFixed(2), currencyCode: 'EUR' })
  expect(now.outOfStock).toBe(truth!.out)
  expect(await figures(admin, '2020-06-01T00:00:00.000Z')).toMatchObject({
    products: 0,
    stockValue: { amount: '0.00' },
  })
  expect(await figures(keeper, '2020-06-01T00:00:00.000Z')).toBeNull()
})
