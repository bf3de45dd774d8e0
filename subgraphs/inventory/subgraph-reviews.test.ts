import { eq, sql } from 'drizzle-orm'
import { afterAll, describe, expect, test } from 'vitest'
import { demoId, uuidv7 } from '#platform/ids.ts'
import { anonymous, type User, type Viewer } from '#platform/viewer.ts'
import { aCustomer, aGuest } from '../../tests/setup/viewers.ts'
import { reviews } from './customer-tables.ts'
import { meanwhile } from './meanwhile.fixture.ts'
import { moderateReview } from './reviews.ts'
import { products } from './tables.ts'
import { keeper, mutation, openShop } from './test-customers.ts'

const { shop, db, ownContext, run, user, deliver } = await openShop()
afterAll(async () => {
  await shop[Symbol.asyncDispose]()
})

const ask = (query: string, variables?: Record<string, unknown>) => shop.ask('inventory', anonymous, query, variables)
const codeOf = async (query: string, variables?: Record<string, unknown>) =>
  (await shop.answer('inventory', anonymous, query, variables)).errors?.[0]?.extensions?.code

const mug = demoId('product/stoneware-mug')
const mugVariant = demoId('variant/MUG-STONE-GRY')

describe('a new review', () => {
  const CREATE = `mutation ($input: ReviewCreateInput!) { reviewCreate(input: $input) {
    review { rating title body status isVerifiedPurchase author { id } } product { rating { average count } }
    userErrors { code field }
  } }`
  const write = async (viewer: ReturnType<typeof aCustomer>, input: object) =>
    (await shop.ask('inventory', viewer, CREATE, { input })).reviewCreate
  const productId = demoId('product/fig-candle')

  test('counts at once, once per customer', async () => {
    const author = aCustomer()
    const RATING = `query ($id: ID) { product(id: $id) { rating { count average } } }`
    const before = (await ask(RATING, { id: productId })).product.rating
    const written = await Promise.all([1, 2, 3].map(() => write(author, { productId, rating: 1, title: ' Smoky ' })))
    expect(written.filter(({ review }) => review)).toMatchObject([
      {
        review: {
          rating: 1,
          title: 'Smoky',
          body: null,
          status: 'PUBLISHED',
          isVerifiedPurchase: false,
          author: { id: author.id },
        },
      },
    ])
    expect(written.flatMap(({ userErrors }) => userErrors)).toEqual(
      [1, 2].map(() => ({ code: 'CONFLICT', field: ['input', 'productId'] })),
    )
    const { count } = (await ask(RATING, { id: productId })).product.rating
    expect(count).toBe(before.count + 1)
  })

  test('of something that was delivered is of a verified purchase', async () => {
    const author = aCustomer()
    const line = await deliver(author, mug, mugVariant)
    await deliver(author, mug, mugVariant, line)
    expect(await write(author, { productId: mug, rating: 5 })).toMatchObject({ review: { isVerifiedPurchase: true } })
  })

  test('is refused with all problems at once', async () => {
    expect(
      await write(aCustomer(), { productId, rating: 6, title: 'x'.repeat(121), body: 'x'.repeat(5_001) }),
    ).toMatchObject({
      userErrors: ['rating', 'title', 'body'].map((field) => ({ code: 'INVALID', field: ['input', field] })),
    })
    for (const unknown of [uuidv7(), 'no id']) {
      expect(await write(aCustomer(), { productId: unknown, rating: 5 })).toMatchObject({
        review: null,
        userErrors: [{ code: 'NOT_FOUND', field: ['input', 'productId'] }],
      })
    }
  })

  test('needs an account', async () => {
    const { errors } = await shop.answer('inventory', aGuest(), CREATE, { input: { productId, rating: 5 } })
    expect(errors?.[0]?.extensions?.code).toBe('UNAUTHENTICATED')
  })

  test('is listed with its product, by stars, and with its author', async () => {
    const { product } = await ask(`{ product(slug: "linen-tee") {
      reviews { nodes { rating createdAt isVerifiedPurchase author { id } } totalCount }
      five: reviews(rating: 5) { nodes { rating } }
    } }`)
    expect(product.reviews.nodes).toContainEqual(
      expect.objectContaining({ author: { id: demoId('user/alice') }, isVerifiedPurchase: true }),
    )
    const times = product.reviews.nodes.map(({ createdAt }: { createdAt: string }) => createdAt)
    expect(times).toEqual(times.toSorted().toReversed())
    for (const { rating } of product.five.nodes) expect(rating).toBe(5)
    const { _entities } =
      await ask(`{ _entities(representations: [{ __typename: "User", id: "${demoId('user/bob')}" }]) {
      ... on User { reviews(first: 2) { nodes { product { name } } pageInfo { hasNextPage } } }
    } }`)
    expect(_entities[0].reviews.nodes).toHaveLength(2)
    expect(await codeOf(`{ product(slug: "linen-tee") { reviews(rating: 0) { nodes { rating } } } }`)).toBe(
      'BAD_USER_INPUT',
    )
  })
})

