import { afterAll, describe, expect, test } from 'vitest'
import { demoId, uuidv7 } from '#platform/ids.ts'
import { anonymous, type Viewer } from '#platform/viewer.ts'
import { aCustomer, aGuest, aService, staffWith } from '../../tests/setup/viewers.ts'
import { MUG, TEE, openShop } from './shopping.fixture.ts'

const { shop, mutate, read, withLines } = await openShop('cart', 'inventory', 'delivery')
afterAll(() => shop[Symbol.asyncDispose]())

const staff = staffWith('promotions:manage')
const PROMOTION = `id name kind code percentOff amountOff { amount currencyCode } minimumSubtotal { amount } categoryIds
  buyQuantity getQuantity startsAt endsAt isActive usageLimit usageCount perCustomerLimit`
async function upsert(input: object, viewer: Viewer = staff) {
  const document = `mutation ($input: PromotionUpsertInput!) {
    promotionUpsert(input: $input) { promotion { ${PROMOTION} } userErrors { code field } } }`
  return (await shop.ask('cart', viewer, document, { input })).promotionUpsert
}
async function remove(id: string) {
  const document = `mutation ($id: ID!) { promotionDelete(input: { id: $id }) { deletedId userErrors { code field } } }`
  return (await shop.ask('cart', staff, document, { id })).promotionDelete
}
/** Adds a promotion with a code of its own, so that no other test meets it. */
async function offer(input: object): Promise<{ id: string; code: string }> {
  const { promotion, userErrors } = await upsert({ code: `C-${uuidv7()}`, ...input })
  expect(userErrors).toEqual([])
  return promotion
}
const euro = (amount: string) => ({ amount, currencyCode: 'EUR' })
const tee = { variantId: TEE.id, quantity: 1 }
const mugs = { variantId: MUG.id, quantity: 2 }
async function enter(viewer: Viewer, codes: string[], lines = [tee, mugs]) {
  const cart = await withLines(viewer, lines)
  const { cart: changed, userErrors } = await mutate(viewer, 'cartDiscountCodesSet', { cartId: cart.id, codes })
  expect(userErrors).toEqual([])
  return changed
}

