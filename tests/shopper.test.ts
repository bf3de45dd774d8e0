// What a shopper keeps in the shop, through the router: opinions, wishes, things they own, cards and past orders.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { demoId } from '#platform/ids.ts'
import { until } from './setup/until.ts'
import { APPROVED, goods, tokenOf } from './system/buying.ts'
import { Visitor } from './system/client.ts'
import { guestAt, signedIn } from './system/people.ts'
import { OPENING_MS, oneProcess, type Shop } from './system/topology.ts'

let shop: Shop
let router: string
let nobody: Visitor
let alice: Visitor
let bob: Visitor
let admin: Visitor
/** What Alice received: its product is hers to review as a buyer. */
let owned: { id: string; product: { id: string; name: string; brand: string | null } }
beforeAll(async () => {
  shop = await oneProcess()
  router = shop.routers[0]!
  nobody = new Visitor(router)
  alice = await signedIn(router, 'alice')
  bob = await signedIn(router, 'bob')
  admin = await signedIn(router, 'admin')
  owned = (await itemsOf(alice))[0]
}, OPENING_MS)
afterAll(() => shop?.[Symbol.asyncDispose]())

async function itemsOf(visitor: Visitor, filter: Record<string, unknown> = {}) {
  const document = `query ($query: String, $brand: String, $categoryId: ID) {
    viewer { items(query: $query, brand: $brand, categoryId: $categoryId) {
      nodes { id serialNumber product { id name brand } order { number } } } } }`
  return (await visitor.query(document, filter)).viewer.items.nodes
}

const ratingOf = async (id: string) =>
  (await nobody.query('query ($id: ID!) { product(id: $id) { rating { average count } } }', { id })).product.rating

describe('a review', () => {
  const VERDICT = 'review { id status isVerifiedPurchase } product { rating { count } }'
  let productId: string
  let reviewId: string

  beforeAll(async () => {
    // Something that nobody has reviewed.
    const { products } = await nobody.query('{ products(first: 100) { nodes { id rating { count } } } }')
    productId = products.nodes.find(({ rating }: { rating: { count: number } }) => rating.count === 0).id
  })

  test('needs an account', async () => {
    const guest = await guestAt(router)
    const text = 'mutation ($input: ReviewCreateInput!) { reviewCreate(input: $input) { review { id } } }'
    const { errors } = await guest.send(text, { input: { productId, rating: 5 } })
    expect(errors).toMatchObject([{ extensions: { code: 'UNAUTHENTICATED' } }])
  })

  test('is written once by each, and counts at once', async () => {
    const made = await bob.change('reviewCreate', { productId, rating: 2, title: 'Hm', body: '<b>no</b>' }, VERDICT)
    expect(made).toMatchObject({ errors: [], review: { isVerifiedPurchase: false } })
    reviewId = made.review.id
    expect((await bob.change('reviewCreate', { productId, rating: 5 }, VERDICT)).errors).toEqual([
      expect.stringMatching(/^CONFLICT/),
    ])
    expect((await bob.change('reviewCreate', { productId, rating: 6 }, VERDICT)).errors).toEqual([
      'INVALID input.rating',
    ])
    expect(await ratingOf(productId)).toEqual({ average: 2, count: 1 })
    await alice.change('reviewCreate', { productId, rating: 4 }, VERDICT)
    expect(await ratingOf(productId)).toEqual({ average: 3, count: 2 })
  })

  test('of a delivered purchase says so', async () => {
    const { viewer } = await alice.query('{ viewer { reviews(first: 100) { nodes { id product { id } } } } }')
    const { id } = viewer.reviews.nodes.find(({ product }: typeof owned) => product.id === owned.product.id)
    expect((await alice.change('reviewDelete', { id }, 'deletedId')).errors).toEqual([])
    const again = await alice.change('reviewCreate', { productId: owned.product.id, rating: 5 }, VERDICT)
    expect(again).toMatchObject({ errors: [], review: { isVerifiedPurchase: true } })
  })

  test('is its author’s to change, and staff’s to hide', async () => {
    const change = { id: reviewId, rating: 3 }
    expect((await alice.change('reviewUpdate', change, 'review { id }')).errors).toEqual(['NOT_FOUND input.id'])
    expect((await bob.change('reviewUpdate', change, 'review { rating }')).errors).toEqual([])
    expect(await ratingOf(productId)).toEqual({ average: 3.5, count: 2 })
    const hidden = await admin.change('reviewModerate', { id: reviewId, status: 'REJECTED' }, 'review { status }')
    expect(hidden).toEqual({ review: { status: 'REJECTED' }, errors: [] })
    expect(await ratingOf(productId)).toEqual({ average: 4, count: 1 })
    expect(await bob.change('reviewDelete', { id: reviewId }, 'deletedId')).toEqual({ deletedId: reviewId, errors: [] })
  })
})

