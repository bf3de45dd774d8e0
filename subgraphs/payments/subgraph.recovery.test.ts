import { eq, sql } from 'drizzle-orm'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { uuidv7 } from '#platform/ids.ts'
import { openParts, type Parts } from '../../tests/setup/parts.ts'
import { until } from '../../tests/setup/until.ts'
import { aCustomer, aGuest } from '../../tests/setup/viewers.ts'
import { waiting } from '../../tests/setup/waiting.ts'
import payments from './index.ts'
import { codes, kinds, payingAt, staff } from './paying.fixture.ts'
import { askAfterBuyers, resolveMovements } from './recovery.ts'
import { planFault } from './sandbox.ts'
import { sandboxAuthorizations } from './tables.ts'

let shop: Parts
let paying: ReturnType<typeof payingAt>
beforeAll(async () => {
  shop = await openParts(['payments'])
  paying = payingAt(shop)
})
afterAll(() => shop[Symbol.asyncDispose]())

const gauge = (name: string) => payments.gauges.find((each) => each.name === name)!.read(paying.own())
const stuck = async () => {
  const query = '{ payments(isStuck: true) { nodes { id transactions { kind status errorCode } } totalCount } }'
  return (await shop.ask('payments', staff, query)).payments
}

/** A processor that has less than it should, and refuses for good; then it finds the money again. */
const losing = async (reference: { id: string }, sums: { releasedMinor?: number; refundedMinor?: number }) => {
  const { db } = paying.own()
  const [row] = await db.execute<{ reference: string }>(
    sql`select provider_reference as reference from payments.payments where id = ${reference.id}`,
  )
  const change = (set: typeof sums) =>
    db.update(sandboxAuthorizations).set(set).where(eq(sandboxAuthorizations.reference, row!.reference))
  await change(sums)
  return () => change({ releasedMinor: 0, refundedMinor: 0 })
}

describe('money that the bank refuses to give back', () => {
  test('is seen by staff and counted, left alone by the job, and given back when that is asked for anew', async () => {
    const buy = await paying.purchase(aCustomer())
    const { payment } = await paying.authorize(buy)
    const found = await losing(payment, { releasedMinor: 5880 })
    expect(codes(await paying.compensate(buy))).toEqual([['UPSTREAM_UNAVAILABLE', null]])
    expect(await stuck()).toEqual({
      nodes: [
        {
          id: payment.id,
          transactions: [
            { kind: 'AUTHORIZE', status: 'SUCCEEDED', errorCode: null },
            { kind: 'VOID', status: 'FAILED', errorCode: 'amount_not_available' },
          ],
        },
      ],
      totalCount: 1,
    })
    expect(await gauge('mercato_payments_stuck')).toBe(1)

    await found()
    await paying.later(1, () => resolveMovements(paying.own()))
    expect(kinds(await paying.transactionsOf(payment.id))).toEqual(['AUTHORIZE SUCCEEDED', 'VOID FAILED'])

    expect((await paying.compensate(buy)).payment.status).toBe('VOIDED')
    expect(await stuck()).toEqual({ nodes: [], totalCount: 0 })
    expect(await gauge('mercato_payments_stuck')).toBe(0)
    expect(await paying.atProcessor(buy)).toMatchObject([{ released: 5880 }])
  })

  test('is tried once each time, also by many who ask at once', async () => {
    const buy = await paying.purchase(aCustomer())
    const { payment } = await paying.authorize(buy)
    const found = await losing(payment, { releasedMinor: 5880 })
    await paying.compensate(buy)
    expect(codes(await paying.compensate(buy))).toEqual([['UPSTREAM_UNAVAILABLE', null]])
    expect(kinds(await paying.transactionsOf(payment.id))).toEqual([
      'AUTHORIZE SUCCEEDED',
      'VOID FAILED',
      'VOID FAILED',
    ])
    await found()
    await Promise.all(Array.from({ length: 5 }, () => paying.compensate(buy)))
    expect((await paying.compensate(buy)).payment.status).toBe('VOIDED')
    expect(await paying.atProcessor(buy)).toMatchObject([{ released: 5880 }])
    const voids = kinds(await paying.transactionsOf(payment.id)).filter((each) => each === 'VOID SUCCEEDED')
    expect(voids).toHaveLength(1)
  })

  test('that was taken is refunded when that is asked for anew, or by staff themselves', async () => {
    for (const mend of [
      (buy: Parameters<typeof paying.compensate>[0]) => paying.compensate(buy),
      (_: unknown, paymentId: string) =>
        paying.call(staff, 'refundCreate', {
          paymentId,
          amount: { amount: '58.80', currencyCode: 'EUR' },
          reason: 'Called off',
          idempotencyKey: uuidv7(),
        }),
    ]) {
      const buy = await paying.purchase(aCustomer())
      const { payment } = await paying.authorize(buy)
      await paying.capture(buy)
      const found = await losing(payment, { refundedMinor: 5880 })
      expect(codes(await paying.compensate(buy))).toEqual([['UPSTREAM_UNAVAILABLE', null]])
      expect(codes(await paying.compensate(buy))).toEqual([['UPSTREAM_UNAVAILABLE', null]])
      expect(await gauge('mercato_payments_stuck')).toBe(1)
      await found()
      expect((await mend(buy, payment.id)).payment.status).toBe('REFUNDED')
      expect(await gauge('mercato_payments_stuck')).toBe(0)
    }
  })
})

