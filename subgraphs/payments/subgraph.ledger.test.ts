import { sql } from 'drizzle-orm'
import postgres, { type Sql } from 'postgres'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { uuidv7 } from '#platform/ids.ts'
import type { Parts } from '../../tests/setup/parts.ts'
import { aCustomer, aService } from '../../tests/setup/viewers.ts'
import { buyingAt, openShop, UNCAPTURABLE } from '../orders/buying.fixture.ts'
import { invariants } from './invariants.ts'
import { payingAt, staff } from './paying.fixture.ts'

let shop: Parts
let paying: ReturnType<typeof payingAt>
let buying: ReturnType<typeof buyingAt>
let admin: Sql
/** A payment that was captured, as it stands after everything a shop does. */
let bought: { payment: string; order: string; checkout: string }

beforeAll(async () => {
  shop = await openShop()
  paying = payingAt(shop)
  buying = buyingAt(shop)
  admin = postgres(shop.config.DATABASE_URL!, { max: 1, onnotice: () => {} })
  bought = await purchase()
})
afterAll(async () => {
  await admin.end()
  await shop[Symbol.asyncDispose]()
})

async function purchase(cardNumber?: string) {
  const { buyer, input } = await buying.checkoutOf(aCustomer(), undefined, cardNumber)
  await buying.complete(buyer, input)
  const [row] = await admin<{ payment: string; order: string; checkout: string }[]>`
    select id as payment, order_id as order, checkout_id as checkout from payments.payments
    where checkout_id = ${input.checkoutId}`
  return row!
}

describe('refunds', () => {
  test('never exceed what was taken, whoever asks for them at once', async () => {
    const { payment: paymentId, order: orderId, checkout: checkoutId } = await purchase()
    const [paid] = await admin<{ taken: number }[]>`
      select captured_minor::int as taken from payments.payments where id = ${paymentId}`
    const { taken } = paid!
    const amount = { amount: (Math.ceil(taken * 0.3) / 100).toFixed(2), currencyCode: 'EUR' }
    const byStaff = () =>
      paying.call(staff, 'refundCreate', { paymentId, amount, reason: 'Late', idempotencyKey: uuidv7() }, 'isReplay')
    const forReturn = () =>
      paying.call(
        aService('orders'),
        'paymentRefundForReturn',
        { orderId, returnId: uuidv7(), amount, idempotencyKey: uuidv7() },
        'isReplay',
      )
    const undone = () =>
      paying.call(
        aService('orders'),
        'paymentCompensate',
        { checkoutId, attempt: 1, reason: 'cancelled', idempotencyKey: uuidv7() },
        'payment { status }',
      )
    await Promise.all([byStaff(), forReturn(), undone(), byStaff(), forReturn(), undone(), byStaff(), forReturn()])
    await undone()
    const [row] = await admin`
      select p.status, p.refunded_minor::int as ours, s.refunded_minor::int as theirs, p.refunding_minor::int as asked
      from payments.payments p join payments.sandbox_authorizations s on s.reference = p.provider_reference
      where p.id = ${paymentId}`
    expect(row).toEqual({ status: 'REFUNDED', ours: taken, theirs: taken, asked: 0 })
  })
})