describe('a wish', () => {
  const mine = async (visitor: Visitor) =>
    (await visitor.query('{ viewer { wishlist { nodes { product { id isInWishlist } } } } }')).viewer.wishlist.nodes

  test('is kept once, and goes', async () => {
    const { variantId } = (await goods(nobody))[0]!
    const { productVariant } = await nobody.query('query ($id: ID!) { productVariant(id: $id) { product { id } } }', {
      id: variantId,
    })
    const productId: string = productVariant.product.id
    const before = (await mine(bob)).length
    const add = () => bob.change('wishlistItemAdd', { productId, variantId }, 'wishlistItem { id }')
    const first = await add()
    expect(first.errors).toEqual([])
    expect(await add()).toEqual(first)
    expect(await mine(bob)).toHaveLength(before + 1)
    expect(await mine(bob)).toContainEqual({ product: { id: productId, isInWishlist: true } })
    expect((await bob.change('wishlistItemRemove', { productId }, 'deletedId')).errors).toEqual([])
    expect(await mine(bob)).toHaveLength(before)
    expect((await bob.change('wishlistItemRemove', { productId: 'nope' }, 'deletedId')).errors).toEqual([
      'NOT_FOUND input.productId',
    ])
  })
})

describe('things somebody owns', () => {
  test('are found by name and brand, with the order they came from', async () => {
    expect(owned).toMatchObject({ order: { number: '10001' } })
    const word = owned.product.name.split(' ').at(-1)!
    const names = (items: { product: { name: string } }[]) => items.map(({ product }) => product.name)
    expect(names(await itemsOf(alice, { query: word }))).toContain(owned.product.name)
    expect(await itemsOf(alice, { query: 'no such thing' })).toEqual([])
    expect(names(await itemsOf(alice, { brand: owned.product.brand }))).toContain(owned.product.name)
  })

  test('are seen by their owner alone', async () => {
    const document = 'query ($id: ID!) { customerItem(id: $id) { id product { name } } }'
    expect((await alice.query(document, { id: owned.id })).customerItem).toMatchObject({ id: owned.id })
    expect((await bob.query(document, { id: owned.id })).customerItem).toBeNull()
  })

  test('are also what staff assign', async () => {
    const assignment = { productId: owned.product.id, customerId: demoId('user/bob'), serialNumber: 'SN-1' }
    const assign = () => admin.change('productCustomerAssign', assignment, 'product { id }')
    expect((await assign()).errors).toEqual([])
    expect((await assign()).errors).toEqual([])
    expect(await itemsOf(bob)).toMatchObject([{ serialNumber: 'SN-1', product: { id: owned.product.id }, order: null }])
    const { product } = await admin.query(
      'query ($id: ID!) { product(id: $id) { assignedCustomers { nodes { id displayName } } } }',
      { id: owned.product.id },
    )
    expect(product.assignedCustomers.nodes).toContainEqual({
      id: demoId('user/bob'),
      displayName: expect.stringMatching(/^Bob/),
    })
    const { serialNumber: _, ...who } = assignment
    expect((await admin.change('productCustomerUnassign', who, 'product { id }')).errors).toEqual([])
    expect(await itemsOf(bob)).toEqual([])
  })
})

describe('a saved card', () => {
  const cards = async () =>
    (await bob.query('{ viewer { paymentMethods { id brand last4 isDefault } } }')).viewer.paymentMethods

  test('is added by its token, made the usual one, and deleted by its owner alone', async () => {
    const add = async (number: string) =>
      (await bob.change('paymentMethodAdd', { token: await tokenOf(bob, number) }, 'paymentMethod { id last4 }'))
        .paymentMethod
    const before = await cards()
    const first = await add(APPROVED)
    const second = await add('4000000000009995')
    expect(second).toMatchObject({ last4: '9995' })
    expect(await cards()).toHaveLength(before.length + 2)
    const usual = await bob.change('paymentMethodSetDefault', { id: second.id }, 'paymentMethod { isDefault }')
    expect(usual).toEqual({ paymentMethod: { isDefault: true }, errors: [] })
    expect((await cards()).filter(({ isDefault }: { isDefault: boolean }) => isDefault)).toMatchObject([
      { id: second.id },
    ])
    expect((await alice.change('paymentMethodDelete', { id: first.id }, 'deletedId')).errors).toEqual([
      'NOT_FOUND input.id',
    ])
    expect((await bob.change('paymentMethodDelete', { id: first.id }, 'deletedId')).errors).toEqual([])
    await bob.change('paymentMethodDelete', { id: second.id }, 'deletedId')
    await until(async () => (await cards()).length === before.length)
  })
})
