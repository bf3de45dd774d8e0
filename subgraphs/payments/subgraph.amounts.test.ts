import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { uuidv7 } from '#platform/ids.ts'
import { aGuest } from '../../tests/setup/viewers.ts'
import { codes, kinds, staff } from './paying.fixture.ts'
import { providerOf } from './provider.ts'
import { reconcile } from './reconciliation.ts'
import { MULTICAPTURE } from './stripe-books.fixture.ts'
import { openStripeShop } from './stripe-shop.fixture.ts'

type At = Awaited<ReturnType<typeof openStripeShop>>
let at: At
beforeAll(async () => {
  at = await openStripeShop()
})
afterAll(() => at[Symbol.asyncDispose]())

const authorize = async ({ paying }: At, amount: string, currencyCode = 'EUR') => {
  const buyer = aGuest()
  const buy = { ...(await paying.purchase(buyer)), amount: { amount, currencyCode } }
  const first = await paying.authorize(buy)
  return { ...first, buy, again: () => paying.authorize(buy), now: () => paying.paymentsOf(buyer, buy) }
}

describe('an amount that Stripe does not charge', () => {
  test.each([
    ['0.49', 'less than the least'],
    ['1000000.00', 'more than the most'],
  ])('%s, %s, is refused for that, again and again, and nothing is reserved', async (amount) => {
    const before = at.stripe.books.intents.size
    const paid = await authorize(at, amount)
    expect(codes(paid)).toEqual([['LIMIT_EXCEEDED', 'input.amount']])
    expect(codes(await paid.again())).toEqual([['LIMIT_EXCEEDED', 'input.amount']])
    expect(await paid.now()).toMatchObject([{ status: 'FAILED' }])
    expect(codes(await at.paying.compensate(paid.buy))).toEqual([])
    expect(at.stripe.books.intents.size).toBe(before)
  })

  test('between two of its tens is refused, not rounded: nobody pays another amount than was agreed', async () => {
    await using kuwait = await openStripeShop({ CURRENCY: 'KWD' })
    const odd = await authorize(kuwait, '5.124', 'KWD')
    expect(codes(odd)).toEqual([['NOT_APPLICABLE', 'input.amount']])
    expect(await odd.now()).toMatchObject([{ status: 'FAILED' }])
    expect(kuwait.stripe.books.intents.size).toBe(0)
    const { payment, buy } = await authorize(kuwait, '5.120', 'KWD')
    expect(await kuwait.intentOf(payment.id)).toMatchObject({ amount: 5_120, currency: 'kwd' })
    await kuwait.paying.capture(buy)
    const refund = (amount: string) =>
      kuwait.paying.call(
        staff,
        'refundCreate',
        { paymentId: payment.id, amount: { amount, currencyCode: 'KWD' }, reason: 'Late', idempotencyKey: uuidv7() },
        'refund { status }',
      )
    expect(codes(await refund('1.001'))).toEqual([['NOT_APPLICABLE', 'input.amount']])
    expect(await refund('1.010')).toMatchObject({ refund: { status: 'SUCCEEDED' } })
  })

  test.each([
    ['JPY', '500', 500],
    ['ISK', '500', 50_000],
    ['MGA', '500.00', 500],
  ])('is told from one in another measure: %s %s', async (currency, amount, units) => {
    await using shop = await openStripeShop({ CURRENCY: currency })
    const { payment, buy } = await authorize(shop, amount, currency)
    expect(await shop.intentOf(payment.id)).toMatchObject({ amount: units })
    expect((await shop.paying.capture(buy)).payment).toMatchObject({ status: 'CAPTURED', captured: { amount } })
    expect(await shop.intentOf(payment.id)).toMatchObject({ amount_received: units })
  })
})