describe('what is posted', () => {
  const post = (...sides: [account: string, amountMinor: number][]) =>
    paying.own().db.transaction(async (tx) => {
      const transactionId = uuidv7()
      await tx.execute(sql`
        insert into payments.payment_transactions
          (id, payment_id, kind, status, currency, amount_minor, asked_by, idempotency_key, request_hash, at)
        values (${transactionId}, ${bought.payment}, 'REFUND', 'FAILED', 'EUR', 5, 'test', ${transactionId}, '', now())`)
      for (const [account, amountMinor] of sides) {
        await tx.execute(sql`
          insert into payments.postings (transaction_id, account, payment_id, currency, amount_minor)
          values (${transactionId}, ${account}, ${bought.payment}, 'EUR', ${amountMinor})`)
      }
      // What adds up is seen, and not kept.
      await tx.execute(sql`set constraints all immediate`)
      throw new Error('adds up')
    })
  const cause = async (run: Promise<unknown>) =>
    await run.catch((error: Error) => (error.cause instanceof Error ? error.cause : error).message)

  test('adds up to nothing: the database refuses what does not, at the end of the transaction', async () => {
    expect(await cause(post(['taken', -5], ['buyer', 5]))).toBe('adds up')
    expect(await cause(post(['taken', -5]))).toContain('do not add up to nothing')
    expect(await cause(post(['taken', -5], ['buyer', 4]))).toContain('do not add up to nothing')
  })

  test('stays', async () => {
    const { db } = paying.own()
    expect(await cause(db.execute(sql`update payments.postings set amount_minor = 1`))).toContain('stays')
    expect(await cause(db.execute(sql`delete from payments.postings`))).toContain('stays')
  })

  test('says where the money of a purchase is', async () => {
    const rows = await admin`
      select t.kind, e.account, sign(e.amount_minor)::int as sign from payments.postings e
      join payments.payment_transactions t on t.id = e.transaction_id
      where e.payment_id = ${bought.payment} order by t.at, t.id, e.amount_minor`
    expect(rows.map(({ kind, account, sign }) => [kind, account, sign])).toEqual([
      ['AUTHORIZE', 'buyer', -1],
      ['AUTHORIZE', 'held', 1],
      ['CAPTURE', 'held', -1],
      ['CAPTURE', 'taken', 1],
    ])
  })
})

describe('the invariants', () => {
  /** Which invariants a change would break; the change is not kept. */
  const brokenBy = async (...changes: string[]): Promise<string[]> => {
    const undone = new Error('undone')
    const names: string[] = []
    await admin
      .begin(async (tx) => {
        for (const change of changes) await tx.unsafe(change)
        for (const { name, sql: rows } of invariants) if ((await tx.unsafe(rows)).length > 0) names.push(name)
        throw undone
      })
      .catch((error: unknown) => {
        if (error !== undone) throw error
      })
    return names
  }
  const at = (words: string) => invariants.map(({ name }) => name).find((name) => name.includes(words))!
  const set = (change: string) => `update payments.payments set ${change} where id = '${bought.payment}'`
  const unguarded = 'alter table payments.postings disable trigger all'

  test('hold after all of this', async () => {
    await purchase(UNCAPTURABLE)
    await purchase('4000000000000002')
    expect(await brokenBy()).toEqual([])
  })

  test('find money that was made from nothing', async () => {
    const change = `update payments.postings set amount_minor = amount_minor + 1 where account = 'taken' and payment_id = '${bought.payment}'`
    expect(await brokenBy(unguarded, change)).toEqual([at('adds up to nothing'), at('those of its postings')])
  })

  test('find a movement that was not posted', async () => {
    const change = `delete from payments.postings where payment_id = '${bought.payment}' and account in ('taken', 'held') and transaction_id in
      (select id from payments.payment_transactions where kind = 'CAPTURE')`
    expect(await brokenBy(unguarded, change)).toEqual([at('carried out'), at('those of its postings')])
  })

  test('find a sum that no movement accounts for', async () => {
    const broken = await brokenBy(set('refunded_minor = 1'))
    expect(broken).toEqual([at('those of its postings'), at('those of its movements'), at('say of a payment')])
    expect(await brokenBy(set('refunding_minor = 1'))).toEqual([at('those of its movements')])
  })

  test('find an authorisation at the processor that nobody here knows', async () => {
    const change = `update payments.sandbox_operations set key = 'another' where operation = 'authorize' and reference =
      (select provider_reference from payments.payments where id = '${bought.payment}')`
    expect(await brokenBy(change)).toEqual([at('unknown here')])
  })

  test('find an order that too much was taken for', async () => {
    const change = `update orders.orders set total_minor = total_minor - 1 where id = '${bought.order}'`
    expect(await brokenBy(change)).toEqual([at('than it costs')])
  })

  test('find money without an order', async () => {
    expect(await brokenBy(set(`order_id = '${uuidv7()}'`))).toEqual([at('without an order, once')])
  })

  test('find a checkout that ended while its payment had not', async () => {
    const { payment, checkout } = await purchase('4000000000000002')
    const changes = [
      `update payments.payments set "authorization" = 'UNKNOWN' where id = '${payment}'`,
      `update orders.checkouts set status = 'EXPIRED' where id = '${checkout}'`,
    ]
    expect(await brokenBy(...changes)).toEqual([at('may yet hold money')])
  })
})
