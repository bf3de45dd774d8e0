import { afterEach, describe, expect, test } from 'vitest'
import { uuidv7 } from '#platform/ids.ts'
import { until } from '../../tests/setup/until.ts'
import { aGuest } from '../../tests/setup/viewers.ts'
import { BOUGHT, codes, MUG, NOTHING, SECURE } from './buying.fixture.ts'
import { holdAtFailpoints } from './failpoint.ts'
import { expireCheckouts, recoverCheckouts, resumeCheckout } from './recovery.ts'
import { shopForTests } from './shop.fixture.ts'

const MINUTE_MS = 60_000

const { shop, at } = await shopForTests()
afterEach(async () => {
  shop.clock.now = null
  holdAtFailpoints(async () => {})
  expect(await at.broken()).toEqual([])
})

const own = () => shop.part('orders').ownContext()
const waiting = async () => {
  const purchase = await at.checkoutOf(aGuest(), [[MUG, 1]], SECURE)
  const answer = await at.complete(purchase.buyer, purchase.input)
  expect(answer).toMatchObject({ checkout: { status: 'AWAITING_PAYMENT_ACTION' }, order: null, userErrors: [] })
  return { ...purchase, checkoutId: purchase.input.checkoutId }
}
const decide = ({ buyer, checkoutId }: Awaited<ReturnType<typeof waiting>>, result: 'approve' | 'decline') =>
  at.decide(buyer, checkoutId, result)

