import { eq, sql } from 'drizzle-orm'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openParts, type Parts } from '../../tests/setup/parts.ts'
import { aCustomer, aGuest, staffWith } from '../../tests/setup/viewers.ts'
import { payingAt, staff } from './paying.fixture.ts'
import { providerOf } from './provider.ts'
import { reconcile } from './reconciliation.ts'
import { resolveMovements } from './recovery.ts'
import { planFault } from './sandbox.ts'
import { openStripe } from './stripe.fixture.ts'
import { payments, paymentTransactions, sandboxAuthorizations } from './tables.ts'

let shop: Parts
let paying: ReturnType<typeof payingAt>
beforeAll(async () => {
  shop = await openParts(['payments'])
  paying = payingAt(shop)
})
afterAll(() => shop[Symbol.asyncDispose]())

const HOUR_MS = 3_600_000
const REPORT = `query($from: DateTime!, $to: DateTime!) {
  reconciliationReport(from: $from, to: $to) { from to matched missingHere missingAtProvider amountMismatches }
}`
/** The report of a day of its own, which the payments that `fill` makes are moved to. */
let day = 0
const reportOf = async (fill: (referenceOf: (id: string) => Promise<string>) => Promise<unknown>) => {
  const at = Date.UTC(2026, 0, ++day * 2, 12)
  const { db } = paying.own()
  shop.clock.now = new Date(at)
  await fill(async (id) => {
    const [row] = await db.select().from(payments).where(eq(payments.id, id))
    return row!.providerReference!
  }).finally(() => (shop.clock.now = null))
  const period = { from: new Date(at - HOUR_MS).toISOString(), to: new Date(at + HOUR_MS).toISOString() }
  return (await shop.ask('payments', staff, REPORT, period)).reconciliationReport
}
const nothing = { missingHere: [], missingAtProvider: [], amountMismatches: [] }
const begun = async (buyer = aGuest()) => {
  const buy = await paying.purchase(buyer)
  const { payment } = await paying.authorize(buy)
  return { buy, id: payment.id as string }
}

describe('the reconciliation report', () => {
  test('counts what agrees: reserved, taken, released, given back', async () => {
    const report = await reportOf(async () => {
      await begun()
      await paying.capture((await begun()).buy)
      const undone = await begun()
      await paying.capture(undone.buy)
      await paying.compensate(undone.buy)
      await paying.compensate((await begun()).buy)
      await paying.authorize(await paying.purchase(aGuest(), '4000000000000002'))
      await paying.authorize(await paying.purchase(aGuest(), '4000002500003155'))
    })
    expect(report).toMatchObject({ ...nothing, matched: 1 + 2 + 3 + 2 })
  })

  test('names what the provider has and we do not', async () => {
    let reference = ''
    const report = await reportOf(async () => {
      const provider = providerOf(paying.own())
      const amount = { amountMinor: 100, currency: 'EUR' }
      const answer = await provider.authorize({
        key: 'of nobody',
        token: await paying.token('4242424242424242'),
        amount,
      })
      if (answer.status === 'SUCCEEDED') ({ reference } = answer)
    })
    expect(report).toMatchObject({ ...nothing, missingHere: [reference], matched: 0 })
  })

  test('names what we have and the provider does not', async () => {
    let reference = ''
    const report = await reportOf(async (referenceOf) => {
      reference = await referenceOf((await begun()).id)
      await paying.own().db.delete(sandboxAuthorizations).where(eq(sandboxAuthorizations.reference, reference))
    })
    expect(report).toMatchObject({ ...nothing, missingAtProvider: [reference], matched: 0 })
  })

  test('names what differs in an amount', async () => {
    let reference = ''
    const report = await reportOf(async (referenceOf) => {
      const paid = await begun()
      await paying.capture(paid.buy)
      reference = await referenceOf(paid.id)
      const taken = { capturedMinor: sql`captured_minor - 1` }
      await paying
        .own()
        .db.update(sandboxAuthorizations)
        .set(taken)
        .where(eq(sandboxAuthorizations.reference, reference))
    })
    expect(report).toMatchObject({ ...nothing, amountMismatches: [reference], matched: 1 })
  })

  test('leaves out what is still without an answer', async () => {
    const report = await reportOf(async () => {
      await planFault(paying.own(), 'authorize', 'lost-answer')
      await planFault(paying.own(), 'lookup', 'lost-request')
      await paying.authorize(await paying.purchase(aGuest()))
    })
    expect(report).toMatchObject({ ...nothing, matched: 0 })
  })

  test('is of 31 days at most, for staff who may read payments', async () => {
    const ask = (viewer: Parameters<Parts['answer']>[1], to: string) =>
      shop.answer('payments', viewer, REPORT, { from: '2026-01-01T00:00:00.000Z', to })
    const codeOf = async (answer: ReturnType<typeof ask>) => (await answer).errors?.[0]?.extensions.code
    expect(await codeOf(ask(staff, '2026-02-02T00:00:00.000Z'))).toBe('BAD_USER_INPUT')
    expect(await codeOf(ask(staff, '2025-01-01T00:00:00.000Z'))).toBe('BAD_USER_INPUT')
    expect(await codeOf(ask(staff, '2026-02-01T00:00:00.000Z'))).toBeUndefined()
    expect(await codeOf(ask(aCustomer(), '2026-01-02T00:00:00.000Z'))).toBe('FORBIDDEN')
  })
})

