import { eq } from 'drizzle-orm'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { uuidv7 } from '#platform/ids.ts'
import { openParts, type Parts } from '../../tests/setup/parts.ts'
import { aCustomer, aGuest } from '../../tests/setup/viewers.ts'
import { BOUGHT, buyingAt, codes, DECLINED, NOTHING } from './buying.fixture.ts'
import { carryOn } from './completion.ts'
import { Attempt } from './lease.ts'
import { recoverCheckouts } from './recovery.ts'
import { shopForTests } from './shop.fixture.ts'
import { checkouts } from './tables.ts'

const { shop, at } = await shopForTests()

describe('two processes that carry on the same attempt', () => {
  test('make one order and one charge between them', async () => {
    for (let time = 0; time < 4; time++) {
      const { buyer, cart, input } = await at.checkoutOf(aGuest())
      const takingOver = async () => {
        await new Promise((resolve) => setTimeout(resolve, 20 * time))
        await recoverCheckouts(at.later(60))
      }
      const [answer] = await Promise.all([at.complete(buyer, input), takingOver()])
      expect(answer.userErrors).toEqual([])
      expect(await at.heldFor(input.checkoutId)).toEqual(BOUGHT)
      const captured = Math.round(Number(cart.total.amount) * 100)
      expect(await at.chargedFor(input.checkoutId)).toEqual({ authorizations: 1, captured })
    }
  })

  test('a process that lost its lease changes nothing', async () => {
    const { buyer, input } = await at.checkoutOf(aGuest())
    await at.complete(buyer, input)
    const ctx = shop.part('orders').ownContext()
    const read = async () => (await ctx.db.select().from(checkouts).where(eq(checkouts.id, input.checkoutId)))[0]!
    const before = await read()
    await carryOn(ctx, new Attempt(ctx, { ...before, status: 'PROCESSING', leaseToken: before.leaseToken - 1 }, []))
    expect(await read()).toEqual(before)
  })
})

describe('when the bank’s answer is lost', () => {
  test('once, it is asked with the same key again: one authorisation, one order', async () => {
    const { buyer, input } = await at.checkoutOf(aGuest())
    await at.planFaults('authorize lost-answer', 'lookup lost-request')
    expect(await at.complete(buyer, input)).toMatchObject({ checkout: { status: 'COMPLETED' }, userErrors: [] })
    expect(await at.heldFor(input.checkoutId)).toEqual(BOUGHT)
    expect(await at.chargedFor(input.checkoutId)).toMatchObject({ authorizations: 1 })
  })

  test('again and again, everything is undone, and the same checkout succeeds later', async () => {
    const { buyer, cart, input } = await at.checkoutOf(aGuest())
    const [lostAnswer, lostLookup] = ['authorize lost-answer', 'lookup lost-request'] as const
    await at.planFaults(lostAnswer, lostLookup, lostAnswer, lostLookup, lostAnswer, lostLookup)
    const answer = await at.complete(buyer, input)
    expect(answer).toMatchObject({ order: null, userErrors: [{ code: 'UPSTREAM_UNAVAILABLE' }] })
    expect(answer.checkout).toMatchObject({ status: 'OPEN', failure: { isRetryable: true } })
    expect(await at.heldFor(input.checkoutId)).toEqual(NOTHING)
    await at.sql('delete from payments.sandbox_faults')
    const again = { ...input, paymentToken: await at.token(), idempotencyKey: uuidv7() }
    expect(await at.complete(buyer, again)).toMatchObject({ checkout: { status: 'COMPLETED' }, userErrors: [] })
    const captured = Math.round(Number(cart.total.amount) * 100)
    expect(await at.chargedFor(input.checkoutId)).toMatchObject({ captured })
  })

  test('after the order exists, the buyer has the order and the money is taken later, once', async () => {
    const { buyer, cart, input } = await at.checkoutOf(aGuest())
    await at.planFaults('capture lost-answer', 'lookup lost-request')
    const answer = await at.complete(buyer, input)
    expect(answer).toMatchObject({ checkout: { status: 'PROCESSING' }, order: { status: 'CONFIRMED' }, userErrors: [] })
    await recoverCheckouts(at.later(60))
    expect(await at.read(buyer, input.checkoutId)).toMatchObject({ status: 'COMPLETED' })
    expect(await at.heldFor(input.checkoutId)).toEqual(BOUGHT)
    const captured = Math.round(Number(cart.total.amount) * 100)
    expect(await at.chargedFor(input.checkoutId)).toEqual({ authorizations: 1, captured })
  })
})

