import { afterAll, describe, expect, test } from 'vitest'
import { demoId, uuidv7 } from '#platform/ids.ts'
import { aGuest, aService } from '../../tests/setup/viewers.ts'
import { MUG, openShop } from './shopping.fixture.ts'

const { shop, pricesChanged, mutate, read } = await openShop('cart', 'inventory', 'delivery')
afterAll(() => shop[Symbol.asyncDispose]())

const STANDARD = demoId('shipping-method/standard')
const EXPRESS = demoId('shipping-method/express')
const BERLIN = { line1: 'Kastanienallee 12', city: 'Berlin', postalCode: '10435', countryCode: 'DE' }

/** A guest with mugs in the cart, to be delivered in Berlin. */
async function aBuyer(quantity = 1) {
  const viewer = aGuest()
  const { cart } = await mutate(viewer, 'cartCreate', { lines: [{ variantId: MUG.id, quantity }] })
  await mutate(viewer, 'cartBuyerUpdate', { cartId: cart.id, shippingAddress: BERLIN })
  const choose = (optionId: string) => mutate(viewer, 'cartDeliveryOptionSelect', { cartId: cart.id, optionId })
  const hold = { cartId: cart.id, checkoutId: uuidv7(), attempt: 1, idempotencyKey: uuidv7() }
  return { viewer, cartId: cart.id as string, lineId: cart.lines[0].id as string, choose, hold }
}

describe('a delivery', () => {
  test('is chosen among those offered, and is paid and taxed with the goods', async () => {
    const { viewer, choose } = await aBuyer(2)
    const { cart } = await choose(STANDARD)
    expect(cart).toMatchObject({
      deliveryOption: { id: STANDARD, price: { amount: '4.90' }, estimatedTo: expect.any(String) },
      subtotal: { amount: '29.00' },
      shippingTotal: { amount: '4.90' },
      total: { amount: '33.90' },
      taxLines: [{ title: 'VAT 19 %', amount: { amount: '5.41' } }],
      problems: [],
    })
    expect((await choose(EXPRESS)).cart.total).toEqual({ amount: '38.90' })
    expect((await read(viewer)).deliveryOption.id).toBe(EXPRESS)
  })

  test('that is not offered for the cart is refused', async () => {
    const { choose, cartId, viewer } = await aBuyer()
    for (const optionId of [uuidv7(), 'malformed']) {
      expect(await choose(optionId)).toMatchObject({
        cart: null,
        userErrors: [{ code: 'NOT_APPLICABLE', field: ['input', 'optionId'] }],
      })
    }
    await mutate(viewer, 'cartBuyerUpdate', { cartId, shippingAddress: null })
    expect((await choose(STANDARD)).userErrors).toMatchObject([{ code: 'NOT_APPLICABLE' }])
  })

  test('costs what it costs for what is in the cart now', async () => {
    const { viewer, cartId, lineId, choose } = await aBuyer()
    await choose(STANDARD)
    // 6 × 14.50 is above the subtotal from which Standard is free.
    const lines = [{ lineId, quantity: 6 }]
    expect((await mutate(viewer, 'cartLinesUpdate', { cartId, lines })).cart).toMatchObject({
      shippingTotal: { amount: '0.00' },
      total: { amount: '87.00' },
    })
    await mutate(viewer, 'cartLinesUpdate', { cartId, lines: [{ lineId, quantity: 1 }] })
    expect((await read(viewer)).total).toEqual({ amount: '19.40' })
  })

  test('that does not go to a new address is stale, costs nothing, and keeps the cart from its checkout', async () => {
    const { viewer, cartId, choose, hold } = await aBuyer()
    await choose(STANDARD)
    const shippingAddress = { line1: 'Mariahilfer Straße 1', city: 'Wien', postalCode: '1060', countryCode: 'AT' }
    const { cart } = await mutate(viewer, 'cartBuyerUpdate', { cartId, shippingAddress })
    expect(cart).toMatchObject({
      deliveryOption: null,
      shippingTotal: { amount: '0.00' },
      taxLines: [{ title: 'VAT 20 %' }],
      problems: [{ __typename: 'DeliveryOptionStale', previousOptionId: STANDARD }],
    })
    expect((await mutate(aService('orders'), 'cartFreeze', hold)).userErrors).toMatchObject([
      { code: 'NOT_APPLICABLE' },
    ])
  })

  test('is held with the cart: its price and window are promised', async () => {
    const { viewer, choose, hold } = await aBuyer(2)
    const chosen = (await choose(STANDARD)).cart
    shop.clock.now = new Date(Date.now() + 3_600_000)
    const frozen = (await mutate(aService('orders'), 'cartFreeze', hold)).cart
    shop.clock.now = null
    expect(frozen).toMatchObject({ status: 'FROZEN', total: { amount: '33.90' } })
    // The window counts from the order, not from when the buyer looked.
    expect(Date.parse(frozen.deliveryOption.estimatedFrom)).toBeGreaterThan(
      Date.parse(chosen.deliveryOption.estimatedFrom),
    )
    expect(await read(viewer)).toEqual(frozen)
  })
})

test('a cart with a delivery asks each neighbour once', async () => {
  const { viewer, choose } = await aBuyer()
  await choose(STANDARD)
  await pricesChanged()
  const statements = await shop.statements(() => read(viewer))
  const of = (name: string) => statements.filter((text) => text.includes(`from "${name}".`)).length
  expect(of('cart')).toBe(2)
  // Delivery has kept its methods.
  expect(of('delivery')).toBe(0)
})