describe('promotions of staff', () => {
  const everything = {
    name: ' Spring sale ',
    kind: 'PERCENT_OFF',
    percentOff: '15',
    minimumSubtotal: euro('50.00'),
    categoryIds: [demoId('category/clothing')],
    startsAt: '2026-03-01T00:00:00.000Z',
    endsAt: '2099-04-01T00:00:00.000Z',
    isActive: false,
    usageLimit: 100,
    perCustomerLimit: 1,
  }

  test('are kept as they were given, and replaced whole', async () => {
    const code = `Spring-${uuidv7()}`
    const { promotion } = await upsert({ ...everything, code })
    expect(promotion).toEqual({
      ...everything,
      id: promotion.id,
      name: 'Spring sale',
      code,
      amountOff: null,
      minimumSubtotal: { amount: '50.00' },
      buyQuantity: null,
      getQuantity: null,
      usageCount: 0,
    })
    const replaced = await upsert({ id: promotion.id, name: 'Gift', kind: 'AMOUNT_OFF', amountOff: euro('5.00') })
    expect(replaced.promotion).toMatchObject({
      id: promotion.id,
      name: 'Gift',
      kind: 'AMOUNT_OFF',
      code: null,
      percentOff: null,
      amountOff: { amount: '5.00', currencyCode: 'EUR' },
      minimumSubtotal: null,
      categoryIds: null,
      usageLimit: null,
      isActive: true,
    })
    expect(await remove(promotion.id)).toEqual({ deletedId: promotion.id, userErrors: [] })
    for (const id of [promotion.id, 'malformed']) {
      const notFound = { userErrors: [{ code: 'NOT_FOUND', field: ['input', 'id'] }] }
      expect(await remove(id)).toEqual({ deletedId: null, ...notFound })
      expect(await upsert({ ...everything, id })).toEqual({ promotion: null, ...notFound })
    }
  })

  test('have codes of their own, upper and lower case alike', async () => {
    const { code } = await offer({ name: 'First', kind: 'FREE_SHIPPING' })
    const second = await upsert({ name: 'Second', kind: 'FREE_SHIPPING', code: code.toUpperCase() })
    expect(second.userErrors).toEqual([{ code: 'CONFLICT', field: ['input', 'code'] }])
  })

  test('are refused for every reason at once, and none is added', async () => {
    const { userErrors } = await upsert({
      id: 'malformed',
      name: ' ',
      kind: 'PERCENT_OFF',
      code: 'two words',
      percentOff: '100.5',
      amountOff: { amount: '5.00', currencyCode: 'USD' },
      minimumSubtotal: euro('1.001'),
      categoryIds: ['malformed'],
      buyQuantity: 0,
      startsAt: '2026-03-02T00:00:00.000Z',
      endsAt: '2026-03-01T00:00:00.000Z',
      usageLimit: 0,
      perCustomerLimit: -1,
    })
    const found = userErrors.map(({ code, field }: { code: string; field: string[] }) => `${field.join('.')} ${code}`)
    expect(found.toSorted()).toEqual([
      'input.amountOff INVALID',
      'input.amountOff.currencyCode NOT_APPLICABLE',
      'input.buyQuantity INVALID',
      'input.buyQuantity INVALID',
      'input.categoryIds.0 NOT_FOUND',
      'input.code INVALID',
      'input.endsAt INVALID',
      'input.id NOT_FOUND',
      'input.minimumSubtotal.amount INVALID',
      'input.name INVALID',
      'input.perCustomerLimit INVALID',
      'input.percentOff INVALID',
      'input.usageLimit INVALID',
    ])
    const unknown = await upsert({ ...everything, categoryIds: [demoId('category/clothing'), uuidv7()] })
    expect(unknown.userErrors).toEqual([{ code: 'NOT_FOUND', field: ['input', 'categoryIds', '1'] }])
  })

  test.each([
    ['PERCENT_OFF', ['percentOff']],
    ['AMOUNT_OFF', ['amountOff']],
    ['BUY_X_GET_Y', ['buyQuantity', 'getQuantity']],
  ])('%s needs its terms', async (kind, fields) => {
    expect((await upsert({ name: 'Offer', kind })).userErrors).toEqual(
      fields.map((field) => ({ code: 'REQUIRED', field: ['input', field] })),
    )
  })

  test('are listed newest first, in pages, switched on or off', async () => {
    const on = await offer({ name: 'On', kind: 'FREE_SHIPPING' })
    const off = await offer({ name: 'Off', kind: 'FREE_SHIPPING', isActive: false })
    const list = `query ($isActive: Boolean, $after: String) { promotions(isActive: $isActive, first: 1, after: $after) {
      nodes { id } totalCount pageInfo { hasNextPage endCursor } } }`
    const page = async (variables: object) => (await shop.ask('cart', staff, list, { ...variables })).promotions
    const first = await page({})
    expect(first).toMatchObject({ nodes: [{ id: off.id }], pageInfo: { hasNextPage: true } })
    expect((await page({ after: first.pageInfo.endCursor })).nodes).toEqual([{ id: on.id }])
    expect((await page({ isActive: true })).nodes).toEqual([{ id: on.id }])
    expect((await page({ isActive: false })).totalCount).toBeLessThan(first.totalCount)
  })

  test('are theirs alone, and how often they were used too', async () => {
    const { code } = await offer({ name: 'Secret', kind: 'PERCENT_OFF', percentOff: '10' })
    const viewer = aGuest()
    await enter(viewer, [code])
    const counted = '{ cart { discounts { promotion { id usageLimit usageCount } } } }'
    const { data, errors } = await shop.answer('cart', viewer, counted)
    expect(data?.cart.discounts).toMatchObject([{ promotion: { usageLimit: null, usageCount: null } }])
    expect(errors?.map(({ extensions }) => extensions.code)).toEqual(['UNAUTHENTICATED', 'UNAUTHENTICATED'])
    const answers = [
      [anonymous, 'UNAUTHENTICATED'],
      [aCustomer(), 'FORBIDDEN'],
    ] as const
    for (const [other, expected] of answers) {
      const answer = await shop.answer('cart', other, '{ promotions { nodes { id } } }')
      expect(answer.errors?.[0]?.extensions.code).toBe(expected)
    }
  })
})

