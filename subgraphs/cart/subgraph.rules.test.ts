import { eq } from 'drizzle-orm'
import { DrizzleQueryError } from 'drizzle-orm/errors'
import postgres from 'postgres'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { uuidv7 } from '#platform/ids.ts'
import { aGuest } from '../../tests/setup/viewers.ts'
import { openShop } from './shopping.fixture.ts'
import {
  cartLines,
  carts,
  holds,
  idempotencyKeys,
  inbox,
  priceEpoch,
  promotionCustomers,
  promotionUses,
  promotions,
  taxRates,
} from './tables.ts'

const { shop, db, pricesChanged, create, fill } = await openShop('cart')
afterAll(() => shop[Symbol.asyncDispose]())

/** The rule that a statement breaks; null when it is carried out. */
async function brokenBy(statement: PromiseLike<unknown>): Promise<string | null> {
  const error = await Promise.resolve(statement).then(
    () => null,
    (reason: unknown) => reason,
  )
  if (error === null) return null
  if (error instanceof DrizzleQueryError && error.cause instanceof postgres.PostgresError) {
    return error.cause.constraint_name ?? error.cause.message
  }
  throw error
}

const now = new Date()
const times = { createdAt: now, updatedAt: now }

describe('a cart, whoever writes it,', () => {
  let cartId: string
  beforeAll(async () => {
    cartId = await create(aGuest())
    await fill(cartId, { tee: 1 })
  })
  const change = (values: Partial<typeof carts.$inferInsert>) =>
    brokenBy(db().update(carts).set(values).where(eq(carts.id, cartId)))
  const line = (values: Partial<typeof cartLines.$inferInsert>) =>
    brokenBy(db().update(cartLines).set(values).where(eq(cartLines.cartId, cartId)))
  const hold = { checkoutId: uuidv7(), attempt: 1, frozen: { lines: [] } as never }

  test('is one of those in use of its owner', async () => {
    const [row] = await db().select().from(carts).where(eq(carts.id, cartId))
    expect(
      await brokenBy(
        db()
          .insert(carts)
          .values({ ...row!, id: uuidv7() }),
      ),
    ).toBe('carts_current')
  })

  test('is held with a checkout and what that was promised, or not at all', async () => {
    expect(await change({ status: 'FROZEN' })).toBe('carts_frozen')
    expect(await change(hold)).toBe('carts_frozen')
  })

  test('is an order’s once it is CONVERTED, closed then and not before', async () => {
    expect(await change({ ...hold, status: 'CONVERTED', closedAt: now })).toBe('carts_converted')
    expect(await change({ orderId: uuidv7() })).toBe('carts_converted')
    expect(await change({ status: 'MERGED' })).toBe('carts_closed')
    expect(await change({ closedAt: now })).toBe('carts_closed')
  })

  test('has a variant on one line, of at least one unit, at no negative price', async () => {
    expect(await line({ quantity: 0 })).toBe('cart_lines_quantity')
    expect(await line({ unitPriceMinor: -1 })).toBe('cart_lines_price')
    const [row] = await db().select().from(cartLines)
    const again = db()
      .insert(cartLines)
      .values({ ...row!, id: uuidv7() })
    expect(await brokenBy(again)).toBe('cart_lines_cartId_variantId_unique')
  })

  test('is held once by an attempt of a checkout', async () => {
    const held = () =>
      db()
        .insert(holds)
        .values({ ...hold, cartId, status: 'HELD', createdAt: now })
    expect(await brokenBy(held())).toBeNull()
    expect(await brokenBy(held())).toBe('holds_checkout_id_attempt_pk')
  })
})

