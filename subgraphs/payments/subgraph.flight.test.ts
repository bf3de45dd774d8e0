import { eq, sql } from 'drizzle-orm'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { DEVELOPMENT_SECRET } from '#platform/config.ts'
import { uuidv7 } from '#platform/ids.ts'
import { openParts, type Parts } from '../../tests/setup/parts.ts'
import { until } from '../../tests/setup/until.ts'
import { aCustomer, aGuest } from '../../tests/setup/viewers.ts'
import { waiting } from '../../tests/setup/waiting.ts'
import { claimPayments } from './claims.ts'
import { codes, kinds, payingAt, staff, VISA } from './paying.fixture.ts'
import { providerOf } from './provider.ts'
import { reconcile } from './reconciliation.ts'
import { resealCards } from './resealing.ts'
import { planFault } from './sandbox.ts'
import { deciding } from './sandbox-books.ts'
import { paymentMethods } from './tables.ts'
import { undo } from './undoing.ts'

let shop: Parts
let paying: ReturnType<typeof payingAt>
beforeAll(async () => {
  shop = await openParts(['payments'])
  paying = payingAt(shop)
})
afterAll(() => shop[Symbol.asyncDispose]())

const eur = (amount: string) => ({ amount, currencyCode: 'EUR' })
const reserved = async () => {
  const buy = await paying.purchase(aCustomer())
  const { payment } = await paying.authorize(buy)
  const byStaff = (name: string, input: object = {}) =>
    paying.call(staff, name, { paymentId: payment.id, idempotencyKey: uuidv7(), ...input })
  return { buy, id: payment.id as string, byStaff }
}
/** The next request of a kind goes without an answer, and so does the question about it. */
const unanswered = async (operation: 'capture' | 'void' | 'refund') => {
  await planFault(paying.own(), operation, 'lost-answer')
  await planFault(paying.own(), 'lookup', 'lost-request')
}
const UNAVAILABLE = [['UPSTREAM_UNAVAILABLE', null]]
const refused = [['STATE_TRANSITION', null]]

/** Holds what a statement locks while `run` goes on. */
async function held<T>(lock: ReturnType<typeof sql>, run: (letGo: () => void) => Promise<T>): Promise<T> {
  const isHeld = Promise.withResolvers<void>()
  const over = Promise.withResolvers<void>()
  const holding = paying.own().db.transaction(async (tx) => {
    await tx.execute(lock)
    isHeld.resolve()
    await over.promise
  })
  await isHeld.promise
  try {
    return await run(over.resolve)
  } finally {
    over.resolve()
    await holding
  }
}

/** Whether a statement, or so many, wait for what is held. */
const isWaiting = async (count = 1) => (await waiting(paying.own().db)) >= count

