import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { eq, sql } from 'drizzle-orm'
import { uuidv7 } from '#platform/ids.ts'
import { openParts, type Parts } from '../../tests/setup/parts.ts'
import { until } from '../../tests/setup/until.ts'
import { aCustomer, aService } from '../../tests/setup/viewers.ts'
import { codes, kinds, payingAt, staff } from './paying.fixture.ts'
import { providerOf } from './provider.ts'
import { resolveMovements } from './recovery.ts'
import { planFault } from './sandbox.ts'
import { sendWebhook } from './sandbox-webhooks.ts'
import { payments, paymentTransactions } from './tables.ts'

let shop: Parts
let paying: ReturnType<typeof payingAt>
beforeAll(async () => {
  shop = await openParts(['payments'])
  paying = payingAt(shop)
})
afterAll(() => shop[Symbol.asyncDispose]())

describe('a capture', () => {
  test('takes the money once, however often and at once it is asked for', async () => {
    const ada = aCustomer()
    const buy = await paying.purchase(ada)
    await paying.authorize(buy)
    const answers = await Promise.all(Array.from({ length: 8 }, () => paying.capture(buy)))
    expect(answers.flatMap(codes)).toEqual([])
    expect(answers.filter(({ isReplay }) => !isReplay)).toHaveLength(1)
    expect(answers[0].payment).toMatchObject({
      status: 'CAPTURED',
      captured: { amount: '58.80' },
      refundable: { amount: '58.80' },
    })
    expect(await paying.atProcessor(buy)).toEqual([{ amount: 5880, captured: 5880, released: 0, refunded: 0 }])
    expect(await paying.orderOf(ada, buy)).toMatchObject({ financialStatus: 'PAID', outstanding: { amount: '0.00' } })
    expect(codes(await paying.capture(buy, 'another key'))).toEqual([['STATE_TRANSITION', null]])
  })

  test('with different keys at once takes no more than is reserved', async () => {
    const buy = await paying.purchase(aCustomer())
    const { payment } = await paying.authorize(buy)
    const amount = { amount: '20.00', currencyCode: 'EUR' }
    const answers = await Promise.all(
      ['a', 'b', 'c', 'd'].map((idempotencyKey) =>
        paying.call(staff, 'paymentCapture', { paymentId: payment.id, amount, idempotencyKey }),
      ),
    )
    expect(answers.flatMap(codes).map(([code]) => code)).toHaveLength(2)
    expect(await paying.atProcessor(buy)).toEqual([{ amount: 5880, captured: 4000, released: 0, refunded: 0 }])
    const { payment: now } = (await shop.ask('payments', staff, 'query($id: ID!) { payment(id: $id) { status } }', {
      id: payment.id,
    })) as { payment: { status: string } }
    expect(now.status).toBe('PARTIALLY_CAPTURED')
  })

  test('that the bank refuses is told as a fact and leaves the money reserved', async () => {
    const ada = aCustomer()
    const buy = await paying.purchase(ada, '4000000000000341')
    const { payment } = await paying.authorize(buy)
    expect((await paying.capture(buy)).userErrors).toMatchObject([
      { code: 'PAYMENT_DECLINED', declineCode: 'capture_declined' },
    ])
    expect(await paying.orderOf(ada, buy)).toMatchObject({ financialStatus: 'AUTHORIZED' })
    expect(await paying.facts(payment.id)).toEqual([
      ['PaymentFailed', { orderId: buy.orderId, amount: { amountMinor: 5880, currency: 'EUR' } }],
    ])
    expect(kinds(await paying.transactionsOf(payment.id))).toEqual(['AUTHORIZE SUCCEEDED', 'CAPTURE DECLINED'])
  })

  test('whose answer was lost is sent again by the job', async () => {
    const ada = aCustomer()
    const buy = await paying.purchase(ada)
    await paying.authorize(buy)
    await planFault(paying.own(), 'capture', 'lost-request')
    expect(codes(await paying.capture(buy))).toEqual([['UPSTREAM_UNAVAILABLE', null]])
    await paying.later(1, () => resolveMovements(paying.own()))
    expect(await paying.orderOf(ada, buy)).toMatchObject({ financialStatus: 'PAID' })
    expect(await paying.capture(buy)).toMatchObject({ isReplay: true, payment: { status: 'CAPTURED' } })
  })

  test('of an order without a reservation finds nothing', async () => {
    expect(codes(await paying.capture(await paying.purchase(aCustomer())))).toEqual([['NOT_FOUND', 'input.orderId']])
  })
})

