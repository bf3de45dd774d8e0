import { describe, expect, test } from 'vitest'
import { uuidv7 } from '#platform/ids.ts'
import { aCustomer, aGuest, staffWith } from '../../tests/setup/viewers.ts'
import { BAG, BOUGHT, codes, MUG, NOTHING } from './buying.fixture.ts'
import { expireCheckouts } from './recovery.ts'
import { shopForTests } from './shop.fixture.ts'

const { shop, at } = await shopForTests()

describe('opening a checkout', () => {
  test('holds and charges nothing, and a cart has one', async () => {
    const buyer = aGuest()
    const cart = await at.cartOf(buyer)
    const { checkout, userErrors } = await at.open(buyer, cart.id)
    expect(userErrors).toEqual([])
    expect(checkout).toMatchObject({
      status: 'OPEN',
      order: null,
      failure: null,
      total: cart.total,
      cart: { id: cart.id },
    })
    expect(checkout.steps).toHaveLength(8)
    const again = await Promise.all([at.open(buyer, cart.id), at.open(buyer, cart.id)])
    expect(again.map((each) => each.checkout.id)).toEqual([checkout.id, checkout.id])
    expect(await at.heldFor(checkout.id)).toEqual(NOTHING)
  })

  test('needs a session and a cart of one’s own with something in it', async () => {
    const cart = await at.cartOf(aGuest())
    for (const cartId of [cart.id, uuidv7(), 'x']) {
      expect(codes(await at.open(aGuest(), cartId))).toEqual(['NOT_FOUND'])
    }
    const empty = aGuest()
    const { cart: bare } = await at.mutate('cart', empty, 'cartCreate', {}, 'cart { id }')
    expect(codes(await at.open(empty, bare.id))).toEqual(['NOT_APPLICABLE'])
    const mutation = 'mutation ($input: CheckoutCreateInput!) { checkoutCreate(input: $input) { checkout { id } } }'
    const { errors } = await shop.answer('orders', { kind: 'anonymous' }, mutation, { input: { cartId: cart.id } })
    expect(errors![0]!.extensions.code).toBe('UNAUTHENTICATED')
  })

  test('is seen by its buyer and by staff', async () => {
    const { buyer, cart, input } = await at.checkoutOf(aGuest())
    const entities = `query ($of: [_Any!]!) { _entities(representations: $of) { ... on Checkout { id } ... on Cart { checkout { id } } } }`
    const of = [
      { __typename: 'Checkout', id: input.checkoutId },
      { __typename: 'Cart', id: cart.id },
    ]
    const seen = [{ id: input.checkoutId }, { checkout: { id: input.checkoutId } }]
    expect((await shop.ask('orders', buyer, entities, { of }))._entities).toEqual(seen)
    expect((await shop.ask('orders', staffWith('orders:read'), entities, { of }))._entities).toEqual(seen)
    expect((await shop.ask('orders', aCustomer(), entities, { of }))._entities).toEqual([null, { checkout: null }])
    expect(await at.read(aGuest(), input.checkoutId)).toBeNull()
    expect(await at.read(buyer, 'x')).toBeNull()
  })
})