describe('an order that is delivered in parts', () => {
  const begun = async (cardNumber?: string) => {
    const { buy } = await at.purchase(aGuest(), cardNumber)
    const { payment } = await at.paying.authorize(buy)
    const take = (amount: string | null, idempotencyKey: string = uuidv7()) =>
      at.paying.call(staff, 'paymentCapture', {
        paymentId: payment.id,
        ...(amount && { amount: { amount, currencyCode: 'EUR' } }),
        idempotencyKey,
      })
    return { buy, take, id: payment.id as string, intent: await at.intentOf(payment.id) }
  }

  test('is charged part by part where the card’s bank plays along, each part once', async () => {
    const { take, intent, id } = await begun(MULTICAPTURE)
    const first = await take('60.00', 'first')
    expect(first.payment).toMatchObject({ status: 'PARTIALLY_CAPTURED', captured: { amount: '60.00' } })
    expect(await take('60.00', 'first')).toMatchObject({ isReplay: true, payment: { captured: { amount: '60.00' } } })
    expect(intent).toMatchObject({ status: 'requires_capture', amount_received: 6_000 })
    expect((await take('10.00')).payment.captured.amount).toBe('70.00')
    expect((await take(null)).payment.status).toBe('CAPTURED')
    expect(intent).toMatchObject({ status: 'succeeded', amount_received: intent.amount, amount_capturable: 0 })
    expect(kinds(await at.paying.transactionsOf(id)).filter((each) => each === 'CAPTURE SUCCEEDED')).toHaveLength(3)
  })

  test('is charged once for a part whose answer was lost', async () => {
    const { take, intent } = await begun(MULTICAPTURE)
    at.stripe.plan(/\/capture$/, '500', '500')
    expect((await take('60.00', 'lost')).payment.captured.amount).toBe('60.00')
    expect((await take('30.00', 'next')).payment.captured.amount).toBe('90.00')
    expect(intent.amount_received).toBe(9_000)
  })

  test('gives back what was taken and releases the rest when it is called off', async () => {
    const { take, buy, intent } = await begun(MULTICAPTURE)
    await take('60.00')
    expect((await at.paying.compensate(buy)).payment).toMatchObject({
      status: 'REFUNDED',
      refunded: { amount: '60.00' },
    })
    expect(intent.amount_capturable).toBe(0)
    expect((await at.paying.compensate(buy)).userErrors).toEqual([])
  })

  test('is refused a part where the bank does not: Stripe would release the rest for good', async () => {
    const { take, intent, id, buy } = await begun()
    expect(codes(await take('60.00', 'part'))).toEqual([['NOT_APPLICABLE', 'input.amount']])
    expect(codes(await take('60.00', 'part'))).toEqual([['NOT_APPLICABLE', 'input.amount']])
    expect(intent).toMatchObject({ status: 'requires_capture', amount_received: 0, amount_capturable: intent.amount })
    // Nobody is told that the order cannot be paid.
    expect(await at.paying.facts(id)).toEqual([])
    expect((await at.paying.capture(buy)).payment.status).toBe('CAPTURED')
    expect(intent).toMatchObject({ status: 'succeeded', amount_received: intent.amount })
  })

  test('leaves nothing that the two books differ in', async () => {
    const wrong: object[] = []
    const own = at.paying.own()
    const log = Object.assign(Object.create(own.log), { error: (found: object) => wrong.push(found) })
    await at.paying.later(30, () => reconcile({ ...own, log }))
    expect(wrong).toEqual([])
  })

  test('is charged once for a part, and given it back once, by many who ask at once with a key', async () => {
    const { intent } = await begun(MULTICAPTURE)
    const provider = providerOf(at.paying.own())
    const request = () => ({ key: uuidv7(), reference: intent.id, amount: { amountMinor: 2_000, currency: 'EUR' } })
    const [taking, giving] = [request(), request()]
    await Promise.all(Array.from({ length: 4 }, () => provider.capture(taking)))
    expect(intent.amount_received).toBe(2_000)
    await provider.capture({ ...request(), amount: { amountMinor: 4_000, currency: 'EUR' } })
    await Promise.all(Array.from({ length: 3 }, () => provider.refund(giving)))
    expect(at.stripe.books.refunds.filter((each) => each.payment_intent === intent.id)).toHaveLength(1)
  })
})
