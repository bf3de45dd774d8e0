import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { demoId, uuidv7 } from '#platform/ids.ts'
import { anonymous } from '#platform/viewer.ts'
import { openParts, type Parts } from '../../tests/setup/parts.ts'
import { aCustomer, aGuest } from '../../tests/setup/viewers.ts'
import { notePurchases } from './reviews.ts'
import { seed } from './seed.ts'

let shop: Parts
beforeAll(async () => {
  shop = await openParts(['inventory'])
  await seed(shop.part('inventory').ownContext())
})
afterAll(async () => {
  await shop[Symbol.asyncDispose]()
})

const ask = (query: string, variables?: Record<string, unknown>) => shop.ask('inventory', anonymous, query, variables)
const codeOf = async (query: string, variables?: Record<string, unknown>) =>
  (await shop.answer('inventory', anonymous, query, variables)).errors?.[0]?.extensions?.code

describe('a review', () => {
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
    const lines = [{ orderLineId: uuidv7(), variantId: uuidv7(), productId, title: 'Candle', sku: 'CAN', quantity: 1 }]
    const delivered = { owner: { kind: 'user' as const, id: author.id }, data: { lines } }
    await notePurchases(shop.part('inventory').ownContext(), delivered)
    await notePurchases(shop.part('inventory').ownContext(), delivered)
    expect(await write(author, { productId, rating: 5 })).toMatchObject({ review: { isVerifiedPurchase: true } })
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
