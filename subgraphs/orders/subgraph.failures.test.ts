import { describe, expect, test } from 'vitest'
import { uuidv7 } from '#platform/ids.ts'
import { aCustomer, aGuest, staffWith } from '../../tests/setup/viewers.ts'
import { BAG, BOUGHT, codes, DECLINED, MUG, NOTHING, TEE, UNCAPTURABLE } from './buying.fixture.ts'
import { shopForTests } from './shop.fixture.ts'

const { shop, at } = await shopForTests()

describe('a failure is undone, and the same checkout succeeds later', () => {
  test('declined, then paid with another card', async () => {
    const { buyer, input } = await at.checkoutOf(aGuest(), [[MUG, 1]], DECLINED)
    const declined = await at.complete(buyer, input)
    expect(declined).toMatchObject({
      order: null,
      checkout: { status: 'OPEN', failure: { code: 'PAYMENT_DECLINED', isRetryable: true } },
      userErrors: [{ __typename: 'PaymentDeclinedError', code: 'PAYMENT_DECLINED', field: ['input', 'paymentToken'] }],
    })
    expect(declined.checkout.steps.map(({ status }: { status: string }) => status).slice(0, 4)).toEqual([
      'UNDONE',
      'UNDONE',
      'UNDONE',
      'FAILED',
    ])
    expect(await at.heldFor(input.checkoutId)).toEqual(NOTHING)
    // The key makes no second attempt, though the checkout would take one.
    const again = await at.complete(buyer, input)
    expect(again).toMatchObject({ isReplay: true, userErrors: [{ code: 'PAYMENT_DECLINED' }] })
    expect(again.checkout.steps).toEqual(declined.checkout.steps)
    const paid = await at.complete(buyer, { ...input, paymentToken: await at.token(), idempotencyKey: uuidv7() })
    expect(paid).toMatchObject({ checkout: { status: 'COMPLETED', failure: null }, userErrors: [] })
    expect(await at.heldFor(input.checkoutId)).toEqual(BOUGHT)
    // The first key still tells how its own attempt ended.
    expect(await at.complete(buyer, input)).toMatchObject({
      isReplay: true,
      userErrors: [{ code: 'PAYMENT_DECLINED' }],
    })
  })

  test('why a step failed is for staff to read, word by word', async () => {
    const { buyer, input } = await at.checkoutOf(aCustomer(), undefined, DECLINED)
    await at.complete(buyer, input)
    const query = 'query ($id: ID!) { checkout(id: $id) { id steps { name error } } }'
    const { checkout } = await shop.ask('orders', staffWith('orders:read'), query, { id: input.checkoutId })
    expect(checkout.steps).toContainEqual({
      name: 'AUTHORIZE_PAYMENT',
      error: expect.stringContaining('PAYMENT_DECLINED'),
    })
    const { data, errors } = await shop.answer('orders', buyer, query, { id: input.checkoutId })
    expect(new Set(errors?.map(({ extensions }) => extensions?.code))).toEqual(new Set(['FORBIDDEN']))
    expect(new Set(data!.checkout.steps.map(({ error }: { error: unknown }) => error))).toEqual(new Set([null]))
  })

  test('the price is not the one agreed to, then it is', async () => {
    const { buyer, input } = await at.checkoutOf(aGuest())
    const cheaper = { ...input, expectedTotal: { amount: '1.00', currencyCode: 'EUR' }, idempotencyKey: uuidv7() }
    const refused = await at.complete(buyer, cheaper)
    expect(refused).toMatchObject({
      checkout: { status: 'OPEN', total: input.expectedTotal, failure: { code: 'PRICE_CHANGED' } },
      userErrors: [{ code: 'PRICE_CHANGED', field: ['input', 'expectedTotal'] }],
    })
    expect(await at.heldFor(input.checkoutId)).toEqual(NOTHING)
    expect(await at.chargedFor(input.checkoutId)).toEqual({ authorizations: 0, captured: 0 })
    expect(await at.complete(buyer, input)).toMatchObject({ checkout: { status: 'COMPLETED' }, userErrors: [] })
  })

  test('two buyers of the last unit: one order, and the other is not charged', async () => {
    await at.stock(TEE, 1)
    const both = [await at.checkoutOf(aGuest(), [[TEE, 1]]), await at.checkoutOf(aCustomer(), [[TEE, 1]])]
    const answers = await Promise.all(both.map(({ buyer, input }) => at.complete(buyer, input)))
    const loser = answers.findIndex(({ order }) => order === null)
    expect(answers.filter(({ order }) => order)).toHaveLength(1)
    const { buyer, input } = both[loser]!
    expect(answers[loser]).toMatchObject({
      checkout: { status: 'OPEN', failure: { code: 'INSUFFICIENT_STOCK' } },
      userErrors: [{ __typename: 'InsufficientStockError', variant: { id: TEE }, requested: 1, available: 0 }],
    })
    expect(await at.chargedFor(input.checkoutId)).toEqual({ authorizations: 0, captured: 0 })
    expect(await at.heldFor(input.checkoutId)).toEqual(NOTHING)
    await at.stock(TEE, 1)
    const again = await at.complete(buyer, { ...input, idempotencyKey: uuidv7() })
    expect(again).toMatchObject({ checkout: { status: 'COMPLETED' }, userErrors: [] })
  })

  test('twelve buyers of four units, in carts of opposite order: four orders, no deadlock, no other charge', async () => {
    await at.stock(TEE, 4)
    const orders: [string, number][][] = [
      [
        [TEE, 1],
        [BAG, 1],
      ],
      [
        [BAG, 1],
        [TEE, 1],
      ],
    ]
    const all = []
    for (let index = 0; index < 12; index++) all.push(await at.checkoutOf(aGuest(), orders[index % 2]))
    const answers = await Promise.all(all.map(({ buyer, input }) => at.complete(buyer, input)))
    expect(answers.filter(({ order }) => order)).toHaveLength(4)
    for (const [index, answer] of answers.entries()) {
      const { checkoutId } = all[index]!.input
      expect(codes(answer)).toEqual(answer.order ? [] : ['INSUFFICIENT_STOCK'])
      expect(await at.heldFor(checkoutId)).toMatchObject(answer.order ? { orders: 1, cart: 'CONVERTED' } : NOTHING)
      expect(await at.chargedFor(checkoutId)).toMatchObject({ authorizations: answer.order ? 1 : 0 })
    }
  })

  test('money that is refused after the order exists: the order is held for staff, the goods stay sold', async () => {
    const { buyer, input } = await at.checkoutOf(aGuest(), [[MUG, 1]], UNCAPTURABLE)
    const answer = await at.complete(buyer, input)
    expect(answer).toMatchObject({ checkout: { status: 'COMPLETED' }, order: { status: 'ON_HOLD' }, userErrors: [] })
    expect(answer.checkout.steps.at(-2)).toMatchObject({ name: 'CAPTURE_PAYMENT', status: 'FAILED' })
    expect(await at.heldFor(input.checkoutId)).toMatchObject({ holds: ['COMMITTED'], orders: 1, cart: 'CONVERTED' })
    expect(await at.chargedFor(input.checkoutId)).toMatchObject({ captured: 0 })
    expect(await at.factsOf(answer.order.id)).toMatchObject([
      { name: 'OrderPlaced' },
      { name: 'OrderStatusChanged', entityVersion: 2, data: { from: 'CONFIRMED', to: 'ON_HOLD' } },
    ])
  })
})

