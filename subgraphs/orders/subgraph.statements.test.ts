import { expect, test } from 'vitest'
import { aGuest } from '../../tests/setup/viewers.ts'
import { BAG, DECLINED, MUG } from './buying.fixture.ts'
import { shopForTests } from './shop.fixture.ts'

const { shop, at } = await shopForTests()

const counted = async (run: () => Promise<unknown>) =>
  Object.fromEntries(Object.entries(await shop.statementsByPart(run)).map(([part, texts]) => [part, texts.length]))

test('a checkout of two lines makes few statements: one for each of its own transitions', async () => {
  const { buyer, input } = await at.checkoutOf(aGuest(), [
    [MUG, 2],
    [BAG, 1],
  ])
  const mutation = `mutation ($input: CheckoutCompleteInput!) {
    checkoutComplete(input: $input) { checkout { status order { number } } order { id number status } userErrors { code } } }`
  const counts = await counted(async () => {
    const { checkoutComplete } = await shop.ask('orders', buyer, mutation, { input })
    expect(checkoutComplete).toMatchObject({ checkout: { status: 'COMPLETED' }, order: { status: 'CONFIRMED' } })
  })
  // Orders: accepted, then the end of each step with the beginning of the next; promotions have nothing to do. Cart: read
  // and held, closed; priced by one of inventory's, which reserves and sells. Payments: noted, the processor's books, the
  // answer recorded; twice.
  expect(counts).toEqual({ orders: 8, cart: 3, inventory: 3, payments: 6 })
  expect(Object.values(counts).reduce((sum, count) => sum + count)).toBeLessThanOrEqual(20)
})

test('a declined card makes one more for what is given up and one for each step that is undone', async () => {
  const { buyer, input } = await at.checkoutOf(aGuest(), [[MUG, 1]], DECLINED)
  const mutation = `mutation ($input: CheckoutCompleteInput!) {
    checkoutComplete(input: $input) { checkout { status } userErrors { code } } }`
  const counts = await counted(async () => {
    const { checkoutComplete } = await shop.ask('orders', buyer, mutation, { input })
    expect(checkoutComplete).toMatchObject({ checkout: { status: 'OPEN' }, userErrors: [{ code: 'PAYMENT_DECLINED' }] })
  })
  // Accepted, two steps done, given up, two undone, open again.
  expect(counts.orders).toBe(7)
})