describe('a return', () => {
  const eur = (amount: string) => ({ amount, currencyCode: 'EUR' })
  const giveBack = (input: object) =>
    paying.call(
      aService('orders'),
      'paymentRefundForReturn',
      { returnId: uuidv7(), amount: eur('8.80'), idempotencyKey: uuidv7(), ...input },
      'refund { status reason amount { amount } payment { status } } isReplay',
    )

  test('is refunded once for its key, and no more than was taken', async () => {
    const buy = await paying.purchase(aCustomer())
    const { orderId } = buy
    await paying.authorize(buy)
    expect(codes(await giveBack({ orderId }))).toEqual([['NOT_FOUND', 'input.orderId']])
    await paying.capture(buy)
    const request = { orderId, returnId: uuidv7(), idempotencyKey: 'ret:1' }
    const first = await giveBack(request)
    expect(first).toMatchObject({
      refund: {
        status: 'SUCCEEDED',
        reason: 'Return',
        amount: { amount: '8.80' },
        payment: { status: 'PARTIALLY_REFUNDED' },
      },
      isReplay: false,
      userErrors: [],
    })
    expect(await giveBack(request)).toEqual({ ...first, isReplay: true })
    expect(codes(await giveBack({ ...request, amount: eur('9.00') }))).toEqual([
      ['IDEMPOTENCY_KEY_REUSED', 'input.idempotencyKey'],
    ])
    expect(codes(await giveBack({ orderId, amount: eur('50.01') }))).toEqual([['LIMIT_EXCEEDED', 'input.amount']])
    expect((await giveBack({ orderId, amount: eur('50.00') })).refund.payment.status).toBe('REFUNDED')
    expect(codes(await giveBack({ orderId }))).toEqual([['STATE_TRANSITION', null]])
    expect(await paying.atProcessor(buy)).toMatchObject([{ captured: 5880, refunded: 5880 }])
  })

  test('tells every problem of its input at once', async () => {
    const odd = { orderId: 'x', returnId: 'y', amount: eur('-1.00'), idempotencyKey: '' }
    expect(codes(await giveBack(odd)).map(([, field]) => field)).toEqual([
      'input.orderId',
      'input.returnId',
      'input.amount.amount',
      'input.idempotencyKey',
    ])
  })
})