describe('calling a checkout off', () => {
  test('ends it, as often as asked; it cannot be completed then', async () => {
    const { buyer, input } = await at.checkoutOf(aGuest())
    for (let time = 0; time < 2; time++) {
      expect(await at.cancel(buyer, input.checkoutId)).toMatchObject({
        checkout: { status: 'CANCELLED' },
        userErrors: [],
      })
    }
    expect((await at.complete(buyer, input)).userErrors).toMatchObject([
      { code: 'STATE_TRANSITION', fromState: 'CANCELLED' },
    ])
    expect(await at.heldFor(input.checkoutId)).toEqual(NOTHING)
  })

  test('while it completes ends in one of two ways and nothing between', async () => {
    for (let time = 0; time < 4; time++) {
      const { buyer, input } = await at.checkoutOf(aGuest())
      const [completed, cancelled] = await Promise.all([
        at.complete(buyer, input),
        new Promise((resolve) => setTimeout(resolve, time * 25)).then(() => at.cancel(buyer, input.checkoutId)),
      ])
      const { status } = await at.read(buyer, input.checkoutId)
      const isBought = status === 'COMPLETED'
      expect(await at.heldFor(input.checkoutId)).toEqual(isBought ? BOUGHT : NOTHING)
      expect(codes(cancelled)).toEqual(isBought ? ['STATE_TRANSITION'] : [])
      if (!isBought)
        expect({ status, codes: codes(completed) }).toEqual({ status: 'CANCELLED', codes: ['STATE_TRANSITION'] })
    }
  })

  test('is for its buyer, before the order exists', async () => {
    const { buyer, input } = await at.checkoutOf(aGuest())
    for (const other of [aGuest(), aCustomer(), staffWith('orders:read', 'orders:manage')]) {
      expect(codes(await at.cancel(other, input.checkoutId))).toEqual(['NOT_FOUND'])
    }
    expect(await at.read(buyer, input.checkoutId)).toMatchObject({ status: 'OPEN' })
    expect(codes(await at.cancel(buyer, 'x'))).toEqual(['NOT_FOUND'])
    await at.complete(buyer, input)
    expect((await at.cancel(buyer, input.checkoutId)).userErrors).toMatchObject([
      { code: 'STATE_TRANSITION', fromState: 'COMPLETED' },
    ])
  })
})
