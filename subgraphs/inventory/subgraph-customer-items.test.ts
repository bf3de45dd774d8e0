import { eq } from 'drizzle-orm'
import { afterAll, describe, expect, test } from 'vitest'
import { demoId, uuidv7 } from '#platform/ids.ts'
import type { User, Viewer } from '#platform/viewer.ts'
import { aCustomer, aGuest } from '../../tests/setup/viewers.ts'
import { OrderDelivered } from '../orders/events.ts'
import { products } from './tables.ts'
import { keeper, mutation, openShop } from './test-customers.ts'

const { shop, db, run, user, hear, deliver, claim } = await openShop()
afterAll(async () => {
  await shop[Symbol.asyncDispose]()
})

const tee = demoId('product/linen-tee')
const mug = demoId('product/stoneware-mug')
const teeVariant = demoId('variant/TEE-LINEN-BLU-M')
const mugVariant = demoId('variant/MUG-STONE-GRY')

describe('what somebody owns', () => {
  const ASSIGN = mutation('productCustomerAssign', 'product { id }')
  const UNASSIGN = mutation('productCustomerUnassign', 'product { id }')
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
    const orderId = uuidv7()
    const line = { orderLineId: uuidv7(), variantId: mugVariant, productId: mug, title: 'Mug', sku: 'MUG', quantity: 2 }
    for (let times = 0; times < 2; times += 1) await hear(OrderDelivered, me, { lines: [line] }, orderId)
    expect(await items(me, me.id)).toMatchObject({
      nodes: [{ product: { id: mug }, variant: { id: mugVariant }, order: { id: orderId } }],
      totalCount: 1,
    })
  })

  describe('of what was delivered to a guest', () => {
    const owned = async (viewer: User): Promise<number> => (await items(viewer, viewer.id)).totalCount
    const review = (viewer: User) =>
      run(viewer, mutation('reviewCreate', 'review { isVerifiedPurchase }'), { productId: mug, rating: 4 })

    test('is the account’s once the guest has signed in, and what it says of it is of a verified purchase', async () => {
      const [guest, me] = [aGuest(), aCustomer()]
      const line = await deliver(guest, mug, mugVariant)
      expect(await owned(me)).toBe(0)
      for (let times = 0; times < 2; times += 1) await claim(guest.id, me.id)
      await deliver(guest, mug, mugVariant, line)
      expect(await owned(me)).toBe(1)
      expect((await review(me)).review.isVerifiedPurchase).toBe(true)
    })

    test('is the account’s when the guest had signed in before', async () => {
      const [guest, me] = [aGuest(), aCustomer()]
      await claim(guest.id, me.id)
      const line = await deliver(guest, mug, mugVariant)
      await deliver(me, mug, mugVariant, line)
      expect(await owned(me)).toBe(1)
      expect((await review(me)).review.isVerifiedPurchase).toBe(true)
    })

    test('is the account’s when both are told of at once', async () => {
      for (let times = 0; times < 20; times += 1) {
        const [guest, me] = [aGuest(), aCustomer()]
        await Promise.all([deliver(guest, mug, mugVariant), claim(guest.id, me.id), deliver(guest, mug, mugVariant)])
        expect(await owned(me)).toBe(2)
      }
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
    const [product] = await db.select().from(products).where(eq(products.id, mug))
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
