import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { uuidv7 } from '#platform/ids.ts'
import { aCustomer, aGuest } from '../../tests/setup/viewers.ts'
import { codes, kinds, VISA } from './paying.fixture.ts'
import { providerOf } from './provider.ts'
import { askAfterBuyers, resolveMovements } from './recovery.ts'
import { openStripeShop, SECURE } from './stripe-shop.fixture.ts'

let at: Awaited<ReturnType<typeof openStripeShop>>
beforeAll(async () => {
  at = await openStripeShop()
})
afterAll(() => at[Symbol.asyncDispose]())

const POOR = '4000000000009995'
const INTENTS = /^\/v1\/payment_intents$/
const CAPTURE = /\/capture$/
const intentsFor = (amount: number) => [...at.stripe.books.intents.values()].filter((each) => each.amount === amount)

describe('a payment at Stripe', () => {
  test('is an intent that is captured by hand, then refunded', async () => {
    const { buy, amountMinor } = await at.purchase(aCustomer())
    const { payment } = await at.paying.authorize(buy)
    expect(payment.status).toBe('AUTHORIZED')
    expect(await at.intentOf(payment.id)).toMatchObject({
      amount: amountMinor,
      currency: 'eur',
      status: 'requires_capture',
    })
    expect((await at.paying.capture(buy)).payment.status).toBe('CAPTURED')
    expect(await at.intentOf(payment.id)).toMatchObject({ status: 'succeeded', amount_received: amountMinor })
    expect((await at.paying.compensate(buy)).payment.status).toBe('REFUNDED')
    expect(at.stripe.books.refunds.filter(({ amount }) => amount === amountMinor)).toHaveLength(1)
    expect(kinds(await at.paying.transactionsOf(payment.id))).toEqual([
      'AUTHORIZE SUCCEEDED',
      'CAPTURE SUCCEEDED',
      'REFUND SUCCEEDED',
    ])
  })

  test('that is undone is cancelled', async () => {
    const { buy } = await at.purchase(aGuest())
    const { payment } = await at.paying.authorize(buy)
    expect((await at.paying.compensate(buy)).payment.status).toBe('VOIDED')
    expect(await at.intentOf(payment.id)).toMatchObject({ status: 'canceled' })
  })

  test('that Stripe has cancelled by itself counts as released', async () => {
    const { buy } = await at.purchase(aGuest())
    const { payment } = await at.paying.authorize(buy)
    Object.assign(await at.intentOf(payment.id), { status: 'canceled', amount_capturable: 0 })
    expect((await at.paying.compensate(buy)).payment.status).toBe('VOIDED')
  })

  test('of which most is captured by one key has that captured once', async () => {
    const { buy, amountMinor } = await at.purchase(aGuest())
    const intent = await at.intentOf((await at.paying.authorize(buy)).payment.id)
    const payment_method_details = { card: { multicapture: { status: 'available' } } }
    Object.assign(intent.latest_charge!, { payment_method_details })
    const amount = { amountMinor: amountMinor - 1000, currency: 'EUR' }
    const request = { key: uuidv7(), reference: intent.id, amount }
    const answer = await providerOf(at.paying.own()).capture(request)
    expect(answer).toMatchObject({ status: 'SUCCEEDED' })
    // What is left is less now than what is asked for: the request must not look like another.
    expect(await providerOf(at.paying.own()).capture(request)).toEqual(answer)
    expect(intent).toMatchObject({ amount_capturable: 1000, amount_received: amount.amountMinor })
  })

  test('is declined for the reason the bank gives', async () => {
    const { buy } = await at.purchase(aGuest(), POOR)
    expect((await at.paying.authorize(buy)).userErrors).toMatchObject([
      { code: 'PAYMENT_DECLINED', declineCode: 'insufficient_funds', isRetryable: true },
    ])
  })

  test('takes a token once', async () => {
    const ada = aCustomer()
    const { buy } = await at.purchase(ada)
    await at.paying.authorize(buy)
    const { buy: second } = await at.purchase(ada)
    expect(codes(await at.paying.authorize({ ...second, paymentToken: buy.paymentToken! }))).toEqual([
      ['TOKEN_INVALID', 'input.paymentToken'],
    ])
    const { buy: odd } = await at.purchase(ada)
    expect(codes(await at.paying.authorize({ ...odd, paymentToken: 'tok_nonsense' }))).toEqual([
      ['TOKEN_INVALID', 'input.paymentToken'],
    ])
  })

  test('takes a token for 15 minutes, and a known answer for longer', async () => {
    const { buy } = await at.purchase(aGuest())
    const late = await at.paying.later(16, () => at.paying.authorize(buy))
    expect(codes(late)).toEqual([['TOKEN_EXPIRED', 'input.paymentToken']])
    const { buy: unheard, amountMinor } = await at.purchase(aGuest())
    at.stripe.plan(INTENTS, '500', 'hangs', 'hangs')
    await at.paying.authorize(unheard)
    const found = await at.paying.later(16, () => at.paying.authorize(unheard))
    expect(found.payment.status).toBe('AUTHORIZED')
    expect(intentsFor(amountMinor)).toHaveLength(1)
  })

  test('may be made with a saved card, again and again', async () => {
    const ada = aCustomer()
    const shown = 'paymentMethod { id brand last4 expiryMonth }'
    const token = await at.paying.token(VISA)
    const { paymentMethod } = await at.paying.call(ada, 'paymentMethodAdd', { token }, shown)
    expect(paymentMethod).toMatchObject({ brand: 'visa', last4: '4242', expiryMonth: 12 })
    for (let times = 0; times < 2; times++) {
      const { buy } = await at.purchase(ada)
      const saved = { ...buy, paymentToken: undefined, paymentMethodId: paymentMethod.id }
      expect((await at.paying.authorize(saved)).payment.status).toBe('AUTHORIZED')
    }
  })

  test('refuses a card that Stripe does not take, when it is typed in or saved', async () => {
    const card = {
      cardNumber: '4000000000000069',
      expiryMonth: 12,
      expiryYear: new Date().getUTCFullYear() + 1,
      cvc: '123',
    }
    expect(codes(await at.paying.call(aGuest(), 'cardTokenize', { card }, 'token'))).toEqual([
      ['INVALID', 'input.card.cardNumber'],
    ])
    const token = await at.paying.token('4000000000000002')
    expect(
      (await at.paying.call(aCustomer(), 'paymentMethodAdd', { token }, 'paymentMethod { id }')).userErrors,
    ).toMatchObject([{ code: 'PAYMENT_DECLINED', declineCode: 'generic_decline', field: ['input', 'token'] }])
  })
})

