import { afterAll, beforeAll, expect, test } from 'vitest'
import { goods, openCheckout, payment, readyCart, type Line } from './system/buying.ts'
import { Visitor } from './system/client.ts'
import { guestAt, signedIn } from './system/people.ts'
import { OPENING_MS, oneProcess, type Shop } from './system/topology.ts'

let shop: Shop
let router: string
let lines: Line[]
beforeAll(async () => {
  shop = await oneProcess()
  router = shop.routers[0]!
  lines = await goods(new Visitor(router))
}, OPENING_MS)
afterAll(() => shop?.[Symbol.asyncDispose]())

const cents = ({ amount }: { amount: string }) => Math.round(Number(amount) * 100)
const enter = async (buyer: Visitor, cartId: string, codes: string[]) =>
  (await buyer.ask('cart-discount-codes', { cartId, codes })).cartDiscountCodesSet

test('a code takes something off the cart and the order; once per buyer is once, whoever asks', async () => {
  const email = 'dora@example.com'
  const first = await guestAt(router)
  const { cartId, total } = await readyCart(first, lines, email)
  const { cart, userErrors } = await enter(first, cartId, ['welcome10', 'FREESHIP'])
  expect(userErrors).toEqual([])
  expect(cart.discountCodes).toMatchObject([{ isApplicable: true }, { isApplicable: true }])
  const taken = cart.discounts.reduce(
    (sum: number, { amount }: { amount: { amount: string } }) => sum + cents(amount),
    0,
  )
  expect(cents(cart.total)).toBe(cents(total) - taken)

  const checkoutId = await openCheckout(first, cartId)
  const stale = await first.ask('checkout-complete', await payment(first, checkoutId, total))
  expect(stale.checkoutComplete.userErrors).toMatchObject([{ code: 'PRICE_CHANGED' }])
  const { checkoutComplete } = await first.ask('checkout-complete', await payment(first, checkoutId, cart.total))
  expect(checkoutComplete).toMatchObject({ userErrors: [], order: { total: cart.total } })
  const document = 'query ($id: ID!) { order(id: $id) { discounts { name code amount { amount } } } }'
  const { order } = await first.query(document, { id: checkoutComplete.order.id })
  expect(order.discounts.map(({ code }: { code: string }) => code).toSorted()).toEqual(['FREESHIP', 'WELCOME10'])

  const again = await guestAt(router)
  const second = await readyCart(again, lines, email.toUpperCase())
  const refused = (await enter(again, second.cartId, ['WELCOME10'])).cart
  expect(refused).toMatchObject({ discountCodes: [{ isApplicable: false }], total: second.total })
})

test('staff see how often an offer was used, and what became of carts; shoppers do not', async () => {
  const admin = await signedIn(router, 'admin')
  const document = '{ promotions { nodes { code usageCount } } taxRates(countryCode: "DE") { rate } }'
  const { promotions, taxRates } = await admin.query(document)
  expect(promotions.nodes).toContainEqual({ code: 'WELCOME10', usageCount: 1 })
  expect(taxRates).toContainEqual({ rate: '0.19' })
  const period = {
    from: new Date(Date.now() - 86_400_000).toISOString(),
    to: new Date(Date.now() + 60_000).toISOString(),
  }
  const dashboard = `query ($from: DateTime!, $to: DateTime!) {
    adminDashboard(from: $from, to: $to) { carts { active abandoned converted abandonedValue { amount } } } }`
  expect((await admin.query(dashboard, period)).adminDashboard.carts).toMatchObject({ abandoned: 0, converted: 1 })
  const { data, errors } = await (await signedIn(router, 'alice')).send('{ promotions { nodes { code } } }')
  expect(data).toEqual({ promotions: null })
  expect(errors).toMatchObject([{ extensions: { code: 'FORBIDDEN' } }])
})

test('who signs in is told, with its details from the catalogue, what the strategy did not take over', async () => {
  const [line] = lines as [Line, ...Line[]]
  const holding = async (visitor: Visitor, quantity: number) =>
    (await visitor.ask('cart-create', { lines: [{ ...line, quantity }] })).cartCreate.userErrors
  expect(await holding(await signedIn(router, 'alice'), 1)).toEqual([])
  const guest = await guestAt(router)
  expect(await holding(guest, 2)).toEqual([])
  const { sessionCreate } = await guest.query(`mutation { sessionCreate(input: {
    email: "alice@example.com", password: "password123", cartMergeStrategy: PREFER_ACCOUNT }) {
    authTokens { accessToken refreshToken } } }`)
  const problems = `{ cart { totalQuantity problems { __typename
    ... on LineLeftOut { reason quantity title variant { id product { name } } } } } }`
  const { cart } = await guest.keep(sessionCreate.authTokens).query(problems)
  expect(cart).toEqual({
    totalQuantity: 1,
    problems: [
      {
        __typename: 'LineLeftOut',
        reason: 'OTHER_CART_CHOSEN',
        quantity: 2,
        title: expect.any(String),
        variant: { id: line.variantId, product: { name: expect.any(String) } },
      },
    ],
  })
})