describe('the reconciler', () => {
  const unclaimed = async (id: string) =>
    (await paying.facts(id)).filter(([name]) => name === 'AuthorizationUnclaimed').map(([, data]) => data)

  test('tells of money that nobody claims, once an hour, and moves none', async () => {
    const { buy, id } = await begun()
    const told = { checkoutId: buy.checkoutId, attempt: 1 }
    await reconcile(paying.own())
    expect(await unclaimed(id)).toEqual([])
    for (const [minutes, times] of [
      [16, 1],
      [40, 1],
      [77, 2],
    ] as const) {
      await paying.later(minutes, () => reconcile(paying.own()))
      expect(await unclaimed(id)).toEqual(Array.from({ length: times }, () => told))
    }
    expect(await paying.atProcessor(buy)).toEqual([{ amount: 5880, captured: 0, released: 0, refunded: 0 }])
    await paying.capture(buy)
    await paying.later(200, () => reconcile(paying.own()))
    expect(await unclaimed(id)).toHaveLength(2)
  })

  test('tells of it though one authorisation cannot be recorded, which is reported', async () => {
    const { id } = await begun()
    const broken = await paying.purchase(aGuest())
    await planFault(paying.own(), 'authorize', 'lost-answer')
    await planFault(paying.own(), 'lookup', 'lost-request')
    await paying.authorize(broken)
    const ofBroken = eq(payments.orderId, broken.orderId)
    const claim = (authorizingMinor: number) =>
      paying.own().db.update(payments).set({ authorizingMinor }).where(ofBroken)
    await claim(0)
    const failed = await paying.later(16, () => reconcile(paying.own()).catch((error: unknown) => error))
    await claim(5880)
    expect(String((failed as AggregateError).errors)).toContain('payments')
    expect(await unclaimed(id)).toHaveLength(1)
  })

  test('records an authorisation that reached the provider after it was given up here', async () => {
    const buyer = aGuest()
    const buy = await paying.purchase(buyer)
    await planFault(paying.own(), 'authorize', 'lost-request')
    await paying.authorize(buy)
    await paying.later(1, () => resolveMovements(paying.own()))
    const { db } = paying.own()
    const [lost] = await db
      .select({ key: paymentTransactions.id })
      .from(paymentTransactions)
      .innerJoin(payments, eq(payments.id, paymentTransactions.paymentId))
      .where(eq(payments.orderId, buy.orderId))
    const amount = { amountMinor: 5880, currency: 'EUR' }
    await providerOf(paying.own()).authorize({ key: lost!.key, token: buy.paymentToken!, amount })
    // It arrived late: no job asks after it any more.
    await paying.later(60, () => resolveMovements(paying.own()))
    expect(await paying.paymentsOf(buyer, buy)).toMatchObject([{ status: 'FAILED' }])
    await paying.later(60, () => reconcile(paying.own()))
    expect(await paying.paymentsOf(buyer, buy)).toMatchObject([{ status: 'AUTHORIZED' }])
  })
})

test('Stripe’s books are compared likewise, and what others do there is none of ours', async () => {
  await using stripe = await openStripe()
  await using store = await openParts(['payments'], stripe.env)
  const there = payingAt(store)
  for (const run of [there.capture, there.compensate]) {
    const buy = await there.purchase(aGuest())
    await there.authorize(buy)
    await run(buy)
  }
  await there.authorize(await there.purchase(aGuest(), '4000000000009995'))
  const foreign = { ...[...stripe.books.intents.values()][0]!, id: 'pi_foreign', metadata: {} }
  stripe.books.intents.set(foreign.id, foreign)
  const period = {
    from: new Date(Date.now() - HOUR_MS).toISOString(),
    to: new Date(Date.now() + HOUR_MS).toISOString(),
  }
  const report = async () => (await store.ask('payments', staff, REPORT, period)).reconciliationReport
  expect(await report()).toMatchObject({ ...nothing, matched: 4 })
  const ours = [...stripe.books.intents.values()].find(({ amount_received }) => amount_received > 0)!
  ours.amount_received -= 1
  expect(await report()).toMatchObject({ ...nothing, amountMismatches: [ours.id], matched: 3 })
  stripe.plan(/payment_intents$/, 'hangs', 'hangs')
  expect(await report()).toBeNull()
})

describe('the figures of a period', () => {
  const FIGURES = `query($of: [_Any!]!) { _entities(representations: $of) { ... on AdminDashboard {
    payments { captured { amount currencyCode } refunded { amount } declineRate unresolved } } } }`
  const figures = (viewer: Parameters<Parts['answer']>[1], from: string, to: string) =>
    shop.answer('payments', viewer, FIGURES, { of: [{ __typename: 'AdminDashboard', from, to }] })

  test('say what was taken and given back, how many cards were declined, and what is unknown', async () => {
    const admin = staffWith('admin:read')
    shop.clock.now = new Date(Date.UTC(2025, 5, 1, 12))
    try {
      await paying.capture((await begun()).buy)
      const undone = await begun()
      await paying.capture(undone.buy)
      await paying.compensate(undone.buy)
      await begun()
      await paying.authorize(await paying.purchase(aGuest(), '4000000000000002'))
    } finally {
      shop.clock.now = null
    }
    const [before, after] = ['2025-06-01T00:00:00.000Z', '2025-06-02T00:00:00.000Z'] as const
    const { data } = await figures(admin, before, after)
    const unresolved = await paying.own().db.$count(payments, eq(payments.status, 'UNKNOWN'))
    expect(data!._entities[0].payments).toEqual({
      captured: { amount: '117.60', currencyCode: 'EUR' },
      refunded: { amount: '58.80' },
      declineRate: 0.25,
      unresolved,
    })
    expect((await figures(admin, after, '2025-06-03T00:00:00.000Z')).data!._entities[0].payments).toMatchObject({
      captured: { amount: '0.00' },
      declineRate: 0,
    })
    expect((await figures(aCustomer(), before, after)).errors?.[0]?.extensions.code).toBe('FORBIDDEN')
  })
})
