import { Writable } from 'node:stream'
import { sql } from 'drizzle-orm'
import pino from 'pino'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { uuidv7 } from '#platform/ids.ts'
import { localTransport } from '#platform/transport-local.ts'
import { openParts, type Parts } from '../../tests/setup/parts.ts'
import { aCustomer, aGuest, staffWith } from '../../tests/setup/viewers.ts'
import { GuestClaimed } from '../users/events.ts'
import { codes, kinds, payingAt, staff } from './paying.fixture.ts'
import { reactions } from './reactions.ts'

let shop: Parts
let paying: ReturnType<typeof payingAt>
beforeAll(async () => {
  shop = await openParts(['payments'])
  paying = payingAt(shop)
})
afterAll(() => shop[Symbol.asyncDispose]())

const eur = (amount: string) => ({ amount, currencyCode: 'EUR' })
const captured = async (buyer = aCustomer()) => {
  const buy = await paying.purchase(buyer)
  await paying.authorize(buy)
  const { payment } = await paying.capture(buy)
  return { buy, buyer, paymentId: payment.id as string }
}

describe('staff', () => {
  test('give money back, with a reason that the buyer sees', async () => {
    const { buy, buyer, paymentId } = await captured()
    const input = { paymentId, amount: eur('8.80'), reason: 'A mug arrived broken', idempotencyKey: uuidv7() }
    const selection =
      'refund { id status reason amount { amount } payment { id } } payment { status refundable { amount } } isReplay'
    const first = await paying.call(staff, 'refundCreate', input, selection)
    expect(first).toMatchObject({
      refund: {
        status: 'SUCCEEDED',
        reason: 'A mug arrived broken',
        amount: { amount: '8.80' },
        payment: { id: paymentId },
      },
      payment: { status: 'PARTIALLY_REFUNDED', refundable: { amount: '50.00' } },
      isReplay: false,
      userErrors: [],
    })
    const again = await paying.call(staff, 'refundCreate', input, selection)
    expect(again).toEqual({ ...first, isReplay: true })
    expect(await paying.orderOf(buyer, buy)).toMatchObject({
      financialStatus: 'PARTIALLY_REFUNDED',
      refunds: [{ status: 'SUCCEEDED', amount: { amount: '8.80' }, reason: 'A mug arrived broken' }],
    })
    expect((await paying.facts(paymentId)).map(([name]) => name)).toEqual(['RefundSucceeded'])
  })

  test('give back no more than was taken, also at once', async () => {
    const { buy, paymentId } = await captured()
    const refund = (amount: string) =>
      paying.call(staff, 'refundCreate', { paymentId, amount: eur(amount), reason: 'Late', idempotencyKey: uuidv7() })
    expect(codes(await refund('58.81'))).toEqual([['LIMIT_EXCEEDED', 'input.amount']])
    const answers = await Promise.all(Array.from({ length: 5 }, () => refund('20.00')))
    expect(answers.filter(({ userErrors }) => userErrors.length === 0)).toHaveLength(2)
    expect(await paying.atProcessor(buy)).toMatchObject([{ captured: 5880, refunded: 4000 }])
    expect((await refund('18.80')).payment.status).toBe('REFUNDED')
    expect(codes(await refund('0.01'))).toEqual([['STATE_TRANSITION', null]])
  })

  test('give a part back once for one key, however often and at once it is asked for', async () => {
    const { buy, paymentId } = await captured()
    const input = { paymentId, amount: eur('10.00'), reason: 'Late', idempotencyKey: uuidv7() }
    const answers = await Promise.all(
      Array.from({ length: 6 }, () => paying.call(staff, 'refundCreate', input, 'refund { id status } isReplay')),
    )
    expect(answers.flatMap(({ userErrors }) => userErrors)).toEqual([])
    expect(answers.filter(({ isReplay }) => !isReplay)).toHaveLength(1)
    expect(new Set(answers.map(({ refund }) => refund.id)).size).toBe(1)
    expect(await paying.atProcessor(buy)).toMatchObject([{ captured: 5880, refunded: 1000 }])
  })

  test('hear of every problem of a refund at once', async () => {
    const input = {
      paymentId: uuidv7(),
      amount: { amount: '1.00', currencyCode: 'USD' },
      reason: ' ',
      idempotencyKey: '',
    }
    expect(codes(await paying.call(staff, 'refundCreate', input))).toEqual([
      ['NOT_APPLICABLE', 'input.amount.currencyCode'],
      ['INVALID', 'input.reason'],
      ['INVALID', 'input.idempotencyKey'],
    ])
    const unknown = { paymentId: 'no-id', amount: eur('1.00'), reason: 'Late', idempotencyKey: 'k' }
    expect(codes(await paying.call(staff, 'refundCreate', unknown))).toEqual([['NOT_FOUND', 'input.paymentId']])
  })

  test('release what is reserved, but nothing that was taken', async () => {
    const buy = await paying.purchase(aCustomer())
    const { payment } = await paying.authorize(buy)
    const input = { paymentId: payment.id, idempotencyKey: uuidv7() }
    expect((await paying.call(staff, 'paymentVoid', input)).payment.status).toBe('VOIDED')
    expect(await paying.call(staff, 'paymentVoid', input)).toMatchObject({
      isReplay: true,
      payment: { status: 'VOIDED' },
    })
    const { paymentId } = await captured()
    const late = await paying.call(staff, 'paymentVoid', { paymentId, idempotencyKey: uuidv7() })
    expect(late.userErrors).toMatchObject([
      { __typename: 'StateTransitionError', code: 'STATE_TRANSITION', fromState: 'CAPTURED' },
    ])
  })

  test('take a part, then the rest', async () => {
    const buy = await paying.purchase(aCustomer())
    const { payment } = await paying.authorize(buy)
    const take = (amount?: object) =>
      paying.call(staff, 'paymentCapture', { paymentId: payment.id, amount, idempotencyKey: uuidv7() })
    expect(codes(await take(eur('58.81')))).toEqual([['LIMIT_EXCEEDED', 'input.amount']])
    expect((await take(eur('8.80'))).payment).toMatchObject({
      status: 'PARTIALLY_CAPTURED',
      captured: { amount: '8.80' },
    })
    expect((await take()).payment).toMatchObject({ status: 'CAPTURED', captured: { amount: '58.80' } })
    expect(kinds(await paying.transactionsOf(payment.id))).toEqual([
      'AUTHORIZE SUCCEEDED',
      'CAPTURE SUCCEEDED',
      'CAPTURE SUCCEEDED',
    ])
  })

  test('need the right to: others are refused before anything is looked at', async () => {
    const mutation = 'mutation($id: ID!) { paymentVoid(input: { paymentId: $id, idempotencyKey: "k" }) { isReplay } }'
    const asked = async (viewer: Parameters<Parts['answer']>[1]) =>
      (await shop.answer('payments', viewer, mutation, { id: uuidv7() })).errors?.map(
        ({ extensions }) => extensions.code,
      )
    expect(await asked(staffWith('payments:read'))).toEqual(['FORBIDDEN'])
    expect(await asked(aGuest())).toEqual(['UNAUTHENTICATED'])
    const { errors } = await shop.answer('payments', aCustomer(), '{ payments { totalCount } }')
    expect(errors?.map(({ extensions }) => extensions.code)).toEqual(['FORBIDDEN'])
  })

  test('list payments, newest first, in pages, by state and time', async () => {
    const query = `query($status: PaymentStatus, $first: Int, $after: String, $to: DateTime) {
      payments(status: $status, first: $first, after: $after, to: $to) { nodes { id status } pageInfo { hasNextPage endCursor } totalCount }
    }`
    const { payment } = await paying.authorize(await paying.purchase(aCustomer()))
    const list = async (variables: object) => (await shop.ask('payments', staff, query, { ...variables })).payments
    const page = await list({ status: 'AUTHORIZED', first: 1 })
    expect(page.nodes).toEqual([{ id: payment.id, status: 'AUTHORIZED' }])
    const all = await list({ first: 2 })
    const next = await list({ first: 2, after: all.pageInfo.endCursor })
    expect(all.totalCount).toBeGreaterThan(3)
    expect(next.nodes.map(({ id }: { id: string }) => id)).not.toContain(all.nodes[1].id)
    expect(await list({ to: '2020-01-01T00:00:00.000Z' })).toMatchObject({ nodes: [], totalCount: 0 })
  })

  test('read the movements of many payments in one statement per relation', async () => {
    const query = '{ payments(first: 5) { nodes { id method { last4 } transactions { kind } refunds { id } } } }'
    const statements = await shop.statements(() => shop.ask('payments', staff, query))
    expect(statements).toHaveLength(3)
  })
})