describe('a movement under way', () => {
  test('is kept before the bank is asked', async () => {
    const { buy, id } = await reserved()
    await held(sql`lock table payments.sandbox_operations in exclusive mode`, async (letGo) => {
      const capturing = paying.capture(buy)
      const seen = async () => kinds(await paying.transactionsOf(id)).includes('CAPTURE PENDING')
      await until(seen).finally(letGo)
      expect((await capturing).payment.status).toBe('CAPTURED')
    })
  })

  test('is undone too when it begins while the undoing looks at what is left', async () => {
    const { buy, id } = await reserved()
    const capture = sql.raw(`do $$ begin
      lock table payments.payments in access exclusive mode;
      update payments.payments set capturing_minor = 5880 where id = '${id}';
      insert into payments.payment_transactions
        (id, payment_id, kind, status, currency, amount_minor, asked_by, idempotency_key, request_hash, at)
      values (uuidv7(), '${id}', 'CAPTURE', 'PENDING', 'EUR', 5880, 'test', '${id}', '', now());
    end $$`)
    await held(capture, async (letGo) => {
      const undone = undo(paying.own(), id)
      await until(isWaiting).finally(letGo)
      expect((await undone).status).toBe('REFUNDED')
    })
    expect(await paying.atProcessor(buy)).toMatchObject([{ captured: 5880, refunded: 5880 }])
  })

  test('is one, though two with its key meet at its payment', async () => {
    const { buy, id, byStaff } = await reserved()
    await paying.capture(buy)
    const refund = { amount: eur('10.00'), reason: 'Late', idempotencyKey: uuidv7() }
    const row = sql`select from payments.payments where id = ${id} for update`
    const answers = await held(row, async (letGo) => {
      const both = Promise.all([byStaff('refundCreate', refund), byStaff('refundCreate', refund)])
      await until(() => isWaiting(2)).finally(letGo)
      return await both
    })
    expect(answers.flatMap(codes)).toEqual([])
    expect(answers.filter(({ isReplay }) => isReplay)).toHaveLength(1)
    expect(await paying.atProcessor(buy)).toMatchObject([{ refunded: 1000 }])
  })

  test('that is a capture leaves nothing to take or to release', async () => {
    const { buy, byStaff } = await reserved()
    await unanswered('capture')
    expect(codes(await paying.capture(buy))).toEqual(UNAVAILABLE)
    expect(codes(await byStaff('paymentCapture', { amount: eur('1.00') }))).toEqual(refused)
    expect(codes(await byStaff('paymentVoid'))).toEqual(refused)
    expect((await paying.capture(buy)).payment.status).toBe('CAPTURED')
    expect(await paying.atProcessor(buy)).toMatchObject([{ captured: 5880, released: 0 }])
  })

  test('that is a release leaves nothing to take or to release', async () => {
    const { buy, byStaff } = await reserved()
    await unanswered('void')
    const release = { idempotencyKey: uuidv7() }
    expect(codes(await byStaff('paymentVoid', release))).toEqual(UNAVAILABLE)
    expect(codes(await byStaff('paymentCapture', { amount: eur('1.00') }))).toEqual(refused)
    expect(codes(await byStaff('paymentVoid'))).toEqual(refused)
    expect((await byStaff('paymentVoid', release)).payment.status).toBe('VOIDED')
    expect(await paying.atProcessor(buy)).toMatchObject([{ captured: 0, released: 5880 }])
  })

  test('that is a refund leaves the rest to give back', async () => {
    const { buy, byStaff } = await reserved()
    await paying.capture(buy)
    const refund = { amount: eur('50.00'), reason: 'Late', idempotencyKey: uuidv7() }
    await unanswered('refund')
    expect(codes(await byStaff('refundCreate', refund))).toEqual(UNAVAILABLE)
    const more = { amount: eur('8.81'), reason: 'Late' }
    expect(codes(await byStaff('refundCreate', more))).toEqual([['LIMIT_EXCEEDED', 'input.amount']])
    expect(codes(await byStaff('refundCreate', { ...more, amount: eur('8.80') }))).toEqual([])
    expect((await byStaff('refundCreate', refund)).payment.status).toBe('REFUNDED')
    expect(await paying.atProcessor(buy)).toMatchObject([{ captured: 5880, refunded: 5880 }])
  })
})

test('the rest is not released after a part was taken', async () => {
  const { buy, byStaff } = await reserved()
  await byStaff('paymentCapture', { amount: eur('8.80') })
  expect(codes(await byStaff('paymentVoid'))).toEqual(refused)
  expect(await paying.atProcessor(buy)).toMatchObject([{ captured: 880, released: 0 }])
})

describe('undoing', () => {
  test('with a key undoes no other attempt', async () => {
    const [first, second] = [await reserved(), await reserved()]
    const undo = ({ checkoutId }: { checkoutId: string }) =>
      paying.undo({ checkoutId, attempt: 1, reason: 'sold out', idempotencyKey: `same:${first.id}` })
    expect((await undo(first.buy)).payment.status).toBe('VOIDED')
    expect(codes(await undo(second.buy))).toEqual([['IDEMPOTENCY_KEY_REUSED', 'input.idempotencyKey']])
    expect(await paying.atProcessor(second.buy)).toMatchObject([{ released: 0 }])
  })

  test('is one movement of many undoings at once, none of which fails', async () => {
    for (let round = 0; round < 5; round++) {
      const { buy, id } = await reserved()
      await paying.capture(buy)
      const answers = await Promise.all(Array.from({ length: 8 }, () => paying.compensate(buy)))
      expect(answers.flatMap(codes)).toEqual([])
      expect(kinds(await paying.transactionsOf(id))).toEqual([
        'AUTHORIZE SUCCEEDED',
        'CAPTURE SUCCEEDED',
        'REFUND SUCCEEDED',
      ])
    }
  })
})