describe('undoing an attempt', () => {
  test('releases what is reserved, once', async () => {
    const ada = aCustomer()
    const buy = await paying.purchase(ada)
    await paying.authorize(buy)
    expect(await paying.compensate(buy)).toMatchObject({
      payment: { status: 'VOIDED' },
      isReplay: false,
      userErrors: [],
    })
    expect(await paying.compensate(buy)).toMatchObject({
      payment: { status: 'VOIDED' },
      isReplay: true,
      userErrors: [],
    })
    expect(await paying.atProcessor(buy)).toEqual([{ amount: 5880, captured: 0, released: 5880, refunded: 0 }])
    expect(await paying.orderOf(ada, buy)).toMatchObject({ financialStatus: 'VOIDED' })
    expect(codes(await paying.capture(buy))).toEqual([['STATE_TRANSITION', null]])
  })

  test('gives back what was taken', async () => {
    const ada = aCustomer()
    const buy = await paying.purchase(ada)
    const { payment } = await paying.authorize(buy)
    await paying.capture(buy)
    expect((await paying.compensate(buy)).payment).toMatchObject({ status: 'REFUNDED', refunded: { amount: '58.80' } })
    expect(await paying.atProcessor(buy)).toEqual([{ amount: 5880, captured: 5880, released: 0, refunded: 5880 }])
    expect(await paying.orderOf(ada, buy)).toMatchObject({
      financialStatus: 'REFUNDED',
      outstanding: { amount: '0.00' },
    })
    expect((await paying.facts(payment.id)).map(([name]) => name)).toEqual(['RefundSucceeded'])
  })

  test('refuses an authorisation that comes late, and does not ask the bank', async () => {
    const ada = aCustomer()
    const buy = await paying.purchase(ada)
    expect(await paying.compensate(buy)).toMatchObject({ payment: null, userErrors: [] })
    expect(codes(await paying.authorize(buy))).toEqual([['STATE_TRANSITION', null]])
    expect(await paying.paymentsOf(ada, buy)).toEqual([])
    expect(await paying.atProcessor(buy)).toEqual([])
    const next = { ...buy, attempt: 2, idempotencyKey: `${buy.idempotencyKey}2` }
    expect((await paying.authorize(next)).payment.status).toBe('AUTHORIZED')
  })

  test('at the same time as authorising leaves nothing reserved, whichever comes first', async () => {
    const buys = await Promise.all(Array.from({ length: 24 }, () => paying.purchase(aCustomer())))
    await Promise.all(
      buys.flatMap((buy, index) =>
        index % 2
          ? [paying.authorize(buy), paying.compensate(buy), paying.compensate(buy)]
          : [paying.compensate(buy), paying.authorize(buy), paying.compensate(buy)],
      ),
    )
    for (const buy of buys) {
      const held = (await paying.atProcessor(buy)).map(({ amount, released }) => amount - released)
      expect(held.every((minor) => minor === 0)).toBe(true)
    }
  })

  test('finds out first what became of an authorisation without an answer', async () => {
    const buy = await paying.purchase(aCustomer())
    await planFault(paying.own(), 'authorize', 'lost-answer')
    await planFault(paying.own(), 'lookup', 'lost-request')
    await paying.authorize(buy)
    expect((await paying.compensate(buy)).payment.status).toBe('VOIDED')
    expect(await paying.atProcessor(buy)).toEqual([{ amount: 5880, captured: 0, released: 5880, refunded: 0 }])
  })

  test('says so when the bank cannot be reached, and is done when asked again', async () => {
    const buy = await paying.purchase(aCustomer())
    const { payment } = await paying.authorize(buy)
    await planFault(paying.own(), 'void', 'lost-answer')
    await planFault(paying.own(), 'lookup', 'lost-request')
    expect(codes(await paying.compensate(buy))).toEqual([['UPSTREAM_UNAVAILABLE', null]])
    expect((await paying.compensate(buy)).payment.status).toBe('VOIDED')
    expect(kinds(await paying.transactionsOf(payment.id))).toEqual(['AUTHORIZE SUCCEEDED', 'VOID SUCCEEDED'])
    expect(await paying.atProcessor(buy)).toEqual([{ amount: 5880, captured: 0, released: 5880, refunded: 0 }])
  })

  test.each([
    ['the job', () => resolveMovements(paying.own())],
    ['a webhook', (key: string) => sendWebhook(paying.own(), key)],
  ])('takes back an authorisation that reaches the bank after the bank was asked, heard of by %s', async (_, hear) => {
    const ada = aCustomer()
    const buy = await paying.purchase(ada)
    await planFault(paying.own(), 'authorize', 'lost-request')
    await paying.authorize(buy)
    expect((await paying.compensate(buy)).payment.status).toBe('FAILED')
    // The request that was thought lost arrives.
    const { db } = paying.own()
    const [lost] = await db
      .select({ id: paymentTransactions.id })
      .from(paymentTransactions)
      .innerJoin(payments, eq(payments.id, paymentTransactions.paymentId))
      .where(eq(payments.orderId, buy.orderId))
    const amount = { amountMinor: 5880, currency: 'EUR' }
    await providerOf(paying.own()).authorize({ key: lost!.id, token: buy.paymentToken!, amount })
    await hear(lost!.id)
    expect(await paying.paymentsOf(ada, buy)).toMatchObject([{ status: 'VOIDED' }])
    expect(await paying.atProcessor(buy)).toEqual([{ amount: 5880, captured: 0, released: 5880, refunded: 0 }])
  })

  test('while the bank is being asked takes back what the bank then says', async () => {
    const ada = aCustomer()
    const buy = await paying.purchase(ada)
    const { db } = paying.own()
    const bankAnswers = Promise.withResolvers<void>()
    const bankIsSlow = Promise.withResolvers<void>()
    const slowness = db.transaction(async (tx) => {
      await tx.execute(sql`lock table payments.sandbox_tokens in exclusive mode`)
      bankIsSlow.resolve()
      await bankAnswers.promise
    })
    await bankIsSlow.promise
    const authorizing = paying.authorize(buy)
    await until(async () => (await paying.paymentsOf(ada, buy)).length > 0)
    const undone = await paying.compensate(buy)
    bankAnswers.resolve()
    await slowness
    expect(undone).toMatchObject({ payment: { status: 'FAILED' }, userErrors: [] })
    expect(codes(await authorizing)).toEqual([['STATE_TRANSITION', null]])
    expect(await paying.paymentsOf(ada, buy)).toMatchObject([{ status: 'VOIDED' }])
    expect(await paying.atProcessor(buy)).toEqual([{ amount: 5880, captured: 0, released: 5880, refunded: 0 }])
  })
})