describe('a card whose bank asks the buyer', () => {
  test('holds everything without a lease, and is one attempt as long as it waits', async () => {
    const { buyer, input, checkoutId } = await waiting()
    expect(await at.heldFor(checkoutId)).toEqual({
      holds: ['HELD'],
      money: ['REQUIRES_ACTION'],
      orders: 0,
      cart: 'FROZEN',
    })
    expect(codes(await at.complete(buyer, { ...input, idempotencyKey: uuidv7() }))).toEqual(['CONFLICT'])
    expect(await at.complete(buyer, input)).toMatchObject({
      isReplay: true,
      checkout: { status: 'AWAITING_PAYMENT_ACTION' },
    })
    shop.clock.now = new Date(Date.now() + MINUTE_MS)
    await recoverCheckouts(own())
    expect(await at.read(buyer, checkoutId)).toMatchObject({ status: 'AWAITING_PAYMENT_ACTION' })
  })

  test('approved, goes on by itself: one order, charged once, however often it is told', async () => {
    const purchase = await waiting()
    await decide(purchase, 'approve')
    await Promise.all([1, 2, 3].map(() => resumeCheckout(own(), purchase.checkoutId)))
    expect(await at.read(purchase.buyer, purchase.checkoutId)).toMatchObject({ status: 'COMPLETED' })
    await resumeCheckout(own(), purchase.checkoutId)
    expect(await at.heldFor(purchase.checkoutId)).toEqual(BOUGHT)
    expect(await at.chargedFor(purchase.checkoutId)).toMatchObject({ authorizations: 1 })
    expect(await at.complete(purchase.buyer, purchase.input)).toMatchObject({ isReplay: true, userErrors: [] })
  })

  test('declined, is undone, and the same checkout succeeds with another card', async () => {
    const purchase = await waiting()
    await decide(purchase, 'decline')
    await resumeCheckout(own(), purchase.checkoutId)
    const { buyer, input, checkoutId } = purchase
    expect(await at.read(buyer, checkoutId)).toMatchObject({ status: 'OPEN', failure: { code: 'PAYMENT_DECLINED' } })
    expect(await at.heldFor(checkoutId)).toEqual(NOTHING)
    const again = { ...input, paymentToken: await at.token(), idempotencyKey: uuidv7() }
    expect(await at.complete(buyer, again)).toMatchObject({ checkout: { status: 'COMPLETED' } })
  })

  test('is not waited for when the news comes just before the waiting', async () => {
    const purchase = await waiting()
    // As it stands in a process that has yet to ask the bank.
    await at.sql(
      `update orders.checkouts set status = 'PROCESSING', action_until = null, lease_until = now() where id = $1`,
      purchase.checkoutId,
    )
    const ctx = own()
    const call: typeof ctx.call = async (operation, variables) => {
      const answer = await ctx.call(operation, variables)
      if (operation.document.includes('stockReservationExtend')) {
        await decide(purchase, 'approve')
        await resumeCheckout(own(), purchase.checkoutId)
      }
      return answer
    }
    await recoverCheckouts({ ...ctx, call })
    expect(await at.read(purchase.buyer, purchase.checkoutId)).toMatchObject({ status: 'COMPLETED' })
  })

  test('never answered, is undone when the time is up; what the buyer decides later takes nothing', async () => {
    const purchase = await waiting()
    shop.clock.now = new Date(Date.now() + 14 * MINUTE_MS)
    await expireCheckouts(own())
    expect(await at.read(purchase.buyer, purchase.checkoutId)).toMatchObject({ status: 'AWAITING_PAYMENT_ACTION' })
    shop.clock.now = new Date(Date.now() + 16 * MINUTE_MS)
    await expireCheckouts(own())
    await recoverCheckouts(own())
    expect(await at.read(purchase.buyer, purchase.checkoutId)).toMatchObject({
      status: 'OPEN',
      failure: { code: 'PAYMENT_DECLINED', isRetryable: true },
    })
    expect(await at.heldFor(purchase.checkoutId)).toEqual(NOTHING)
    await resumeCheckout(own(), purchase.checkoutId)
    expect(await at.chargedFor(purchase.checkoutId)).toMatchObject({ captured: 0 })
  })

  test('approved in the last moment, is not undone by the time being up', async () => {
    const purchase = await waiting()
    await decide(purchase, 'approve')
    shop.clock.now = new Date(Date.now() + 16 * MINUTE_MS)
    await expireCheckouts(own())
    await recoverCheckouts(own())
    expect(await at.read(purchase.buyer, purchase.checkoutId)).toMatchObject({ status: 'COMPLETED' })
    expect(await at.heldFor(purchase.checkoutId)).toEqual(BOUGHT)
  })

  test('called off just before it waits, does not wait', async () => {
    const { buyer, input } = await at.checkoutOf(aGuest(), [[MUG, 1]], SECURE)
    let cancelled: Promise<unknown> | undefined
    holdAtFailpoints(async (point, id) => {
      if (point !== 'AUTHORIZE_PAYMENT:effect' || cancelled) return
      cancelled = at.cancel(buyer, id)
      const asked = 'select 1 from orders.checkouts where id = $1 and cancel_requested'
      await until(async () => (await at.sql(asked, id)).length > 0)
    })
    await at.complete(buyer, input)
    expect(await cancelled).toMatchObject({ checkout: { status: 'CANCELLED' }, userErrors: [] })
    expect(await at.heldFor(input.checkoutId)).toEqual(NOTHING)
  })

  test('called off, lets go of everything at once', async () => {
    const { buyer, checkoutId } = await waiting()
    expect(await at.cancel(buyer, checkoutId)).toMatchObject({ checkout: { status: 'CANCELLED' }, userErrors: [] })
    expect(await at.heldFor(checkoutId)).toEqual(NOTHING)
  })
})

test('the bank’s news reaches the checkout by itself', async () => {
  await shop.work()
  const purchase = await waiting()
  await decide(purchase, 'approve')
  const { id: paymentId } = await at.paymentOf(purchase.buyer, purchase.checkoutId)
  await at.mutate('payments', purchase.buyer, 'paymentActionConfirm', { paymentId }, 'userErrors { code }')
  await until(async () => (await at.read(purchase.buyer, purchase.checkoutId)).status === 'COMPLETED')
  expect(await at.heldFor(purchase.checkoutId)).toEqual(BOUGHT)
})