describe('an answer of Stripe’s', () => {
  test('that is lost is given again: nothing is reserved twice', async () => {
    const { buy, amountMinor } = await at.purchase(aGuest())
    at.stripe.plan(INTENTS, 'lost')
    expect((await at.paying.authorize(buy)).payment.status).toBe('AUTHORIZED')
    expect(intentsFor(amountMinor)).toHaveLength(1)
    const key = intentsFor(amountMinor)[0]!.metadata.key
    expect(at.stripe.seen.filter((each) => each.key === key).map(({ isReplay }) => isReplay)).toEqual([false, true])
  })

  test('that is an error after the effect is looked up: the same error would be given for ever', async () => {
    const { buy, amountMinor } = await at.purchase(aGuest())
    at.stripe.plan(INTENTS, '500')
    expect((await at.paying.authorize(buy)).payment.status).toBe('AUTHORIZED')
    expect(intentsFor(amountMinor)).toHaveLength(1)
    at.stripe.plan(CAPTURE, '500')
    expect((await at.paying.capture(buy)).payment.status).toBe('CAPTURED')
    at.stripe.plan(/refunds$/, '500')
    expect((await at.paying.compensate(buy)).payment.status).toBe('REFUNDED')
    expect(at.stripe.books.refunds.filter(({ amount }) => amount === amountMinor)).toHaveLength(1)
  })

  test('that never comes leaves it UNKNOWN until the job finds out', async () => {
    const buyer = aGuest()
    const { buy, amountMinor } = await at.purchase(buyer)
    // The request is carried out; the answer, its repetition and the question about it are all without one.
    at.stripe.plan(INTENTS, 'lost', 'hangs', 'hangs', 'hangs')
    expect(codes(await at.paying.authorize(buy))).toEqual([['UPSTREAM_UNAVAILABLE', null]])
    expect(await at.paying.paymentsOf(buyer, buy)).toMatchObject([{ status: 'UNKNOWN' }])
    await at.paying.later(1, () => resolveMovements(at.paying.own()))
    const [payment] = await at.paying.paymentsOf(buyer, buy)
    expect(payment.status).toBe('AUTHORIZED')
    expect(intentsFor(amountMinor)).toHaveLength(1)
    expect(await at.paying.facts(payment.id)).toEqual([
      ['PaymentResolved', { checkoutId: buy.checkoutId, status: 'AUTHORIZED' }],
    ])
  })

  test.each(['409', '429'] as const)('of %s says nothing: the same key goes on', async (status) => {
    const { buy, amountMinor } = await at.purchase(aGuest())
    at.stripe.plan(INTENTS, status, status)
    const first = await at.paying.authorize(buy)
    if (first.userErrors.length > 0) expect(codes(first)).toEqual([['UPSTREAM_UNAVAILABLE', null]])
    expect((await at.paying.authorize(buy)).payment.status).toBe('AUTHORIZED')
    expect(intentsFor(amountMinor)).toHaveLength(1)
  })
})

