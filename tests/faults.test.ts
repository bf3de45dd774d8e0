import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { demoId, uuidv7 } from '#platform/ids.ts'
import { goods, openCheckout, payment, readyCart, type Line } from './system/buying.ts'
import { Visitor } from './system/client.ts'
import { guestAt, signedIn } from './system/people.ts'
import { execute, OPENING_MS, oneProcess, type Shop } from './system/topology.ts'

let shop: Shop
let router: string
let plenty: Line[]
beforeAll(async () => {
  shop = await oneProcess()
  router = shop.routers[0]!
  plenty = await goods(new Visitor(router))
}, OPENING_MS)
afterAll(() => shop?.[Symbol.asyncDispose]())

describe('somebody who may not', () => {
  test('is refused with 401 when the token is malformed', async () => {
    const { status, data, errors } = await new Visitor(router, { accessToken: 'nonsense' }).answer('my-orders')
    expect(status).toBe(401)
    expect(data).toBeUndefined()
    expect(errors).toMatchObject([{ extensions: { code: 'UNAUTHENTICATED', requestId: expect.any(String) } }])
  })

  test('is told UNAUTHENTICATED at the field that needs a sign-in, without any token', async () => {
    const { data, errors } = await new Visitor(router).answer('my-tickets')
    expect(data).toEqual({ viewer: null })
    expect(errors).toBeUndefined()
    const created = await new Visitor(router).answer('ticket-create', {
      subject: 'A',
      body: 'B',
      idempotencyKey: randomUUID(),
    })
    expect(created.errors?.[0]?.extensions?.code).toBe('UNAUTHENTICATED')
  })

  test('cannot tell a foreign order, ticket or shipment from one that does not exist', async () => {
    const foreign = {
      order: demoId('order/alice-delivered'),
      ticket: demoId('ticket/alice-1'),
      shipment: demoId('shipment/alice-in-transit'),
    }
    const unknown = { order: uuidv7(), ticket: 'no id at all', shipment: uuidv7() }
    const nothing = { order: null, ticket: null, shipment: null }
    const text = `query ($order: ID!, $ticket: ID!, $shipment: ID!) {
      order(id: $order) { id } ticket(id: $ticket) { id } shipment(id: $shipment) { id }
    }`
    const bob = await signedIn(router, 'bob')
    expect(await bob.query(text, foreign)).toEqual(nothing)
    expect(await bob.query(text, unknown)).toEqual(nothing)
    const alice = await signedIn(router, 'alice')
    expect((await alice.query(text, foreign)).order).toEqual({ id: foreign.order })
  })
})

describe('a cart', () => {
  test('says of every line what is wrong with it, and stays as it was', async () => {
    const guest = await guestAt(router)
    const { cart } = (await guest.ask('cart-create', { lines: [plenty[0]] })).cartCreate
    const [{ variantId } = { variantId: '' }] = plenty
    const lines = [
      { variantId, quantity: 0 },
      { variantId, quantity: 1_000_000 },
      { variantId: uuidv7(), quantity: 1 },
    ]
    for (const [index, expected] of [
      { code: 'INVALID', field: 'quantity' },
      { code: 'LIMIT_EXCEEDED', field: 'quantity' },
      { code: 'NOT_FOUND', field: 'variantId' },
    ].entries()) {
      const { cartLinesAdd } = await guest.ask('cart-lines-add', { cartId: cart.id, lines: [lines[index]] })
      expect(cartLinesAdd.userErrors).toMatchObject([
        { code: expected.code, field: ['input', 'lines', '0', expected.field] },
      ])
    }
    expect((await guest.ask('cart')).cart).toMatchObject({ version: cart.version, lines: [{ quantity: 2 }] })
  })
})

describe('two at once', () => {
  test('who want the last unit: one gets it and pays, the other gets neither order nor bill', async () => {
    const line = { variantId: plenty[0]!.variantId, quantity: 1 }
    await leaveOnly(1, line.variantId)
    const buyers = await Promise.all(
      [1, 2].map(async (number) => {
        const guest = await guestAt(router)
        const { cartId, total } = await readyCart(guest, [line], `buyer-${number}@example.com`)
        const checkoutId = await openCheckout(guest, cartId)
        return { guest, checkoutId, input: await payment(guest, checkoutId, total) }
      }),
    )
    const charged = await charges()
    const outcomes = await Promise.all(
      buyers.map(async ({ guest, input }) => (await guest.ask('checkout-complete', input)).checkoutComplete),
    )

    const [won, lost] = outcomes[0].order ? [0, 1] : [1, 0]
    expect(outcomes[won]).toMatchObject({ userErrors: [], checkout: { status: 'COMPLETED' } })
    expect(outcomes[lost]).toMatchObject({
      order: null,
      checkout: { status: 'OPEN', failure: { code: 'INSUFFICIENT_STOCK', isRetryable: true } },
      userErrors: [{ code: 'INSUFFICIENT_STOCK', available: 0, requested: 1, variant: { id: line.variantId } }],
    })
    expect((await buyers[lost]!.guest.ask('cart')).cart.status).toBe('ACTIVE')
    expect(await charges()).toBe(charged + 1)
  })

  test('with one key: one order and one charge, and everybody sees that order', async () => {
    const guest = await guestAt(router)
    const { cartId, total } = await readyCart(guest, [plenty[1]!], 'twice@example.com')
    const input = await payment(guest, await openCheckout(guest, cartId), total)
    const charged = await charges()
    const answers = await Promise.all(
      Array.from({ length: 5 }, async () => (await guest.ask('checkout-complete', input)).checkoutComplete),
    )
    expect(new Set(answers.map(({ order }) => order.id)).size).toBe(1)
    expect(answers.filter(({ isReplay }) => !isReplay)).toHaveLength(1)
    expect(await charges()).toBe(charged + 1)

    const { userErrors } = (
      await guest.ask('checkout-complete', { ...input, expectedTotal: { ...total, amount: '1.00' } })
    ).checkoutComplete
    expect(userErrors).toMatchObject([{ code: 'IDEMPOTENCY_KEY_REUSED' }])
  })
})

/** What the card processor has taken so far, by its own books. */
async function charges(): Promise<number> {
  const [row] = await execute(
    shop,
    'select count(*)::int as count from payments.sandbox_authorizations where released_minor < amount_minor',
  )
  return Number(row?.count)
}

/** Takes stock away, as staff do, until that many units are left. */
async function leaveOnly(left: number, variantId: string): Promise<void> {
  const admin = await signedIn(router, 'admin')
  const text =
    'query ($id: ID!) { productVariant(id: $id) { stock { available levels { available location { id } } } } }'
  const { stock } = (await admin.query(text, { id: variantId })).productVariant
  let surplus = stock.available - left
  const changes = stock.levels.map(({ available, location }: { available: number; location: { id: string } }) => {
    const taken = Math.min(available, surplus)
    surplus -= taken
    return { variantId, locationId: location.id, delta: -taken }
  })
  const { stockAdjust } = await admin.query(
    'mutation ($input: StockAdjustInput!) { stockAdjust(input: $input) { userErrors { code message } } }',
    {
      input: {
        changes: changes.filter(({ delta }: { delta: number }) => delta !== 0),
        reason: 'breakage',
        idempotencyKey: randomUUID(),
      },
    },
  )
  expect(stockAdjust.userErrors).toEqual([])
}
