import { afterAll, expect, test } from 'vitest'
import { demoId, uuidv7 } from '#platform/ids.ts'
import { anonymous } from '#platform/viewer.ts'
import { aCustomer, aGuest, aService, staffWith } from '../../tests/setup/viewers.ts'
import { abandonCarts } from './carts.ts'
import { MUG, TEE, openShop } from './shopping.fixture.ts'

const { shop, mutate, create, withLines } = await openShop('cart', 'inventory')
afterAll(() => shop[Symbol.asyncDispose]())

const DAY_MS = 86_400_000
const start = new Date('2026-03-01T00:00:00Z')
const day = (days: number) => new Date(start.getTime() + days * DAY_MS)
const asked = `query ($r: [_Any!]!) { _entities(representations: $r) {
  ... on AdminDashboard { carts { active abandoned abandonedValue { amount currencyCode } converted } } } }`
const between = (from: number, to: number) => ({
  r: [{ __typename: 'AdminDashboard', from: day(from).toISOString(), to: day(to).toISOString() }],
})
const stats = async (from: number, to: number) =>
  (await shop.ask('cart', staffWith('admin:read'), asked, between(from, to)))._entities[0].carts

test('carts are counted on the day they were given up or became orders, in use on every day before', async () => {
  shop.clock.now = day(0.5)
  const bought = await withLines(aGuest(), [{ variantId: TEE.id, quantity: 1 }])
  await withLines(aGuest(), [{ variantId: MUG.id, quantity: 2 }])
  await create(aGuest())
  shop.clock.now = day(1.5)
  const orders = aService('orders')
  const hold = { cartId: bought.id, checkoutId: uuidv7(), attempt: 1, idempotencyKey: uuidv7() }
  await mutate(orders, 'cartFreeze', hold)
  const order = { cartId: bought.id, checkoutId: hold.checkoutId, orderId: demoId('order'), idempotencyKey: uuidv7() }
  await mutate(orders, 'cartConvert', order)
  await withLines(aGuest(), [{ variantId: TEE.id, quantity: 1 }])
  shop.clock.now = day(31)
  await abandonCarts(shop.part('cart').ownContext())

  const nothing = { amount: '0.00', currencyCode: 'EUR' }
  expect(await stats(-1, 0)).toEqual({ active: 0, abandoned: 0, abandonedValue: nothing, converted: 0 })
  expect(await stats(0, 1)).toEqual({ active: 3, abandoned: 0, abandonedValue: nothing, converted: 0 })
  expect(await stats(1, 2)).toEqual({ active: 3, abandoned: 0, abandonedValue: nothing, converted: 1 })
  const abandonedValue = { amount: '29.00', currencyCode: 'EUR' }
  expect(await stats(2, 32)).toEqual({ active: 1, abandoned: 2, abandonedValue, converted: 0 })
  expect(await stats(0, 32)).toEqual({ active: 1, abandoned: 2, abandonedValue, converted: 1 })
})

test('the figures are for staff who may see them, and one statement', async () => {
  for (const [viewer, code] of [
    [anonymous, 'UNAUTHENTICATED'],
    [aCustomer(), 'FORBIDDEN'],
    [staffWith('promotions:manage'), 'FORBIDDEN'],
  ] as const) {
    const { data, errors } = await shop.answer('cart', viewer, asked, between(0, 1))
    expect(data?._entities[0].carts).toBeNull()
    expect(errors?.[0]?.extensions.code).toBe(code)
  }
  expect(await shop.statements(() => stats(0, 1))).toHaveLength(1)
})