describe('3-D Secure at Stripe', () => {
  const begun = async () => {
    const buyer = aGuest()
    const { buy } = await at.purchase(buyer, SECURE)
    const { payment } = await at.paying.authorize(buy)
    return { buy, buyer, id: payment.id as string, intent: await at.intentOf(payment.id) }
  }
  const statusOf = async ({ buyer, buy }: Pick<Awaited<ReturnType<typeof begun>>, 'buyer' | 'buy'>) =>
    (await at.paying.paymentsOf(buyer, buy))[0].status

  test('sends the buyer to the bank, and goes on with the webhook: once, however it comes', async () => {
    const paid = await begun()
    const query = 'query($id: ID!) { payment(id: $id) { status nextAction { kind url clientSecret } } }'
    expect((await at.shop.ask('payments', paid.buyer, query, { id: paid.id })).payment).toEqual({
      status: 'REQUIRES_ACTION',
      nextAction: { kind: 'REDIRECT', url: 'https://hooks.example/3ds', clientSecret: null },
    })
    // One that tells an earlier state comes after the buyer has approved: what is true is looked up.
    const stale = at.stripe.webhook('payment_intent.requires_action', { ...paid.intent })
    at.stripe.books.confirm(paid.intent.id, true)
    const heard = [stale, event(paid.intent), event(paid.intent)]
    for (const response of await Promise.all(heard.map(at.hear))) expect(response.status).toBe(200)
    expect(await statusOf(paid)).toBe('AUTHORIZED')
    expect((await at.paying.capture(paid.buy)).payment.status).toBe('CAPTURED')
    // A late one changes nothing any more.
    expect((await at.hear(event({ ...paid.intent, status: 'requires_capture' }))).status).toBe(200)
    expect(await statusOf(paid)).toBe('CAPTURED')
    expect(await at.paying.facts(paid.id)).toEqual([
      ['PaymentResolved', { checkoutId: paid.buy.checkoutId, status: 'AUTHORIZED' }],
    ])
  })

  test('is declined when the buyer fails there', async () => {
    const paid = await begun()
    at.stripe.books.confirm(paid.intent.id, false)
    await at.hear(at.stripe.webhook('payment_intent.payment_failed', paid.intent))
    expect(await statusOf(paid)).toBe('DECLINED')
  })

  test('is found out without a webhook', async () => {
    const paid = await begun()
    at.stripe.books.confirm(paid.intent.id, true)
    await askAfterBuyers(at.paying.own())
    expect(await statusOf(paid)).toBe('AUTHORIZED')
  })

  test('that is undone is cancelled there', async () => {
    const paid = await begun()
    expect((await at.paying.compensate(paid.buy)).payment.status).toBe('FAILED')
    expect(paid.intent.status).toBe('canceled')
  })

  test('that the bank decides on just when it is undone is not taken for cancelled', async () => {
    const paid = await begun()
    const amount = { amountMinor: paid.intent.amount, currency: 'EUR' }
    const request = { key: uuidv7(), reference: paid.intent.id, amount }
    paid.intent.status = 'processing'
    expect(await providerOf(at.paying.own()).void(request)).toMatchObject({ status: 'FAILED' })
    expect(codes(await at.paying.compensate(paid.buy))).toEqual([['UPSTREAM_UNAVAILABLE', null]])
    at.stripe.books.confirm(paid.intent.id, true)
    expect((await at.paying.compensate(paid.buy)).payment.status).toBe('VOIDED')
    expect(paid.intent.status).toBe('canceled')
  })

  test('has a webhook sent again while Stripe cannot be asked', async () => {
    const paid = await begun()
    at.stripe.books.confirm(paid.intent.id, true)
    at.stripe.plan(new RegExp(`${paid.intent.id}$`), 'hangs', 'hangs')
    expect((await at.hear(event(paid.intent))).status).toBe(503)
    expect((await at.hear(event(paid.intent))).status).toBe(200)
    expect(await statusOf(paid)).toBe('AUTHORIZED')
  })

  const event = (intent: object) => at.stripe.webhook('payment_intent.amount_capturable_updated', { ...intent })
})
