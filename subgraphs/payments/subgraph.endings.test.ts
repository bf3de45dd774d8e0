import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { aGuest } from '../../tests/setup/viewers.ts'
import { codes } from './paying.fixture.ts'
import { askAfterBuyers } from './recovery.ts'
import { openStripeShop, SECURE } from './stripe-shop.fixture.ts'

let at: Awaited<ReturnType<typeof openStripeShop>>
beforeAll(async () => {
  at = await openStripeShop()
})
afterAll(() => at[Symbol.asyncDispose]())

const CANCEL = /\/cancel$/
const begun = async () => {
  const buyer = aGuest()
  const { buy } = await at.purchase(buyer, SECURE)
  const { payment } = await at.paying.authorize(buy)
  const intent = await at.intentOf(payment.id)
  const statusNow = async () => (await at.paying.paymentsOf(buyer, buy))[0].status as string
  return { buy, buyer, id: payment.id as string, intent, statusNow }
}
const cancels = ({ id }: { id: string }) =>
  at.stripe.seen.filter(({ path }) => path === `POST /v1/payment_intents/${id}/cancel`)

describe('an intent that a buyer could not confirm', () => {
  test('is cancelled at Stripe before it counts as declined: nobody pays with it later', async () => {
    const { intent, statusNow, buy } = await begun()
    at.stripe.books.confirm(intent.id, false)
    await at.hear(at.stripe.webhook('payment_intent.payment_failed', { ...intent }))
    expect(await statusNow()).toBe('DECLINED')
    expect(intent).toMatchObject({ status: 'canceled', cancellation_reason: 'abandoned' })
    expect(codes(await at.paying.compensate(buy))).toEqual([])
    expect(cancels(intent)).toHaveLength(1)
  })

  test('is cancelled by the undoing of its attempt that is the first to hear of it', async () => {
    const { intent, statusNow, buy } = await begun()
    at.stripe.books.confirm(intent.id, false)
    expect(codes(await at.paying.compensate(buy))).toEqual([])
    expect(codes(await at.paying.compensate(buy))).toEqual([])
    expect(await statusNow()).toBe('DECLINED')
    expect(intent).toMatchObject({ status: 'canceled', cancellation_reason: 'abandoned' })
    expect(cancels(intent)).toHaveLength(1)
  })

  test('waits on while Stripe does not say that it is cancelled', async () => {
    const { intent, statusNow } = await begun()
    at.stripe.books.confirm(intent.id, false)
    at.stripe.plan(CANCEL, 'hangs', 'hangs')
    expect((await at.hear(at.stripe.webhook('payment_intent.payment_failed', { ...intent }))).status).toBe(503)
    expect(await statusNow()).toBe('REQUIRES_ACTION')
    await at.paying.later(1, () => askAfterBuyers(at.paying.own()))
    expect(await statusNow()).toBe('DECLINED')
    expect(intent.status).toBe('canceled')
  })

  test('counts as declined when Stripe cancelled it and the answer was lost', async () => {
    const { intent, statusNow, buy } = await begun()
    at.stripe.books.confirm(intent.id, false)
    at.stripe.plan(CANCEL, '500', '500')
    expect((await at.hear(at.stripe.webhook('payment_intent.payment_failed', { ...intent }))).status).toBe(503)
    expect(intent.status).toBe('canceled')
    expect(codes(await at.paying.compensate(buy))).toEqual([])
    expect(await statusNow()).toBe('DECLINED')
  })

  test('that the buyer pays with another card just then is taken as paid, and released by the undoing', async () => {
    const { intent, statusNow, buy } = await begun()
    at.stripe.books.confirm(intent.id, false)
    at.stripe.books.confirm(intent.id, true)
    expect(codes(await at.paying.compensate(buy))).toEqual([])
    expect(await statusNow()).toBe('VOIDED')
    expect(intent).toMatchObject({ status: 'canceled', amount_capturable: 0 })
  })
})

describe('an intent that still waits for its buyer', () => {
  test('is cancelled as abandoned when its attempt is undone, however often', async () => {
    const { intent, statusNow, buy } = await begun()
    expect(codes(await at.paying.compensate(buy))).toEqual([])
    expect(codes(await at.paying.compensate(buy))).toEqual([])
    expect(await statusNow()).toBe('FAILED')
    expect(intent).toMatchObject({ status: 'canceled', cancellation_reason: 'abandoned' })
    expect(cancels(intent)).toHaveLength(1)
  })

  test('is cancelled by the next try when Stripe failed: it is not asked for the same error again', async () => {
    const { intent, statusNow, buy } = await begun()
    at.stripe.plan(CANCEL, 'fails', 'fails')
    expect(codes(await at.paying.compensate(buy))).toEqual([['UPSTREAM_UNAVAILABLE', null]])
    expect(codes(await at.paying.compensate(buy))).toEqual([])
    expect(await statusNow()).toBe('FAILED')
    expect(intent.status).toBe('canceled')
  })

  test('waits on when Stripe refuses to cancel it: the bank may be about to decide', async () => {
    const { intent, statusNow, buy } = await begun()
    at.stripe.plan(CANCEL, 'refuses')
    expect(codes(await at.paying.compensate(buy))).toEqual([['UPSTREAM_UNAVAILABLE', null]])
    expect(await statusNow()).toBe('REQUIRES_ACTION')
    at.stripe.books.confirm(intent.id, true)
    expect(codes(await at.paying.compensate(buy))).toEqual([])
    expect(await statusNow()).toBe('VOIDED')
    expect(intent).toMatchObject({ status: 'canceled', amount_capturable: 0 })
  })
})

describe('reserved money', () => {
  test('is released by the next try when Stripe failed, for no reason of a buyer’s', async () => {
    const { buy } = await at.purchase(aGuest())
    const { payment } = await at.paying.authorize(buy)
    at.stripe.plan(CANCEL, 'fails', 'fails')
    expect(codes(await at.paying.compensate(buy))).toEqual([['UPSTREAM_UNAVAILABLE', null]])
    expect((await at.paying.compensate(buy)).payment.status).toBe('VOIDED')
    expect(await at.intentOf(payment.id)).toMatchObject({ status: 'canceled', cancellation_reason: null })
  })
})
