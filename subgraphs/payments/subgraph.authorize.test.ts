import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { uuidv7 } from '#platform/ids.ts'
import type { User } from '#platform/viewer.ts'
import { openParts, type Parts } from '../../tests/setup/parts.ts'
import { aCustomer, aGuest, aService } from '../../tests/setup/viewers.ts'
import { codes, kinds, payingAt, staff, VISA } from './paying.fixture.ts'
import { resolveMovements } from './recovery.ts'
import { planFault } from './sandbox.ts'

let shop: Parts
let paying: ReturnType<typeof payingAt>
beforeAll(async () => {
  shop = await openParts(['payments'])
  paying = payingAt(shop)
})
afterAll(() => shop[Symbol.asyncDispose]())

describe('an authorisation', () => {
  test('reserves the money and is seen by the buyer and by staff, and by nobody else', async () => {
    const ada = aCustomer()
    const buy = await paying.purchase(ada)
    const { payment, isReplay } = await paying.authorize(buy)
    expect(isReplay).toBe(false)
    expect(payment).toMatchObject({
      status: 'AUTHORIZED',
      authorized: { amount: '58.80' },
      captured: { amount: '0.00' },
    })
    expect(await paying.atProcessor(buy)).toEqual([{ amount: 5880, captured: 0, released: 0, refunded: 0 }])
    expect(kinds(await paying.transactionsOf(payment.id))).toEqual(['AUTHORIZE SUCCEEDED'])

    const query = 'query($id: ID!) { payment(id: $id) { id provider order { id } checkout { id } } }'
    const seen = { id: payment.id, provider: 'sandbox', order: null, checkout: { id: buy.checkoutId } }
    expect(await shop.ask('payments', ada, query, { id: payment.id })).toEqual({ payment: seen })
    for (const stranger of [aCustomer(), aGuest(), aService('orders')]) {
      expect(await shop.ask('payments', stranger, query, { id: payment.id })).toEqual({ payment: null })
      expect(await paying.paymentsOf(stranger, buy)).toBeNull()
      expect(await paying.orderOf(stranger, buy)).toEqual({
        financialStatus: null,
        outstanding: null,
        payments: null,
        refunds: null,
      })
    }
    expect(await shop.ask('payments', ada, query, { id: 'no-id' })).toEqual({ payment: null })
    expect(await paying.paymentsOf(ada, buy)).toEqual([{ id: payment.id, status: 'AUTHORIZED' }])
    expect(await paying.orderOf(ada, buy)).toMatchObject({
      financialStatus: 'AUTHORIZED',
      outstanding: { amount: '58.80' },
    })
  })

  test('is internal: no client may ask for it', async () => {
    const mutation = 'mutation($input: PaymentAuthorizeInput!) { paymentAuthorize(input: $input) { isReplay } }'
    for (const viewer of [aCustomer(), staff, { kind: 'anonymous' } as const]) {
      const { errors: thrown } = await shop.answer('payments', viewer, mutation, {
        input: await paying.purchase(aCustomer()),
      })
      expect(thrown?.map(({ extensions }) => extensions.code)).toEqual(['FORBIDDEN'])
    }
  })

  test('does not show its movements to the buyer', async () => {
    const ada = aCustomer()
    const { payment } = await paying.authorize(await paying.purchase(ada))
    const query = 'query($id: ID!) { payment(id: $id) { id transactions { id } providerReference } }'
    const { data, errors: thrown } = await shop.answer('payments', ada, query, { id: payment.id })
    expect(data).toEqual({ payment: { id: payment.id, transactions: null, providerReference: null } })
    expect(thrown?.map(({ extensions }) => extensions.code)).toEqual(['FORBIDDEN', 'FORBIDDEN'])
  })

  test.each([
    ['4000000000000002', 'card_declined', false],
    ['4000000000009995', 'insufficient_funds', true],
  ])(
    'with card %s is declined for %s, and the attempt stays to be seen',
    async (cardNumber, declineCode, isRetryable) => {
      const ada = aCustomer()
      const buy = await paying.purchase(ada, cardNumber)
      const answer = await paying.authorize(buy)
      const declined = {
        __typename: 'PaymentDeclinedError',
        code: 'PAYMENT_DECLINED',
        field: null,
        declineCode,
        isRetryable,
      }
      expect(answer).toEqual({ payment: null, isReplay: false, userErrors: [declined] })
      expect((await paying.authorize(buy)).userErrors).toEqual([declined])
      expect(await paying.paymentsOf(ada, buy)).toMatchObject([{ status: 'DECLINED' }])
      expect(await paying.orderOf(ada, buy)).toMatchObject({ financialStatus: 'UNPAID' })

      const again = {
        ...buy,
        attempt: 2,
        idempotencyKey: `ck:${buy.checkoutId}:authorize:2`,
        paymentToken: await paying.token(VISA),
      }
      expect((await paying.authorize(again)).payment.status).toBe('AUTHORIZED')
      expect(await paying.paymentsOf(ada, buy)).toMatchObject([{ status: 'AUTHORIZED' }, { status: 'DECLINED' }])
    },
  )

  test('asked for again with its key is the same one, also when asked many times at once', async () => {
    const buy = await paying.purchase(aGuest())
    const answers = await Promise.all(Array.from({ length: 10 }, () => paying.authorize(buy)))
    expect(answers.flatMap(codes)).toEqual([])
    expect(new Set(answers.map(({ payment }) => payment.id)).size).toBe(1)
    expect(answers.filter(({ isReplay }) => !isReplay)).toHaveLength(1)
    expect(await paying.atProcessor(buy)).toHaveLength(1)
  })

  test('refuses its key with other input, and another key for its attempt', async () => {
    const buy = await paying.purchase(aCustomer())
    await paying.authorize(buy)
    const dearer = { ...buy, amount: { amount: '99.00', currencyCode: 'EUR' } }
    expect(codes(await paying.authorize(dearer))).toEqual([['IDEMPOTENCY_KEY_REUSED', 'input.idempotencyKey']])
    expect(codes(await paying.authorize({ ...buy, idempotencyKey: 'another' }))).toEqual([
      ['CONFLICT', 'input.attempt'],
    ])
    expect(await paying.atProcessor(buy)).toHaveLength(1)
  })

  test('refuses its key for another checkout, of which nothing is kept', async () => {
    const ada = aCustomer()
    const buy = await paying.purchase(ada)
    await paying.authorize(buy)
    const other = { ...(await paying.purchase(ada)), idempotencyKey: buy.idempotencyKey }
    expect(codes(await paying.authorize(other))).toEqual([['IDEMPOTENCY_KEY_REUSED', 'input.idempotencyKey']])
    expect(await paying.paymentsOf(ada, other)).toEqual([])
  })

  test('tells every problem of its input at once', async () => {
    const answer = await paying.authorize({
      checkoutId: 'x',
      attempt: 0,
      orderId: 'y',
      customerId: uuidv7(),
      amount: { amount: '1.00', currencyCode: 'USD' },
      idempotencyKey: '',
    })
    expect(codes(answer)).toEqual([
      ['INVALID', 'input.checkoutId'],
      ['INVALID', 'input.attempt'],
      ['INVALID', 'input.orderId'],
      ['NOT_APPLICABLE', 'input.amount.currencyCode'],
      ['REQUIRED', 'input.paymentToken'],
      ['INVALID', 'input.idempotencyKey'],
    ])
    const buy = await paying.purchase(aCustomer())
    const both = { ...buy, guestId: uuidv7(), paymentToken: undefined }
    expect(codes(await paying.authorize(both))).toEqual([
      ['INVALID', 'input.customerId'],
      ['REQUIRED', 'input.paymentToken'],
    ])
    for (const amount of ['0.00', '-1.00', '1.001']) {
      const odd = { ...buy, amount: { amount, currencyCode: 'EUR' } }
      expect(codes(await paying.authorize(odd))).toEqual([['INVALID', 'input.amount.amount']])
    }
  })
})

