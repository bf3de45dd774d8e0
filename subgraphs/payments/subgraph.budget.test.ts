import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { uuidv7 } from '#platform/ids.ts'
import { openParts, type Parts } from '../../tests/setup/parts.ts'
import { aCustomer, aGuest } from '../../tests/setup/viewers.ts'
import { payingAt, VISA } from './paying.fixture.ts'

let shop: Parts
let paying: ReturnType<typeof payingAt>
beforeAll(async () => {
  shop = await openParts(['payments'])
  paying = payingAt(shop)
})
afterAll(() => shop[Symbol.asyncDispose]())

/** The statements of a run: those of the processor's own books, and ours. */
const counted = async (run: () => Promise<unknown>) => {
  const statements = await shop.statements(run)
  const books = statements.filter((text) => text.includes('payments.sandbox_'))
  return { ours: statements.length - books.length, books: books.length }
}

describe('the statements of a purchase', () => {
  test.each([
    ['a guest with a token', aGuest],
    ['a customer with a token', aCustomer],
  ])('of %s: the movement, the processor, its answer', async (_, aBuyer) => {
    const buy = await paying.purchase(aBuyer())
    const each = { ours: 2, books: 1 }
    expect(await counted(() => paying.authorize(buy))).toEqual(each)
    expect(await counted(() => paying.capture(buy))).toEqual(each)
  })

  test('with a saved card are no more', async () => {
    const ada = aCustomer()
    const added = await paying.call(
      ada,
      'paymentMethodAdd',
      { token: await paying.token(VISA) },
      'paymentMethod { id }',
    )
    const buy = { ...(await paying.purchase(ada)), paymentToken: undefined, paymentMethodId: added.paymentMethod.id }
    expect(await counted(() => paying.authorize(buy))).toEqual({ ours: 2, books: 1 })
  })

  test('that is asked for again are one', async () => {
    const buy = await paying.purchase(aGuest())
    await paying.authorize(buy)
    expect(await counted(() => paying.authorize(buy))).toEqual({ ours: 1, books: 0 })
    await paying.capture(buy)
    expect(await counted(() => paying.capture(buy))).toEqual({ ours: 1, books: 0 })
  })

  test('that is undone are one more, for its mark', async () => {
    const buy = await paying.purchase(aGuest())
    await paying.authorize(buy)
    expect(await counted(() => paying.compensate(buy))).toEqual({ ours: 3, books: 1 })
  })
})

describe('where a payment stands', () => {
  const rowWith = (columns: object) => ({
    id: uuidv7(),
    created_at: new Date(),
    updated_at: new Date(),
    owner_kind: 'user',
    owner_id: uuidv7(),
    provider: 'sandbox',
    authorization: 'SUCCEEDED',
    currency: 'EUR',
    amount_minor: 100,
    authorized_minor: 100,
    version: 1,
    is_ordered: false,
    authorizing_minor: 0,
    capturing_minor: 0,
    captured_minor: 0,
    releasing_minor: 0,
    released_minor: 0,
    refunding_minor: 0,
    refunded_minor: 0,
    ...columns,
  })
  const statusWith = async (columns: object) => {
    const row = rowWith(columns)
    const list = sql.raw(
      Object.keys(row)
        .map((name) => `"${name}"`)
        .join(', '),
    )
    const [made] = await paying.own().db.execute<{ status: string }>(sql`
      insert into payments.payments (${list})
      select ${list} from jsonb_populate_record(null::payments.payments, ${JSON.stringify(row)}::jsonb)
      returning status`)
    return made!.status
  }

  test.each([
    ['AUTHORIZED', {}],
    ['AUTHORIZED', { capturing_minor: 100 }],
    ['VOIDED', { released_minor: 100 }],
    ['PARTIALLY_CAPTURED', { captured_minor: 60 }],
    ['CAPTURED', { captured_minor: 100 }],
    ['PARTIALLY_REFUNDED', { captured_minor: 100, refunded_minor: 1 }],
    ['REFUNDED', { captured_minor: 100, refunded_minor: 100 }],
    ['REFUNDED', { captured_minor: 60, refunded_minor: 60, released_minor: 40 }],
  ])('is %s', async (status, columns) => {
    expect(await statusWith(columns)).toBe(status)
  })

  test.each(['PENDING', 'REQUIRES_ACTION', 'DECLINED', 'FAILED', 'UNKNOWN'])(
    'is %s while its authorisation is',
    async (authorization) => {
      const waiting = { authorization, authorized_minor: 0, authorizing_minor: 100 }
      expect(await statusWith(waiting)).toBe(authorization)
    },
  )
})
