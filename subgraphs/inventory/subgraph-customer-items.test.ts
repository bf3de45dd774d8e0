import { eq, sql } from 'drizzle-orm'
import { afterAll, describe, expect, test } from 'vitest'
import type { Db } from '#platform/database.ts'
import { demoId, uuidv7 } from '#platform/ids.ts'
import type { User, Viewer } from '#platform/viewer.ts'
import { aCustomer, aGuest } from '../../tests/setup/viewers.ts'
import { OrderDelivered } from '../orders/events.ts'
import { customerItems } from './customer-tables.ts'
import { claimDelivered, noteDelivered } from './deliveries.ts'
import { meanwhile } from './meanwhile.fixture.ts'
import { products, variants } from './tables.ts'
import { openCatalogue } from './test-catalogue.ts'
import { keeper, mutation, openShop } from './test-customers.ts'

const { shop, db, ownContext, run, user, hear, deliver, claim } = await openShop('users')
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
  const anAccount = async () => {
    const me = aCustomer()
    await shop.part('users').ownContext().db.execute(sql`
      insert into users.users (id, created_at, updated_at, display_name, email, status, roles)
      values (${me.id}, now(), now(), 'Somebody', ${`${me.id}@example.com`}, 'ACTIVE', '{CUSTOMER}')`)
    return me
  }
  const register = async () => {
    const me = await anAccount()
    await assign(me.id, { serialNumber: `SN-${me.id}`, variantId: teeVariant })
    await assign(me.id, { productId: mug })
    return me
  }

  test('is registered by staff, once', async () => {
    const [me, you] = [await anAccount(), await anAccount()]
    await Promise.all([1, 2, 3].map(() => assign(me.id)))
    await assign(me.id, { serialNumber: `A-${me.id}` })
    await assign(me.id, { serialNumber: `A-${me.id}` })
    const { nodes } = await items(me, me.id)
    expect(nodes).toHaveLength(2)
    expect(new Set(nodes.map(({ serialNumber }: { serialNumber: string | null }) => serialNumber))).toEqual(
      new Set([`A-${me.id}`, null]),
    )
    expect(await assign(you.id, { serialNumber: `A-${me.id}` })).toMatchObject({
      userErrors: [{ code: 'CONFLICT', field: ['input', 'serialNumber'] }],
    })
  })

  test.each([
    ['an unknown product', { productId: uuidv7() }, { productId: 'NOT_FOUND' }],
    ['a variant of another', { variantId: mugVariant }, { variantId: 'NOT_FOUND' }],
    ['nobody’s account', { customerId: uuidv7() }, { customerId: 'NOT_FOUND' }],
    ['no id', { customerId: 'x' }, { customerId: 'NOT_FOUND' }],
    [
      'nothing right',
      { productId: 'x', variantId: 'x', customerId: 'x', serialNumber: ' ' },
      { serialNumber: 'INVALID', productId: 'NOT_FOUND', customerId: 'NOT_FOUND', variantId: 'NOT_FOUND' },
    ],
  ])('is not registered of %s', async (_what, more, codes) => {
    const { id } = await anAccount()
    expect(await assign(id, more)).toEqual({
      product: null,
      userErrors: Object.entries(codes).map(([name, code]) => ({ code, field: ['input', name] })),
    })
  })

  test('is not registered while nobody can be asked for the account', async () => {
    const alone = await openCatalogue()
    await using _shop = alone.shop
    const { id: productId } = await alone.aProduct()
    const input = { productId, customerId: uuidv7() }
    const { productCustomerAssign } = await alone.shop.ask('inventory', keeper, ASSIGN, { input })
    expect(productCustomerAssign).toEqual({
      product: null,
      userErrors: [{ code: 'UPSTREAM_UNAVAILABLE', field: null }],
    })
  })

  test('is registered once, and well for all, when several do at the same moment', async () => {
    const { id } = await anAccount()
    for (let round = 0; round < 40; round += 1) {
      const answers = await Promise.all([1, 2, 3, 4].map(() => assign(id, { serialNumber: `${round} ${id}` })))
      expect(answers.flatMap(({ userErrors }) => userErrors)).toEqual([])
    }
  })

  describe('that is registered while somebody else', () => {
    const registered = (userId: string, serialNumber: string) => {
      const at = new Date()
      const item = { userId, productId: tee, serialNumber, acquiredAt: at, createdAt: at, updatedAt: at }
      return (tx: Db) => tx.insert(customerItems).values(item)
    }

    test('registers the same is registered once, and well for both', async () => {
      const { id } = await anAccount()
      const [answer] = await meanwhile(db, registered(id, id), () => [assign(id, { serialNumber: id })])
      expect(answer).toEqual({ product: { id: tee }, userErrors: [] })
    })

    test('registers its serial number for another is a conflict', async () => {
      const [{ id }, other] = [await anAccount(), uuidv7()]
      const [answer] = await meanwhile(db, registered(other, id), () => [assign(id, { serialNumber: id })])
      expect(answer.userErrors).toEqual([{ code: 'CONFLICT', field: ['input', 'serialNumber'] }])
    })

    test('removes the product or the variant finds none then', async () => {
      const { id } = await anAccount()
      const at = new Date()
      const [some] = await db.select().from(products).where(eq(products.id, tee))
      const [sold] = await db.select().from(variants).where(eq(variants.id, teeVariant))
      const { ratingAverage: _generated, ...plain } = some!
      const [productId, variantId] = [uuidv7(), uuidv7()]
      await db.insert(products).values({ ...plain, id: productId, slug: productId, createdAt: at })
      await db.insert(variants).values({ ...sold!, id: variantId, sku: variantId, productId })
      for (const [field, remove] of [
        ['variantId', (tx: Db) => tx.delete(variants).where(eq(variants.id, variantId))],
        ['productId', (tx: Db) => tx.delete(products).where(eq(products.id, productId))],
      ] as const) {
        const more = field === 'variantId' ? { productId, variantId } : { productId }
        const [answer] = await meanwhile<{ userErrors: object[] }>(db, remove, () => [assign(id, more)])
        expect(answer!.userErrors).toEqual([{ code: 'NOT_FOUND', field: ['input', field] }])
      }
    })
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

  test('is noted of every order in the same order, so that no two deliveries wait for each other in a circle', async () => {
    const me = aCustomer()
    const note = (within: { db: Db; now(): Date }, ...productIds: string[]) =>
      noteDelivered(within, {
        owner: me,
        data: {
          lines: productIds.map((productId) => ({
            orderLineId: uuidv7(),
            productId,
            variantId: productId === mug ? mugVariant : teeVariant,
          })),
        },
        entityId: uuidv7(),
        occurredAt: '2030-01-01T00:00:00.000Z',
      })
    const [first, second] = [tee, mug].toSorted()
    let other!: { db: Db; now(): Date }
    await meanwhile(
      db,
      (tx) => note((other = { db: tx, now: () => new Date() }), first!),
      () => [note(ownContext(), second!, first!)],
      // It waits for the first and holds nothing else.
      () => note(other, second!),
    )
    expect((await items(me, me.id)).totalCount).toBe(4)
  })

  describe('of what was delivered to a guest', () => {
    const owned = async (viewer: User): Promise<number> => (await items(viewer, viewer.id)).totalCount
    const review = (viewer: User) =>
      run(viewer, mutation('reviewCreate', 'review { isVerifiedPurchase }'), { productId: mug, rating: 4 })

    test('is the account’s once the guest has signed in, and what it says of it is of a verified purchase', async () => {
      const [guest, me] = [aGuest(), aCustomer()]
      const line = await deliver(guest, mug, mugVariant)
      await deliver(guest, mug, mugVariant, line)
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

    test.each(['claim', 'delivery'])('is the account’s when the %s is being noted as the other comes', async (what) => {
      const [guest, me] = [aGuest(), aCustomer()]
      const lines = [{ orderLineId: uuidv7(), variantId: mugVariant, productId: mug }]
      const delivered = { owner: guest, data: { lines }, entityId: uuidv7(), occurredAt: '2030-01-01T00:00:00.000Z' }
      const claimed = { data: { guestId: guest.id, userId: me.id } }
      const isClaim = what === 'claim'
      await meanwhile(
        db,
        (tx) => {
          const within = { db: tx, now: () => new Date() }
          return isClaim ? claimDelivered(within, claimed) : noteDelivered(within, delivered)
        },
        () => [isClaim ? noteDelivered(ownContext(), delivered) : claimDelivered(ownContext(), claimed)],
      )
      expect(await owned(me)).toBe(1)
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
    const people = [await anAccount(), await anAccount(), await anAccount()]
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