test('what a buyer approves while the payment is being undone is released', async () => {
  const buyer = aGuest()
  const buy = await paying.purchase(buyer, '4000002500003155')
  const { payment } = await paying.authorize(buy)
  const query = 'query($id: ID!) { payment(id: $id) { nextAction { url } } }'
  const { nextAction } = (await shop.ask('payments', buyer, query, { id: payment.id })).payment
  const approved = deciding(nextAction.url.split('/').at(-1), true)
  await held(approved, async (letGo) => {
    const undone = paying.compensate(buy)
    await until(() => isWaiting()).finally(letGo)
    await undone
  })
  expect((await paying.compensate(buy)).payment.status).toBe('VOIDED')
  expect(await paying.atProcessor(buy)).toEqual([{ amount: 5880, captured: 0, released: 5880, refunded: 0 }])
})

test('money that nobody claims is told by one of the processes that look at once', async () => {
  const all = await Promise.all(Array.from({ length: 12 }, () => reserved()))
  await paying.later(16, () => Promise.all(Array.from({ length: 5 }, () => reconcile(paying.own()))))
  for (const { id } of all) expect((await paying.facts(id)).map(([name]) => name)).toEqual(['AuthorizationUnclaimed'])
})

test('a guest’s payments stay the first account’s', async () => {
  const [guest, ada, bea] = [aGuest(), aCustomer(), aCustomer()]
  await claimPayments(paying.own(), { guestId: guest.id, userId: ada.id })
  await claimPayments(paying.own(), { guestId: guest.id, userId: bea.id })
  const buy = await paying.purchase(guest)
  await paying.authorize(buy)
  expect(await paying.paymentsOf(ada, buy)).toHaveLength(1)
  expect(await paying.paymentsOf(bea, buy)).toBeNull()
})

test('a sign-in takes over nobody else’s payments', async () => {
  const [guest, another, ada, bea] = [aGuest(), aGuest(), aCustomer(), aCustomer()]
  const [theirs, hers] = [await paying.purchase(another), await paying.purchase(bea)]
  for (const buy of [theirs, hers]) await paying.authorize(buy)
  await claimPayments(paying.own(), { guestId: guest.id, userId: ada.id })
  expect(await paying.paymentsOf(another, theirs)).toHaveLength(1)
  expect(await paying.paymentsOf(bea, hers)).toHaveLength(1)
})

test('a card that is deleted while it is resealed stays without a token', async () => {
  const own = paying.own()
  const token = await paying.token(VISA)
  const { paymentMethod } = await paying.call(aCustomer(), 'paymentMethodAdd', { token }, 'paymentMethod { id }')
  const isThis = eq(paymentMethods.id, paymentMethod.id)
  const deleted = sql`
    update payments.payment_methods set deleted_at = now(), encrypted_token = null, is_default = false
    where id = ${paymentMethod.id}`
  await held(deleted, async (letGo) => {
    const config = { ...shop.config, ENCRYPTION_SECRET: `${'n'.repeat(40)},${DEVELOPMENT_SECRET}` }
    const resealing = resealCards({ ...own, config })
    await until(() => isWaiting()).finally(letGo)
    await resealing
  })
  const [card] = await own.db.select({ token: paymentMethods.encryptedToken }).from(paymentMethods).where(isThis)
  expect(card).toEqual({ token: null })
})

test('the processor takes no more than it holds, of requests at once', async () => {
  const provider = providerOf(paying.own())
  const amount = (amountMinor: number) => ({ amountMinor, currency: 'EUR' })
  const token = await paying.token(VISA)
  const answer = await provider.authorize({ key: uuidv7(), token, amount: amount(100) })
  if (answer.status !== 'SUCCEEDED') throw new Error(answer.status)
  const { reference } = answer
  const take = () => provider.capture({ key: uuidv7(), reference, amount: amount(40) })
  const row = sql`select from payments.sandbox_authorizations where reference = ${reference} for update`
  const answers = await held(row, async (letGo) => {
    const taking = Promise.all([take(), take(), take()])
    await until(() => isWaiting(3)).finally(letGo)
    return await taking
  })
  expect(answers.map(({ status }) => status).toSorted()).toEqual(['FAILED', 'SUCCEEDED', 'SUCCEEDED'])
})
