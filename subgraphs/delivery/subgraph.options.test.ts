import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { uuidv7 } from '#platform/ids.ts'
import { aGuest } from '../../tests/setup/viewers.ts'
import { delivery, sendHome, shop } from './delivery.fixture.ts'

beforeEach(sendHome)
afterAll(() => shop[Symbol.asyncDispose]())

describe('delivery options of a cart', () => {
  const options = async (shippingAddress: object | null, subtotal = '10.00', totalWeightGrams = 500) =>
    (
      await delivery(
        aGuest(),
        `query ($r: [_Any!]!) { _entities(representations: $r) { ... on Cart { deliveryOptions { name price { amount } } } } }`,
        {
          r: [
            {
              __typename: 'Cart',
              id: uuidv7(),
              totalWeightGrams,
              subtotal: { amount: subtotal, currencyCode: 'EUR' },
              shippingAddress,
            },
          ],
        },
      )
    )._entities[0].deliveryOptions

  test('are the methods of its country, cheapest first', async () => {
    expect(await options({ countryCode: 'DE', postalCode: '10119' })).toEqual([
      { name: 'Standard', price: { amount: '4.90' } },
      { name: 'Express', price: { amount: '9.90' } },
    ])
    expect(await options({ countryCode: 'DE' }, '75.00')).toMatchObject([
      { name: 'Standard', price: { amount: '0.00' } },
      {},
    ])
    expect(await options({ countryCode: 'FR' }, '10.00', 1500)).toMatchObject([{ price: { amount: '12.90' } }, {}])
  })

  test('are none where the shop does not deliver, and unknown without an address', async () => {
    expect(await options({ countryCode: 'AQ' })).toEqual([])
    expect(await options(null)).toBeNull()
  })

  test('of many carts are read in one statement', async () => {
    const r = ['DE', 'FR', 'US'].map((countryCode) => ({
      __typename: 'Cart',
      id: uuidv7(),
      totalWeightGrams: 1,
      subtotal: { amount: '1.00', currencyCode: 'EUR' },
      shippingAddress: { countryCode },
    }))
    const statements = await shop.statements(() =>
      delivery(
        aGuest(),
        'query ($r: [_Any!]!) { _entities(representations: $r) { ... on Cart { deliveryOptions { id } } } }',
        { r },
      ),
    )
    expect(statements).toHaveLength(1)
  })
})