describe('the card of an authorisation', () => {
  const saved = async (ada: User) => {
    const added = await paying.call(
      ada,
      'paymentMethodAdd',
      { token: await paying.token(VISA) },
      'paymentMethod { id }',
    )
    return added.paymentMethod.id as string
  }

  test('may be a saved one, again and again', async () => {
    const ada = aCustomer()
    const paymentMethodId = await saved(ada)
    for (let times = 0; times < 2; times++) {
      const buy = { ...(await paying.purchase(ada)), paymentToken: undefined, paymentMethodId }
      expect((await paying.authorize(buy)).payment.status).toBe('AUTHORIZED')
    }
  })

  test('is the customer’s own: a foreign, deleted or unknown one is not found', async () => {
    const [ada, bea] = [aCustomer(), aCustomer()]
    const foreign = await saved(bea)
    const deleted = await saved(ada)
    await paying.call(ada, 'paymentMethodDelete', { id: deleted }, 'deletedId')
    for (const paymentMethodId of [foreign, deleted, uuidv7(), 'no-id']) {
      const buy = { ...(await paying.purchase(ada)), paymentToken: undefined, paymentMethodId }
      expect(codes(await paying.authorize(buy))).toEqual([['NOT_FOUND', 'input.paymentMethodId']])
      expect(await paying.paymentsOf(ada, buy)).toEqual([])
    }
    const guest = aGuest()
    const buy = { ...(await paying.purchase(guest)), paymentToken: undefined, paymentMethodId: foreign }
    expect(codes(await paying.authorize(buy))).toEqual([['NOT_FOUND', 'input.paymentMethodId']])
  })

  test('is declined once it has expired', async () => {
    const ada = aCustomer()
    const buy = { ...(await paying.purchase(ada)), paymentToken: undefined, paymentMethodId: await saved(ada) }
    const answer = await paying.later(3 * 365 * 24 * 60, () => paying.authorize(buy))
    expect(answer.userErrors).toMatchObject([
      { code: 'PAYMENT_DECLINED', declineCode: 'expired_card', isRetryable: false },
    ])
    expect(await paying.paymentsOf(ada, buy)).toMatchObject([{ status: 'DECLINED' }])
  })

  test('by token works once, for 15 minutes', async () => {
    const ada = aCustomer()
    const buy = await paying.purchase(ada)
    await paying.authorize(buy)
    const second = { ...(await paying.purchase(ada)), paymentToken: buy.paymentToken! }
    expect(codes(await paying.authorize(second))).toEqual([['TOKEN_INVALID', 'input.paymentToken']])
    expect(
      codes(await paying.call(ada, 'paymentMethodAdd', { token: buy.paymentToken }, 'paymentMethod { id }')),
    ).toEqual([['TOKEN_INVALID', 'input.token']])
    const old = await paying.purchase(ada)
    expect(codes(await paying.later(16, () => paying.authorize(old)))).toEqual([
      ['TOKEN_EXPIRED', 'input.paymentToken'],
    ])
    expect(await paying.paymentsOf(ada, old)).toMatchObject([{ status: 'FAILED' }])
  })
})