describe('a guest’s payment', () => {
  const claim = async (guestId: string, userId: string) => {
    const data = { guestId, userId, cartMergeStrategy: 'SUM_QUANTITIES' as const }
    const event = {
      eventId: uuidv7(),
      name: GuestClaimed.name,
      version: 1,
      occurredAt: new Date().toISOString(),
      entityId: guestId,
      entityVersion: 1,
      owner: null,
      requestId: uuidv7(),
      data,
    }
    await reactions[0]!.handle(paying.own(), event)
  }

  test('becomes the account’s when the guest signs in, also when that is told twice', async () => {
    const [guest, ada] = [aGuest(), aCustomer()]
    const buy = await paying.purchase(guest)
    await paying.authorize(buy)
    expect(await paying.paymentsOf(ada, buy)).toBeNull()
    await claim(guest.id, ada.id)
    await claim(guest.id, ada.id)
    expect(await paying.paymentsOf(ada, buy)).toMatchObject([{ status: 'AUTHORIZED' }])
    expect(await paying.paymentsOf(guest, buy)).toBeNull()
  })

  test('that is made after the sign-in, by a checkout that began before, is the account’s too', async () => {
    const [guest, ada] = [aGuest(), aCustomer()]
    const buy = await paying.purchase(guest)
    await claim(guest.id, ada.id)
    await paying.authorize(buy)
    expect(await paying.paymentsOf(ada, buy)).toMatchObject([{ status: 'AUTHORIZED' }])
    const resumed = { ...buy, guestId: undefined, customerId: ada.id }
    expect(await paying.authorize(resumed)).toMatchObject({ isReplay: true, userErrors: [] })
  })
})