test('money taken after some was given back is given back as well', async () => {
  const buy = await paying.purchase(aCustomer())
  const { payment } = await paying.authorize(buy)
  const take = (amount: string) =>
    paying.call(staff, 'paymentCapture', {
      paymentId: payment.id,
      amount: { amount, currencyCode: 'EUR' },
      idempotencyKey: uuidv7(),
    })
  await take('20.00')
  // What is left cannot be released.
  await losing(payment, { releasedMinor: 3880 })
  expect(codes(await paying.compensate(buy))).toEqual([['UPSTREAM_UNAVAILABLE', null]])
  await losing(payment, { releasedMinor: 0 })
  expect(codes(await take('38.80'))).toEqual([])
  expect((await paying.compensate(buy)).payment.status).toBe('REFUNDED')
  expect(await paying.atProcessor(buy)).toEqual([{ amount: 5880, captured: 5880, released: 0, refunded: 5880 }])
})

describe('movements without an answer', () => {
  /** Payments at a provider that this shop has no key for. They stay as they are, however often they are looked at. */
  const unanswerable = (count: number) =>
    paying.own().db.execute(sql`
      with made as (
        insert into payments.payments (id, created_at, updated_at, owner_kind, owner_id, checkout_id, attempt, order_id,
          provider, "authorization", currency, amount_minor, authorizing_minor)
        select uuidv7(), now(), now(), 'guest', uuidv7(), uuidv7(), 1, uuidv7(), 'stripe', 'UNKNOWN', 'EUR', 100, 100
        from generate_series(1, ${count}::int)
        returning *
      )
      insert into payments.payment_transactions
        (id, payment_id, kind, status, currency, amount_minor, asked_by, idempotency_key, request_hash, at)
      select uuidv7(), id, 'AUTHORIZE', 'UNKNOWN', 'EUR', 100, 'orders', id::text, '', now() - interval '1 hour' from made`)
  const forget = () =>
    paying.own().db.execute(sql`
      with gone as (
        delete from payments.payment_transactions t using payments.payments p
        where p.id = t.payment_id and p.provider = 'stripe' returning payment_id
      )
      delete from payments.payments where id in (select payment_id from gone)`)
  const unknown = async () => {
    const ada = aCustomer()
    const buy = await paying.purchase(ada)
    await planFault(paying.own(), 'authorize', 'lost-answer')
    await planFault(paying.own(), 'lookup', 'lost-request')
    await paying.authorize(buy)
    return async () => (await paying.paymentsOf(ada, buy))[0].status as string
  }

  test('are found out about though one is at a provider that is not configured, which is reported', async () => {
    const before = await gauge('mercato_payments_unknown')
    await unanswerable(1)
    const status = await unknown()
    await paying.later(2, async () => {
      expect(await gauge('mercato_payments_unknown')).toBe(before + 2)
      const failed = await resolveMovements(paying.own()).catch((error: unknown) => error)
      expect(String((failed as AggregateError).errors)).toContain('STRIPE_SECRET_KEY')
      expect(await gauge('mercato_payments_unknown')).toBe(before + 1)
    })
    await forget()
    expect(await status()).toBe('AUTHORIZED')
  })

  test('are found out about though a hundred older ones stay without', async () => {
    await unanswerable(120)
    const status = await unknown()
    for (const minutes of [2, 3]) {
      await paying.later(minutes, () => resolveMovements(paying.own()).catch(() => {}))
    }
    await forget()
    expect(await status()).toBe('AUTHORIZED')
  })

  test('are looked at less and less often', async () => {
    await unanswerable(1)
    const looks = async (minutes: number) =>
      await paying.later(minutes, () =>
        resolveMovements(paying.own()).then(
          () => 0,
          ({ errors }: AggregateError) => errors.length,
        ),
      )
    // A tenth of its age, which is an hour to begin with; never longer than ten minutes.
    expect([await looks(0), await looks(1), await looks(6), await looks(7)]).toEqual([1, 0, 0, 1])
    expect([await looks(600), await looks(609), await looks(611)]).toEqual([1, 0, 1])
    await forget()
  })

  test('are left to the process that is looking at them', async () => {
    await unanswerable(2)
    const { db } = paying.own()
    const looked = await paying.later(0, async () => {
      let pass: Promise<number> | undefined
      await db.transaction(async (tx) => {
        await tx.execute(sql`update payments.payment_transactions set looked_at = ${shop.clock.now!.toISOString()}
          where id = (select min(id::text)::uuid from payments.payment_transactions where status = 'UNKNOWN')`)
        let isOver = false
        pass = resolveMovements(paying.own())
          .then(
            () => 0,
            ({ errors }: AggregateError) => errors.length,
          )
          .finally(() => (isOver = true))
        // It is over without waiting; without its lock it waits here, and then looks at both.
        await until(async () => isOver || (await waiting(tx)) > 0)
      })
      return await pass
    })
    await forget()
    expect(looked).toBe(1)
  })

  test('are shared by processes that look at the same time', async () => {
    await unanswerable(30)
    const runs = await paying.later(0, () =>
      Promise.all(
        Array.from({ length: 3 }, () =>
          resolveMovements(paying.own()).then(
            () => 0,
            ({ errors }: AggregateError) => errors.length,
          ),
        ),
      ),
    )
    await forget()
    expect(runs.reduce((sum, each) => sum + each)).toBe(30)
  })
})

describe('buyers who have confirmed', () => {
  test('are heard though a hundred others have not', async () => {
    const waiting = async () => {
      const buyer = aGuest()
      const buy = await paying.purchase(buyer, '4000002500003155')
      const { payment } = await paying.authorize(buy)
      const query = 'query($id: ID!) { payment(id: $id) { nextAction { url } } }'
      const { payment: seen } = await shop.ask('payments', buyer, query, { id: payment.id })
      return { url: seen.nextAction.url as string, status: async () => (await paying.paymentsOf(buyer, buy))[0].status }
    }
    for (let count = 0; count < 101; count++) await waiting()
    const last = await waiting()
    await planFault(paying.own(), 'webhook', 'lost-request')
    await paying.decide(last.url, 'approve')
    for (const minutes of [1, 2]) await paying.later(minutes, () => askAfterBuyers(paying.own()))
    expect(await last.status()).toBe('AUTHORIZED')
  })
})
