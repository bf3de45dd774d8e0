import { afterAll, describe, expect, test } from 'vitest'
import { uuidv7 } from '#platform/ids.ts'
import { anonymous, type Viewer } from '#platform/viewer.ts'
import { aCustomer, aGuest, staffWith } from '../../tests/setup/viewers.ts'
import { TEE, openShop } from './shopping.fixture.ts'

const { shop, mutate, read, withLines } = await openShop('cart', 'inventory')
afterAll(() => shop[Symbol.asyncDispose]())

const staff = staffWith('promotions:manage')
const RATE = 'id countryCode region taxCategory rate isIncludedInPrice'
async function upsert(input: object, viewer: Viewer = staff) {
  const document = `mutation ($input: TaxRateUpsertInput!) {
    taxRateUpsert(input: $input) { taxRate { ${RATE} } userErrors { code field } } }`
  return (await shop.ask('cart', viewer, document, { input })).taxRateUpsert
}
const list = async (countryCode: string | null) =>
  (
    await shop.ask('cart', staff, `query ($c: CountryCode) { taxRates(countryCode: $c) { ${RATE} } }`, {
      c: countryCode,
    })
  ).taxRates
const japan = { countryCode: 'JP', taxCategory: 'standard', rate: '0.1', isIncludedInPrice: true }

describe('tax rates of staff', () => {
  test('are kept, replaced and listed by country', async () => {
    const { taxRate } = await upsert(japan)
    expect(taxRate).toEqual({ ...japan, id: taxRate.id, region: null })
    const tokyo = await upsert({ ...japan, region: 'Tokyo', rate: '0.125' })
    await upsert({ ...japan, id: taxRate.id, rate: '0.08', isIncludedInPrice: false })
    expect(await list('JP')).toEqual([{ ...taxRate, rate: '0.08', isIncludedInPrice: false }, tokyo.taxRate])
    const countries: string[] = (await list(null)).map(({ countryCode }: { countryCode: string }) => countryCode)
    expect(countries).toEqual(countries.toSorted())
    expect(countries).toContain('DE')
  })

  test('are one for each place and kind of goods', async () => {
    const conflict = [{ code: 'CONFLICT', field: ['input', 'taxCategory'] }]
    expect((await upsert({ ...japan, countryCode: 'DE' })).userErrors).toEqual(conflict)
    expect((await upsert({ ...japan, countryCode: 'US', region: 'ny' })).userErrors).toEqual(conflict)
    const [berlin] = await list('DE')
    const other = await upsert({ ...japan, countryCode: 'DE', taxCategory: 'toys' })
    expect((await upsert({ ...japan, ...berlin, id: other.taxRate.id })).userErrors).toEqual(conflict)
  })

  test('are of a kind of goods in whichever letters staff name it', async () => {
    const { taxRate } = await upsert({ ...japan, taxCategory: ' Books' })
    expect(taxRate.taxCategory).toBe('books')
    const conflict = [{ code: 'CONFLICT', field: ['input', 'taxCategory'] }]
    expect((await upsert({ ...japan, taxCategory: 'books' })).userErrors).toEqual(conflict)
  })

  test('are refused for every reason at once', async () => {
    const wrong = { ...japan, id: 'malformed', region: ' ', taxCategory: 'x'.repeat(101), rate: '1' }
    expect((await upsert(wrong)).userErrors).toEqual([
      { code: 'NOT_FOUND', field: ['input', 'id'] },
      { code: 'INVALID', field: ['input', 'region'] },
      { code: 'INVALID', field: ['input', 'taxCategory'] },
      { code: 'INVALID', field: ['input', 'rate'] },
    ])
    for (const rate of ['-0.1', '0.1234567', '99999']) {
      expect((await upsert({ ...japan, rate })).userErrors).toEqual([{ code: 'INVALID', field: ['input', 'rate'] }])
    }
    expect((await upsert({ ...japan, id: uuidv7() })).userErrors).toEqual([
      { code: 'NOT_FOUND', field: ['input', 'id'] },
    ])
  })

  test('are theirs alone', async () => {
    for (const [viewer, code] of [
      [anonymous, 'UNAUTHENTICATED'],
      [aCustomer(), 'FORBIDDEN'],
    ] as const) {
      expect((await shop.answer('cart', viewer, '{ taxRates { id } }')).errors?.[0]?.extensions.code).toBe(code)
    }
  })
})

test('a cart is taxed where it is delivered: by region, added or contained, at the rate of today', async () => {
  const viewer = aGuest()
  const { id: cartId } = await withLines(viewer, [{ variantId: TEE.id, quantity: 1 }])
  const deliverTo = async (shippingAddress: object) => {
    const line1 = { line1: '1 Main Street', city: 'Somewhere', postalCode: '10001' }
    const input = { cartId, shippingAddress: { ...line1, ...shippingAddress } }
    return (await mutate(viewer, 'cartBuyerUpdate', input)).cart
  }
  expect(await deliverTo({ countryCode: 'US', region: 'ny' })).toMatchObject({
    taxLines: [{ title: 'Sales tax 8.875 %', rate: '0.08875', amount: { amount: '2.21' }, isIncludedInPrice: false }],
    lines: [{ total: { amount: '24.90' }, taxTotal: { amount: '2.21' } }],
    total: { amount: '27.11' },
  })
  expect(await deliverTo({ countryCode: 'US', region: 'OR' })).toMatchObject({
    taxLines: [],
    total: { amount: '24.90' },
  })
  await deliverTo({ countryCode: 'FR' })
  await upsert({
    id: (await list('FR')).find(({ taxCategory }: { taxCategory: string }) => taxCategory === 'standard').id,
    countryCode: 'FR',
    taxCategory: 'standard',
    rate: '0.25',
    isIncludedInPrice: true,
  })
  expect(await read(viewer)).toMatchObject({ taxTotal: { amount: '4.98' }, total: { amount: '24.90' } })
})