describe('codes in a cart', () => {
  test('take something off its lines and its total, and lines add up', async () => {
    const { id, code } = await offer({ name: 'Ten', kind: 'PERCENT_OFF', percentOff: '10' })
    expect(await enter(aGuest(), [code.toLowerCase()])).toMatchObject({
      discountCodes: [{ code: code.toLowerCase(), isApplicable: true, reason: null }],
      discounts: [{ promotion: { id, name: 'Ten', code }, amount: { amount: '5.39' }, lineId: null }],
      lines: [
        { discountTotal: { amount: '2.49' }, total: { amount: '22.41' } },
        { discountTotal: { amount: '2.90' }, total: { amount: '26.10' } },
      ],
      subtotal: { amount: '53.90' },
      discountTotal: { amount: '5.39' },
      // 48.51 × 19 / 119
      taxTotal: { amount: '7.75' },
      total: { amount: '48.51' },
    })
  })

  test('of promotions for some categories are for goods filed below them too', async () => {
    const categoryIds = [demoId('category/clothing')]
    const { code } = await offer({ name: 'Clothes', kind: 'AMOUNT_OFF', amountOff: euro('5.00'), categoryIds })
    const cart = await enter(aGuest(), [code])
    expect(cart.discounts).toMatchObject([{ amount: { amount: '5.00' }, lineId: cart.lines[0].id }])
    expect(cart.lines).toMatchObject([
      { sku: TEE.sku, total: { amount: '19.90' } },
      { discountTotal: { amount: '0.00' } },
    ])
    const other = await enter(aGuest(), [code], [mugs])
    expect(other.discountCodes).toEqual([{ code, isApplicable: false, reason: 'It is for other goods than these.' }])
  })

  test('make the cheapest units free', async () => {
    const { code } = await offer({ name: '2 + 1', kind: 'BUY_X_GET_Y', buyQuantity: 2, getQuantity: 1 })
    const cart = await enter(aGuest(), [code])
    expect(cart).toMatchObject({ discountTotal: { amount: '14.50' }, total: { amount: '39.40' } })
    expect(cart.discounts).toMatchObject([{ lineId: cart.lines[1].id }])
  })

  test('make the delivery free once one is chosen', async () => {
    const viewer = aGuest()
    const { code } = await offer({ name: 'Free delivery', kind: 'FREE_SHIPPING' })
    const { id: cartId, discountCodes } = await enter(viewer, [code])
    expect(discountCodes).toMatchObject([{ isApplicable: false, reason: 'There is no delivery to pay for yet.' }])
    const shippingAddress = { line1: 'Kastanienallee 12', city: 'Berlin', postalCode: '10435', countryCode: 'DE' }
    await mutate(viewer, 'cartBuyerUpdate', { cartId, shippingAddress })
    const optionId = demoId('shipping-method/express')
    const { cart } = await mutate(viewer, 'cartDeliveryOptionSelect', { cartId, optionId })
    expect(cart).toMatchObject({
      discountCodes: [{ isApplicable: true }],
      discounts: [{ amount: cart.deliveryOption.price, lineId: null }],
      discountTotal: { amount: '0.00' },
      shippingTotal: { amount: '0.00' },
      total: { amount: '53.90' },
    })
  })

  test('are kept although they take nothing off, and replaced as a whole', async () => {
    const viewer = aGuest()
    const cart = await enter(viewer, [' nobody-knows ', 'NOBODY-KNOWS'])
    expect(cart.discountCodes).toEqual([
      { code: 'nobody-knows', isApplicable: false, reason: 'There is no such code.' },
    ])
    const { cart: cleared } = await mutate(viewer, 'cartDiscountCodesSet', { cartId: cart.id, codes: [] })
    expect(cleared).toMatchObject({ discountCodes: [], version: cart.version + 1 })
    const codes = Array.from({ length: 11 }, (_, index) => `code-${index}`)
    const tooMany = await mutate(viewer, 'cartDiscountCodesSet', { cartId: cart.id, codes })
    expect(tooMany.userErrors).toMatchObject([{ code: 'LIMIT_EXCEEDED', field: ['input', 'codes'] }])
    const malformed = await mutate(viewer, 'cartDiscountCodesSet', { cartId: cart.id, codes: [' ', 'x'.repeat(51)] })
    expect(malformed.userErrors).toMatchObject([{ field: ['input', 'codes', '0'] }, { field: ['input', 'codes', '1'] }])
    const foreign = await mutate(aGuest(), 'cartDiscountCodesSet', { cartId: cart.id, codes })
    expect(foreign.userErrors).toMatchObject([{ code: 'LIMIT_EXCEEDED' }])
    const others = await mutate(aGuest(), 'cartDiscountCodesSet', { cartId: cart.id, codes: [] })
    expect(others.userErrors).toMatchObject([{ code: 'NOT_FOUND', field: ['input', 'cartId'] }])
  })

  test('with a limit per customer tell who used them already, an account or an address', async () => {
    const { id, code } = await offer({ name: 'Once', kind: 'AMOUNT_OFF', amountOff: euro('1.00'), perCustomerLimit: 1 })
    const use = (buyer: object) =>
      shop.ask(
        'cart',
        aService('orders'),
        'mutation ($input: PromotionUsageReserveInput!) { promotionUsageReserve(input: $input) { ok } }',
        { input: { checkoutId: uuidv7(), attempt: 1, promotionIds: [id], idempotencyKey: uuidv7(), ...buyer } },
      )
    const [account, guest] = [aCustomer(), aGuest()]
    await use({ customerId: account.id })
    await use({ email: 'Ada@example.com' })
    expect((await enter(account, [code])).discountCodes[0].reason).toBe('You have used this offer already.')
    const cart = await enter(guest, [code])
    expect(cart.discountCodes[0].isApplicable).toBe(true)
    const { cart: known } = await mutate(guest, 'cartBuyerUpdate', { cartId: cart.id, email: 'ada@Example.com' })
    expect(known).toMatchObject({ discountCodes: [{ isApplicable: false }], total: { amount: '53.90' } })
  })

  test('are in what a checkout is promised, whatever becomes of the promotion', async () => {
    const viewer = aGuest()
    const { id, code } = await offer({ name: 'Promised', kind: 'PERCENT_OFF', percentOff: '50' })
    const cart = await enter(viewer, [code])
    const hold = { cartId: cart.id, checkoutId: uuidv7(), attempt: 1, idempotencyKey: uuidv7() }
    const frozen = await mutate(aService('orders'), 'cartFreeze', hold)
    const promised = {
      status: 'FROZEN',
      discounts: [{ promotion: { id, name: 'Promised', code }, amount: { amount: '26.95' } }],
      discountCodes: [{ code, isApplicable: true }],
      total: { amount: '26.95' },
    }
    expect(frozen.cart).toMatchObject(promised)
    await remove(id)
    expect(await read(viewer)).toMatchObject(promised)
  })
})

test('promotions without a code apply by themselves while they are switched on', async () => {
  const { promotion } = await upsert({ name: 'For all', kind: 'AMOUNT_OFF', amountOff: euro('3.90') })
  const viewer = aGuest()
  expect(await withLines(viewer, [tee, mugs])).toMatchObject({
    discountCodes: [],
    discounts: [{ promotion: { id: promotion.id, code: null } }],
    total: { amount: '50.00' },
  })
  await upsert({ id: promotion.id, name: 'For all', kind: 'AMOUNT_OFF', amountOff: euro('3.90'), isActive: false })
  expect(await read(viewer)).toMatchObject({ discounts: [], total: { amount: '53.90' } })
})