describe('while payments cannot be reached', () => {
  let shop: Parts
  let at: ReturnType<typeof buyingAt>
  beforeAll(async () => {
    shop = await openParts(['inventory', 'cart', 'orders', 'delivery'])
    for (const name of ['inventory', 'cart', 'delivery'] as const) {
      await shop.part(name).subgraph.seed?.(shop.part(name).ownContext())
    }
    at = buyingAt(shop)
  })
  afterAll(() => shop[Symbol.asyncDispose]())

  test('the buyer is told, undoing goes on by itself, and staff look when it never succeeds', async () => {
    const buyer = aCustomer()
    const cart = await at.cartOf(buyer)
    const { checkout } = await at.open(buyer, cart.id)
    const answer = await at.complete(buyer, {
      checkoutId: checkout.id,
      paymentToken: 'tok_unknown',
      expectedTotal: { amount: cart.total.amount, currencyCode: 'EUR' },
      idempotencyKey: 'once',
    })
    expect(answer).toMatchObject({
      order: null,
      checkout: { status: 'COMPENSATING', failure: { code: 'UPSTREAM_UNAVAILABLE', isRetryable: true } },
      userErrors: [{ code: 'UPSTREAM_UNAVAILABLE' }],
    })
    const tries = answer.checkout.steps.find(({ name }: { name: string }) => name === 'AUTHORIZE_PAYMENT').attempts
    expect(tries).toBe(3)
    // Nobody knows whether the card was charged, so the goods stay held until that is known.
    expect(await at.heldFor(checkout.id)).toMatchObject({ holds: ['HELD'], cart: 'FROZEN', orders: 0 })
    for (let hours = 1; hours <= 12; hours++) {
      await recoverCheckouts(at.later(hours * 60))
    }
    expect(await at.read(buyer, checkout.id)).toMatchObject({ status: 'NEEDS_ATTENTION' })
    expect(await at.inNeed()).toMatchObject({ nodes: [{ id: checkout.id }], totalCount: 1 })
    expect(await at.recover(checkout.id)).toMatchObject({
      checkout: { status: 'COMPENSATING' },
      userErrors: [{ code: 'UPSTREAM_UNAVAILABLE' }],
    })
    expect(await at.inNeed()).toMatchObject({ nodes: [] })
  })
})

describe('a checkout that needs attention', () => {
  const given = async (why: string) =>
    await at.sql(`update orders.checkouts set status = 'NEEDS_ATTENTION', lease_until = null where id = $1`, why)

  test('is taken up by staff where it stopped, once per key: on to its end behind the pivot', async () => {
    const { buyer, input } = await at.checkoutOf(aGuest())
    await at.planFaults('capture lost-answer', 'lookup lost-request')
    await at.complete(buyer, input)
    await given(input.checkoutId)
    // Its buyer can do nothing but wait.
    expect(codes(await at.complete(buyer, { ...input, idempotencyKey: uuidv7() }))).toEqual(['STATE_TRANSITION'])
    expect(codes(await at.cancel(buyer, input.checkoutId))).toEqual(['STATE_TRANSITION'])
    const key = uuidv7()
    const [first, again] = [await at.recover(input.checkoutId, key), await at.recover(input.checkoutId, key)]
    expect(first).toMatchObject({ checkout: { status: 'COMPLETED' }, isReplay: false, userErrors: [] })
    expect(again).toMatchObject({ checkout: { status: 'COMPLETED' }, isReplay: true, userErrors: [] })
    expect(await at.heldFor(input.checkoutId)).toEqual(BOUGHT)
    expect(await at.recover(input.checkoutId)).toMatchObject({
      userErrors: [{ code: 'STATE_TRANSITION', fromState: 'COMPLETED', field: ['input', 'checkoutId'] }],
    })
    for (const id of [uuidv7(), 'x']) expect(codes(await at.recover(id))).toEqual(['NOT_FOUND'])
  })

  test('that was being undone is undone', async () => {
    const { buyer, input } = await at.checkoutOf(aGuest(), undefined, DECLINED)
    await at.planFaults('authorize lost-request', 'lookup lost-request')
    await at.complete(buyer, input)
    await at.sql(
      `update orders.checkouts set status = 'COMPENSATING', lease_until = now(), failure = jsonb_build_object(
         'code', 'PAYMENT_DECLINED', 'message', '', 'isRetryable', true, 'errors', '[]'::jsonb) where id = $1`,
      input.checkoutId,
    )
    await given(input.checkoutId)
    expect(await at.recover(input.checkoutId)).toMatchObject({ checkout: { status: 'OPEN' }, userErrors: [] })
    expect(await at.heldFor(input.checkoutId)).toEqual(NOTHING)
  })

  test('is for staff alone', async () => {
    const answer = await shop.answer('orders', aCustomer(), '{ checkoutsNeedingAttention { nodes { id } } }')
    expect(answer.errors![0]!.extensions.code).toBe('FORBIDDEN')
  })
})