describe('completing a checkout', () => {
  test('makes an order of the cart: goods sold, money taken, cart closed', async () => {
    const { buyer, input } = await at.checkoutOf(aCustomer(), [
      [MUG, 2],
      [BAG, 1],
    ])
    const { checkout, order, isReplay, userErrors } = await at.complete(buyer, input)
    expect(userErrors).toEqual([])
    expect(isReplay).toBe(false)
    expect(checkout).toMatchObject({ status: 'COMPLETED', failure: null, order: { id: order.id } })
    expect(checkout.steps.map(({ status }: { status: string }) => status)).toEqual(
      Array.from({ length: 8 }, () => 'DONE'),
    )
    expect(await at.heldFor(input.checkoutId)).toEqual(BOUGHT)
    const query = `query ($id: ID!) { order(id: $id) { status total { amount } email deliveryName promisedBy
      lines { title quantity total { amount } } timeline { nodes { kind actor { id } } } } }`
    const { order: shown } = await shop.ask('orders', buyer, query, { id: order.id })
    expect(shown).toMatchObject({
      status: 'CONFIRMED',
      total: { amount: input.expectedTotal.amount },
      email: 'buyer@example.com',
    })
    expect(shown.lines).toHaveLength(2)
    expect(shown.promisedBy).not.toBeNull()
    expect(shown.timeline.nodes).toEqual([
      { kind: 'PAID', actor: null },
      { kind: 'PLACED', actor: { id: buyer.id } },
    ])
    const facts = await at.sql<{ name: string; event: { data: Record<string, never> } }>(
      `select name, event from events.outbox where event->>'entityId' = $1 order by event_id`,
      order.id,
    )
    expect(facts.map(({ name }) => name)).toEqual(['OrderPlaced', 'OrderReadyToShip'])
    expect(facts[1]!.event.data.allocations).toMatchObject([
      { quantity: expect.any(Number) },
      { quantity: expect.any(Number) },
    ])
  })

  test('again with the same key answers the same order, charged once; with another key tells that it is over', async () => {
    const { buyer, input } = await at.checkoutOf(aGuest())
    const first = await at.complete(buyer, input)
    const second = await at.complete(buyer, input)
    expect(second).toMatchObject({ isReplay: true, order: { id: first.order.id }, userErrors: [] })
    const other = await at.complete(buyer, { ...input, idempotencyKey: uuidv7() })
    expect(other).toMatchObject({
      order: { id: first.order.id },
      checkout: { status: 'COMPLETED' },
      isReplay: false,
      userErrors: [{ __typename: 'StateTransitionError', code: 'STATE_TRANSITION', fromState: 'COMPLETED' }],
    })
    const reused = await at.complete(buyer, { ...input, paymentToken: 'another' })
    expect(codes(reused)).toEqual(['IDEMPOTENCY_KEY_REUSED'])
    expect(await at.chargedFor(input.checkoutId)).toMatchObject({ authorizations: 1 })
  })

  test('takes a saved card of the buyer’s own, and nobody else’s', async () => {
    const { buyer, input } = await at.checkoutOf(aCustomer())
    const { paymentToken, ...rest } = input
    const saved = await at.mutate(
      'payments',
      buyer,
      'paymentMethodAdd',
      { token: paymentToken },
      'paymentMethod { id }',
    )
    const paymentMethodId = saved.paymentMethod.id
    const thief = await at.checkoutOf(aCustomer())
    const stolen = { ...rest, checkoutId: thief.input.checkoutId, paymentMethodId }
    expect((await at.complete(thief.buyer, stolen)).userErrors).toMatchObject([
      { code: 'NOT_FOUND', field: ['input', 'paymentMethodId'] },
    ])
    expect(await at.complete(buyer, { ...rest, paymentMethodId })).toMatchObject({
      checkout: { status: 'COMPLETED' },
      userErrors: [],
    })
  })

  test('with one key ten times at once makes one order and one charge', async () => {
    const { buyer, cart, input } = await at.checkoutOf(aGuest())
    const all = await Promise.all(Array.from({ length: 10 }, () => at.complete(buyer, input)))
    expect(new Set(all.map(({ order }) => order.id)).size).toBe(1)
    expect(all.filter(({ isReplay }) => !isReplay)).toHaveLength(1)
    expect(all.flatMap(codes)).toEqual([])
    const captured = Math.round(Number(cart.total.amount) * 100)
    expect(await at.chargedFor(input.checkoutId)).toEqual({ authorizations: 1, captured })
  })

  test('with ten keys at once makes one order; the others hear of the attempt under way', async () => {
    const { buyer, input } = await at.checkoutOf(aGuest())
    const all = await Promise.all(
      Array.from({ length: 10 }, () => at.complete(buyer, { ...input, idempotencyKey: uuidv7() })),
    )
    expect(all.filter(({ userErrors }) => userErrors.length === 0)).toHaveLength(1)
    expect(new Set(all.flatMap(codes))).toEqual(new Set(['CONFLICT']))
    expect(await at.heldFor(input.checkoutId)).toEqual(BOUGHT)
    expect(await at.chargedFor(input.checkoutId)).toMatchObject({ authorizations: 1 })
  })

  test('reports every problem of the input at once', async () => {
    const { buyer, input } = await at.checkoutOf(aGuest())
    const answer = await at.complete(buyer, {
      checkoutId: input.checkoutId,
      expectedTotal: { amount: '-1.00', currencyCode: 'USD' },
      paymentToken: '',
      idempotencyKey: '',
    })
    expect(
      answer.userErrors.map(({ code, field }: { code: string; field: string[] }) => [code, field.join('.')]),
    ).toEqual([
      ['INVALID', 'input.paymentToken'],
      ['NOT_APPLICABLE', 'input.expectedTotal.currencyCode'],
      ['INVALID', 'input.expectedTotal.amount'],
      ['INVALID', 'input.idempotencyKey'],
    ])
    const both = await at.complete(buyer, { ...input, paymentMethodId: uuidv7() })
    expect(both.userErrors).toMatchObject([{ code: 'INVALID', field: ['input', 'paymentToken'] }])
    const none = await at.complete(buyer, { ...input, paymentToken: null })
    expect(none.userErrors).toMatchObject([{ code: 'REQUIRED', field: ['input', 'paymentMethodId'] }])
    expect(await at.heldFor(input.checkoutId)).toEqual(NOTHING)
  })

  test('of somebody else, of an unknown id or with an unknown card is refused', async () => {
    const { buyer, input } = await at.checkoutOf(aCustomer())
    for (const checkoutId of [input.checkoutId, uuidv7(), 'x']) {
      expect((await at.complete(aGuest(), { ...input, checkoutId })).userErrors).toMatchObject([
        { code: 'NOT_FOUND', field: ['input', 'checkoutId'] },
      ])
    }
    const { paymentToken: _, ...rest } = input
    for (const paymentMethodId of ['x', uuidv7()]) {
      const answer = await at.complete(buyer, { ...rest, paymentMethodId, idempotencyKey: uuidv7() })
      expect(answer.userErrors).toMatchObject([{ code: 'NOT_FOUND', field: ['input', 'paymentMethodId'] }])
    }
    expect(await at.heldFor(input.checkoutId)).toEqual(NOTHING)
  })

  test('without delivery tells what is missing and leaves the cart as it was', async () => {
    const buyer = aGuest()
    const { cart } = await at.mutate(
      'cart',
      buyer,
      'cartCreate',
      { lines: [{ variantId: MUG, quantity: 1 }] },
      'cart { id total { amount currencyCode } }',
    )
    const { checkout } = await at.open(buyer, cart.id)
    const input = {
      checkoutId: checkout.id,
      paymentToken: await at.token(),
      expectedTotal: cart.total,
      idempotencyKey: uuidv7(),
    }
    const answer = await at.complete(buyer, input)
    expect(codes(answer)).toEqual(['REQUIRED', 'REQUIRED', 'REQUIRED'])
    expect(answer.checkout).toMatchObject({ status: 'OPEN', failure: { code: 'REQUIRED', isRetryable: true } })
    expect(await at.heldFor(checkout.id)).toEqual(NOTHING)
  })
})

