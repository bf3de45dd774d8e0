import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { uuidv7 } from '#platform/ids.ts'
import { expireReservations } from './reservations.ts'
import { stockProblems } from './stock-problems.ts'
import { COMMIT, EXTEND, openWarehouse } from './test-warehouse.ts'

const { shop, db, ownContext, run, stockOf, reserve, aVariant } = await openWarehouse()
afterAll(async () => {
  await shop[Symbol.asyncDispose]()
})
afterEach(async () => {
  shop.clock.now = null
  expect(await stockProblems(db)).toEqual([])
})

describe('the sweeper', () => {
  test('takes back what was held too long, once, and leaves the rest', async () => {
    const shirt = await aVariant()
    const longer = uuidv7()
    await reserve([[shirt, 2]], { ttlSeconds: 60 })
    await reserve([[shirt, 3]], { checkoutId: longer, ttlSeconds: 60 })
    expect(await run(EXTEND, { checkoutId: longer, ttlSeconds: 600 })).toMatchObject({ userErrors: [] })
    shop.clock.now = new Date(Date.now() + 61_000)
    const ctx = ownContext()
    await Promise.all([expireReservations(ctx), expireReservations(ctx), expireReservations(ctx)])
    expect(await stockOf(shirt)).toEqual({ onHand: 10, reserved: 3, committed: 0, available: 7 })
  })

  test('leaves nothing to extend', async () => {
    const shirt = await aVariant()
    const checkoutId = uuidv7()
    await reserve([[shirt, 2]], { checkoutId, ttlSeconds: 60 })
    shop.clock.now = new Date(Date.now() + 61_000)
    await expireReservations(ownContext())
    const { userErrors } = await run(EXTEND, { checkoutId, ttlSeconds: 600 })
    expect(userErrors).toMatchObject([{ code: 'STATE_TRANSITION', fromState: 'EXPIRED' }])
  })

  test('and a sale at the same moment: one of them wins', async () => {
    const shirt = await aVariant(20)
    const checkouts = Array.from({ length: 10 }, () => uuidv7())
    for (const checkoutId of checkouts) await reserve([[shirt, 1]], { checkoutId, ttlSeconds: 60 })
    shop.clock.now = new Date(Date.now() + 61_000)
    const ctx = ownContext()
    await Promise.all([
      expireReservations(ctx),
      ...checkouts.map((checkoutId) => run(COMMIT, { checkoutId, orderId: uuidv7() })),
    ])
    expect(await stockOf(shirt)).toEqual({ onHand: 20, reserved: 0, committed: 10, available: 10 })
  })
})
