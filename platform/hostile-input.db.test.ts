import { afterAll, beforeAll, expect, test } from 'vitest'
import { openParts, type Parts } from '../tests/setup/parts.ts'
import { aGuest } from '../tests/setup/viewers.ts'

let shop: Parts
beforeAll(async () => {
  shop = await openParts(['inventory', 'cart', 'delivery'])
})
afterAll(async () => {
  await shop[Symbol.asyncDispose]()
})

const address = { line1: 'Kastanienallee 12', city: 'Berlin', postalCode: '10435', countryCode: 'DE' }
const DELIVERY = `query ($address: AddressInput!, $weight: Int!, $amount: Decimal!) {
  deliveryOptions(address: $address, weightGrams: $weight, subtotal: { amount: $amount, currencyCode: "EUR" }) { id }
}`
const PRODUCTS = 'query ($filter: ProductFilter) { products(filter: $filter) { totalCount } }'
const huge = '9'.repeat(40)

test.each([
  ['a NUL in a search', 'inventory', 'query ($text: String!) { productSearch(query: $text) { __typename } }'],
  ['a NUL in a slug', 'inventory', 'query ($text: String!) { product(slug: $text) { id } }'],
  ['a NUL in a token', 'delivery', 'query ($text: String!) { trackingByToken(token: $text) { id } }'],
] as const)('%s is the caller’s mistake, if any, and no failure of ours', async (_what, part, query) => {
  const { errors = [] } = await shop.answer(part, aGuest(), query, { text: 'a\u0000b' })
  for (const { extensions } of errors) expect(extensions.code).toBe('BAD_USER_INPUT')
})

test('a NUL in what is kept is refused, and nothing is kept', async () => {
  const ada = aGuest()
  const { cartCreate } = await shop.ask('cart', ada, 'mutation { cartCreate(input: {}) { cart { id } } }')
  const input = { cartId: cartCreate.cart.id, note: 'a\u0000b' }
  const query = 'mutation ($input: CartBuyerUpdateInput!) { cartBuyerUpdate(input: $input) { userErrors { code } } }'
  const { errors } = await shop.answer('cart', ada, query, { input })
  expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }])
  expect(await shop.ask('cart', ada, '{ cart { note version } }')).toEqual({ cart: { note: null, version: 1 } })
})

test.each([
  ['prices', 'inventory', PRODUCTS, { filter: { priceMin: huge } }],
  ['large prices', 'inventory', PRODUCTS, { filter: { priceMin: '9'.repeat(15), priceMax: '9'.repeat(18) } }],
  ['negative prices', 'inventory', PRODUCTS, { filter: { priceMax: `-${'9'.repeat(18)}` } }],
  ['weights', 'delivery', DELIVERY, { address, weight: 2_147_483_647, amount: '1.00' }],
  ['amounts', 'delivery', DELIVERY, { address, weight: 1, amount: huge }],
] as const)('%s beyond every measure are no failure of ours', async (_what, part, query, variables) => {
  const { errors = [] } = await shop.answer(part, aGuest(), query, variables)
  for (const { extensions } of errors) expect(extensions.code).toBe('BAD_USER_INPUT')
})

test.each(['a', 'MQ', '{}', 'W10', 'WyIyMDI2LTAxLTAxIl0', '\u0000'])('cursor %j is refused', async (after) => {
  const query = 'query ($after: String) { products(after: $after) { totalCount nodes { id } } }'
  const { errors } = await shop.answer('inventory', aGuest(), query, { after })
  expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }])
})