test('a checkout that nobody completes in time expires, and no other', async () => {
  const { buyer, input } = await at.checkoutOf(aGuest())
  const bought = await at.checkoutOf(aGuest())
  await at.complete(bought.buyer, bought.input)
  await expireCheckouts(at.later(60))
  expect(await at.read(buyer, input.checkoutId)).toMatchObject({ status: 'OPEN' })
  shop.clock.now = new Date(Date.now() + 25 * 3_600_000)
  try {
    expect((await at.complete(buyer, input)).userErrors).toMatchObject([{ code: 'STATE_TRANSITION' }])
    await expireCheckouts(shop.part('orders').ownContext())
    expect(await at.read(buyer, input.checkoutId)).toMatchObject({ status: 'EXPIRED' })
    expect(await at.read(bought.buyer, bought.input.checkoutId)).toMatchObject({ status: 'COMPLETED' })
  } finally {
    shop.clock.now = null
  }
})

test('whoever watches a checkout sees it move on to its end', async () => {
  const { buyer, input } = await at.checkoutOf(aGuest())
  const watch = 'subscription ($id: ID!) { checkoutUpdated(checkoutId: $id) { status version } }'
  const changes = shop.watch('orders', buyer, watch, { id: input.checkoutId })
  const seen: { status: string; version: number }[] = []
  seen.push((await changes.next()).value.data.checkoutUpdated)
  const watching = (async () => {
    for await (const { data } of changes) {
      seen.push(data!.checkoutUpdated)
      if (data!.checkoutUpdated.status === 'COMPLETED') return
    }
  })()
  await at.complete(buyer, input)
  await watching
  expect(seen[0]).toMatchObject({ status: 'OPEN' })
  expect(seen.map(({ version }) => version)).toEqual(seen.map(({ version }) => version).sort((a, b) => a - b))
})