describe('a payment that is watched', () => {
  test('is told as it is, then each time it changes', async () => {
    const ada = aCustomer()
    const buy = await paying.purchase(ada)
    const { payment } = await paying.authorize(buy)
    const events = shop.watch('payments', ada, 'subscription($id: ID!) { paymentUpdated(paymentId: $id) { status } }', {
      id: payment.id,
    })
    const next = async () => (await events.next()).value?.data?.paymentUpdated.status
    expect(await next()).toBe('AUTHORIZED')
    await paying.capture(buy)
    expect(await next()).toBe('CAPTURED')
    await events.return?.()
  })

  test('tells a stranger nothing', async () => {
    const { paymentId } = await captured()
    const events = shop.watch(
      'payments',
      aCustomer(),
      'subscription($id: ID!) { paymentUpdated(paymentId: $id) { status } }',
      {
        id: paymentId,
      },
    )
    expect((await events.next()).value.errors).toMatchObject([{ extensions: { code: 'NOT_FOUND' } }])
  })
})

test('a card’s number and security code are in no log line, not even when the database refuses', async () => {
  let lines = ''
  const log = pino({ level: 'trace' }, new Writable({ write: (line, _, done) => ((lines += String(line)), done()) }))
  const part = shop.part('payments')
  const way = localTransport({
    name: 'payments',
    schema: part.schema,
    createContext: (caller) => ({ ...part.createContext(caller), log }),
    log,
  })
  const card = {
    cardNumber: '5555 5555 5555 4444',
    expiryMonth: 12,
    expiryYear: new Date().getUTCFullYear() + 1,
    cvc: '987',
  }
  const query = 'mutation($card: CardInput!) { cardTokenize(input: { card: $card }) { token } }'
  const { db } = paying.own()
  await db.execute(sql`alter table payments.sandbox_tokens rename to elsewhere`)
  const answer = await way.execute({ query, variables: { card }, viewer: aGuest(), requestId: uuidv7() })
  await db.execute(sql`alter table payments.elsewhere rename to sandbox_tokens`)
  expect(answer.errors?.map(({ extensions }) => extensions.code)).toEqual(['INTERNAL_SERVER_ERROR'])
  expect(lines).toContain('a resolver failed')
  expect(lines.replaceAll(' ', '')).not.toContain('5555555555554444')
  expect(lines).not.toMatch(/\b987\b/)
})