describe('a review', () => {
  const tee = demoId('product/linen-tee')
  const candle = demoId('product/fig-candle')
  const CREATE = mutation('reviewCreate', 'review { id status isVerifiedPurchase }')
  const UPDATE = mutation('reviewUpdate', 'review { rating title body status }')
  const DELETE = mutation('reviewDelete', 'deletedId')
  const MODERATE = mutation('reviewModerate', 'review { status }')
  const write = async (viewer: Viewer, rating = 5, productId = candle) =>
    (await run(viewer, CREATE, { productId, rating, title: 'Nice', body: 'It smells.' })).review

  const isVerified = async (author: User, id: string): Promise<boolean> =>
    (await user(author, author.id, 'reviews { nodes { id isVerifiedPurchase } }')).reviews.nodes.find(
      (review: { id: string }) => review.id === id,
    ).isVerifiedPurchase

  // The rating that a product shows is the mean of its published reviews.
  const ratingIsRight = async (productId = candle) => {
    const [product] = await db.select().from(products).where(eq(products.id, productId))
    const [counted] = await db
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

  test('is nothing that somebody who edits the product has to know of', async () => {
    const { product } = await shop.ask('inventory', keeper, 'query ($id: ID) { product(id: $id) { version } }', {
      id: mug,
    })
    const me = aCustomer()
    const { id } = await write(me, 4, mug)
    await run(me, UPDATE, { id, rating: 1 })
    const EDIT = mutation('productUpdate', 'product { version }')
    expect(await run(keeper, EDIT, { id: mug, brand: 'Tonwerk', expectedVersion: product.version })).toEqual({
      product: { version: product.version + 1 },
      userErrors: [],
    })
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

  test('counts as what it became when two change it at once', async () => {
    const me = aCustomer()
    const { id } = await write(me, 5, mug)
    await meanwhile(
      db,
      (tx) => moderateReview({ ...ownContext(), viewer: keeper, db: tx }, { id, status: 'REJECTED' }),
      () => [run(me, UPDATE, { id, rating: 1 })],
    )
    await ratingIsRight(mug)
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
    const { id, isVerifiedPurchase } = await write(me, 5, mug)
    expect(isVerifiedPurchase).toBe(false)
    await deliver(me, mug, mugVariant)
    expect(await isVerified(me, id)).toBe(true)
  })

  test('that is written while the delivery is noted is of a verified purchase once both are', async () => {
    const me = aCustomer()
    const [{ id }] = await meanwhile(
      db,
      // Neither sees what the other has written yet: the review waits for its product's rating, the delivery is done.
      (tx) => tx.select().from(products).where(eq(products.id, mug)).for('no key update'),
      () => [write(me, 5, mug)],
      () => deliver(me, mug, mugVariant),
    )
    expect(await isVerified(me, id)).toBe(true)
  })
})