describe('an offer, whoever writes it,', () => {
  const offer = (values: Partial<typeof promotions.$inferInsert>) => {
    const given = { name: 'Offer', kind: 'FREE_SHIPPING' as const, isActive: true, ...times, ...values }
    return brokenBy(db().insert(promotions).values(given))
  }

  test('has the terms of its kind, and sound ones', async () => {
    expect(await offer({ kind: 'PERCENT_OFF' })).toBe('promotions_terms')
    expect(await offer({ percentOff: '10' })).toBe('promotions_terms')
    expect(await offer({ kind: 'BUY_X_GET_Y', buyQuantity: 1 })).toBe('promotions_terms')
    expect(await offer({ kind: 'PERCENT_OFF', percentOff: '100.0001' })).toBe('promotions_percent')
    expect(await offer({ kind: 'AMOUNT_OFF', amountOffMinor: -1 })).toBe('promotions_amounts')
    expect(await offer({ minimumSubtotalMinor: -1 })).toBe('promotions_amounts')
    expect(await offer({ kind: 'BUY_X_GET_Y', buyQuantity: 0, getQuantity: 1 })).toBe('promotions_quantities')
  })

  test('has a code of its own', async () => {
    expect(await offer({ code: 'Mine' })).toBeNull()
    expect(await offer({ code: 'MINE' })).toBe('promotions_code')
  })

  test('is used no fewer than 0 times, counted once for each attempt and customer', async () => {
    const promotionId = uuidv7()
    expect(await offer({ id: promotionId })).toBeNull()
    expect(await offer({ usageCount: -1 })).toBe('promotions_usage')
    const counter = { promotionId, customer: 'user:1', used: 1 }
    expect(
      await brokenBy(
        db()
          .insert(promotionCustomers)
          .values({ ...counter, used: -1 }),
      ),
    ).toBe('promotion_customers_used')
    const count = () => brokenBy(db().insert(promotionCustomers).values(counter))
    expect(await count()).toBeNull()
    expect(await count()).toBe('promotion_customers_promotion_id_customer_pk')
    const use = { checkoutId: uuidv7(), attempt: 1, promotionIds: [promotionId], counted: 1, createdAt: now }
    const record = (counted: number) =>
      brokenBy(
        db()
          .insert(promotionUses)
          .values({ ...use, counted, status: 'RESERVED' }),
      )
    expect(await record(0)).toBe('promotion_uses_whole')
    expect(await record(1)).toBeNull()
    expect(await record(1)).toBe('promotion_uses_attempt')
  })
})

test('a kind of goods has one tax in a place, below the whole price', async () => {
  const rate = { countryCode: 'JP', region: 'Tokyo', taxCategory: 'standard', isIncludedInPrice: true }
  const add = (values: { rate: string; region?: string }) =>
    brokenBy(
      db()
        .insert(taxRates)
        .values({ ...rate, ...values }),
    )
  expect(await add({ rate: '1' })).toBe('tax_rates_rate')
  expect(await add({ rate: '-0.1' })).toBe('tax_rates_rate')
  expect(await add({ rate: '0.1' })).toBeNull()
  expect(await add({ rate: '0.2', region: 'TOKYO' })).toBe('tax_rates_place_and_kind')
})

test('a command and a fact are noted once, and prices have one epoch', async () => {
  const key = { scope: 'cartFreeze', key: 'k', requestHash: '', reply: {}, createdAt: now }
  const keep = () => brokenBy(db().insert(idempotencyKeys).values(key))
  expect([await keep(), await keep()]).toEqual([null, 'idempotency_keys_scope_key_pk'])
  const fact = { reaction: 'claimCarts', eventId: uuidv7(), handledAt: now }
  const note = () => brokenBy(db().insert(inbox).values(fact))
  expect([await note(), await note()]).toEqual([null, 'inbox_reaction_event_id_pk'])
  await pricesChanged()
  expect(await brokenBy(db().insert(priceEpoch).values({ epoch: 1 }))).toBe('price_epoch_pkey')
  expect(await brokenBy(db().insert(priceEpoch).values({ isOnly: false, epoch: 1 }))).toBe('price_epoch_is_only')
})