describe('the sandbox processor', () => {
  const eur = (amountMinor: number) => ({ amountMinor, currency: 'EUR' })
  const authorized = async () => {
    const provider = providerOf(paying.own())
    const token = await paying.token('4242424242424242')
    const answer = await provider.authorize({ key: uuidv7(), token, amount: eur(100) })
    if (answer.status !== 'SUCCEEDED') throw new Error(answer.status)
    return { provider, reference: answer.reference }
  }

  test('keeps to its own books: it takes no more than it reserved and gives back no more than it took', async () => {
    const { provider, reference } = await authorized()
    const move = (kind: 'capture' | 'void' | 'refund', minor: number) =>
      provider[kind]({ key: uuidv7(), reference, amount: eur(minor) })
    const refused = { status: 'FAILED', code: 'amount_not_available' }
    expect(await move('capture', 101)).toEqual(refused)
    expect(await move('refund', 1)).toEqual(refused)
    expect(await move('capture', 60)).toMatchObject({ status: 'SUCCEEDED' })
    expect(await move('capture', 41)).toEqual(refused)
    expect(await move('void', 41)).toEqual(refused)
    expect(await move('refund', 61)).toEqual(refused)
    expect(await move('void', 40)).toMatchObject({ status: 'SUCCEEDED' })
    expect(await move('refund', 60)).toMatchObject({ status: 'SUCCEEDED' })
  })

  test('gives the same answer to the same key, and none to that key with another request', async () => {
    const { provider, reference } = await authorized()
    const request = { key: uuidv7(), reference, amount: eur(100) }
    const answers = await Promise.all([provider.capture(request), provider.capture(request), provider.capture(request)])
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1)
    const asked = { kind: 'CAPTURE', reference } as const
    expect(await provider.lookup({ ...asked, key: request.key })).toEqual(answers[0])
    expect(await provider.lookup({ ...asked, key: uuidv7() })).toBeNull()
    expect(await provider.refund(request)).toEqual({ status: 'FAILED', code: 'idempotency_key_reused' })
  })
})