describe('an answer that does not arrive', () => {
  test('is looked up at once: the authorisation stands', async () => {
    const buy = await paying.purchase(aCustomer())
    await planFault(paying.own(), 'authorize', 'lost-answer')
    expect((await paying.authorize(buy)).payment.status).toBe('AUTHORIZED')
    expect(await paying.atProcessor(buy)).toHaveLength(1)
  })

  test('leaves it UNKNOWN; the same key asks again and reserves once', async () => {
    const ada = aCustomer()
    const buy = await paying.purchase(ada)
    await planFault(paying.own(), 'authorize', 'lost-answer')
    await planFault(paying.own(), 'lookup', 'lost-request')
    expect(codes(await paying.authorize(buy))).toEqual([['UPSTREAM_UNAVAILABLE', null]])
    expect(await paying.paymentsOf(ada, buy)).toMatchObject([{ status: 'UNKNOWN' }])
    expect(await paying.authorize(buy)).toMatchObject({ payment: { status: 'AUTHORIZED' }, isReplay: true })
    expect(await paying.atProcessor(buy)).toHaveLength(1)
  })

  test('is found by the job when nobody asks again, and the checkout is told', async () => {
    const ada = aCustomer()
    const buy = await paying.purchase(ada)
    await planFault(paying.own(), 'authorize', 'lost-answer')
    await planFault(paying.own(), 'lookup', 'lost-request')
    await paying.authorize(buy)
    await resolveMovements(paying.own())
    expect(await paying.paymentsOf(ada, buy)).toMatchObject([{ status: 'UNKNOWN' }])
    await paying.later(1, () => resolveMovements(paying.own()))
    const [payment] = await paying.paymentsOf(ada, buy)
    expect(payment.status).toBe('AUTHORIZED')
    expect(await paying.facts(payment.id)).toEqual([
      ['PaymentResolved', { checkoutId: buy.checkoutId, status: 'AUTHORIZED' }],
    ])
  })

  test('to a request that was never received ends it as FAILED, and the same key may still be sent', async () => {
    const ada = aCustomer()
    const buy = await paying.purchase(ada)
    await planFault(paying.own(), 'authorize', 'lost-request')
    expect(codes(await paying.authorize(buy))).toEqual([['UPSTREAM_UNAVAILABLE', null]])
    await paying.later(1, () => resolveMovements(paying.own()))
    expect(await paying.paymentsOf(ada, buy)).toMatchObject([{ status: 'FAILED' }])
    expect(await paying.authorize(buy)).toMatchObject({ payment: { status: 'AUTHORIZED' }, isReplay: true })
    expect(await paying.atProcessor(buy)).toEqual([{ amount: 5880, captured: 0, released: 0, refunded: 0 }])
  })
})
