import { describe, expect, test } from 'vitest'
import { demoId } from '#platform/ids.ts'
import type { Offer } from './cart.ts'
import { addition, update } from './cart-line.ts'

const variant = (name: string) => demoId(`variant/${name}`)
const anOffer = (name: string, values: Partial<Offer> = {}): Offer => ({
  variantId: variant(name),
  productId: demoId(`product/${name}`),
  sku: name,
  title: name,
  unitPriceMinor: 1_000,
  weightGrams: 100,
  taxCategory: 'standard',
  maxOrderQuantity: 10,
  available: 100,
  categoryIds: null,
  ...values,
})
const offers = (...list: Offer[]) => new Map(list.map((offer) => [offer.variantId, offer]))
const held = (name: string, quantity: number) => ({
  ...anOffer(name),
  id: demoId(`line/${name}`),
  cartId: demoId('cart'),
  quantity,
})
const found = (errors: readonly { code: string; field?: readonly string[] | null }[]) =>
  errors.map(({ code, field }) => [code, field?.join('.')])

describe('putting units in', () => {
  test('units add up with what is held and with each other', () => {
    const { keep, errors } = addition(
      [1, 2].map((quantity) => ({ variantId: variant('tee'), quantity })),
      offers(anOffer('tee')),
      [held('tee', 3)],
    )
    expect(errors).toEqual([])
    expect(keep).toMatchObject([{ sku: 'tee', quantity: 6 }])
  })

  test('every problem of every line is found at once', () => {
    const { errors } = addition(
      [
        { variantId: variant('tee'), quantity: 0 },
        { variantId: variant('unknown'), quantity: -1 },
        { variantId: variant('mug'), quantity: 1_000_000 },
        { variantId: variant('bag'), quantity: 5 },
      ],
      offers(anOffer('tee'), anOffer('mug'), anOffer('bag', { available: 3 })),
      [],
    )
    expect(found(errors)).toEqual([
      ['INVALID', 'input.lines.0.quantity'],
      ['INVALID', 'input.lines.1.quantity'],
      ['NOT_FOUND', 'input.lines.1.variantId'],
      ['LIMIT_EXCEEDED', 'input.lines.2.quantity'],
      ['INSUFFICIENT_STOCK', 'input.lines.3.quantity'],
    ])
    expect(errors[4]).toMatchObject({ variant: { id: variant('bag') }, requested: 5, available: 3 })
  })

  test('a line that shows fewer units than were asked for is topped up from those', () => {
    const few = offers(anOffer('tee', { available: 4 }))
    const one = [{ variantId: variant('tee'), quantity: 1 }]
    expect(addition(one, few, [held('tee', 9)]).errors).toMatchObject([{ requested: 5, available: 4 }])
    expect(addition(one, few, [held('tee', 3)]).keep).toMatchObject([{ quantity: 4 }])
  })

  test('a line costs no more than leaves the cart an amount that can be told', () => {
    const dear = anOffer('tee', { unitPriceMinor: 10_000_000_000, maxOrderQuantity: 10_000, available: 100_000 })
    const wanted = (quantity: number) => [{ variantId: variant('tee'), quantity }]
    expect(addition(wanted(4_000), offers(dear), []).errors).toEqual([])
    expect(found(addition(wanted(4_001), offers(dear), []).errors)).toEqual([
      ['LIMIT_EXCEEDED', 'input.lines.0.quantity'],
    ])
    expect(found(addition(wanted(1), offers(dear), [held('tee', 10_000)]).errors)).toEqual([
      ['LIMIT_EXCEEDED', 'input.lines.0.quantity'],
    ])
    const line = { ...held('tee', 1), unitPriceMinor: dear.unitPriceMinor, maxOrderQuantity: 10_000 }
    for (const known of [offers(dear), null]) {
      expect(found(update([{ lineId: line.id, quantity: 4_001 }], known, [line]).errors)).toEqual([
        ['LIMIT_EXCEEDED', 'input.lines.0.quantity'],
      ])
    }
  })

  test('a cart holds at most 100 lines', () => {
    const full = Array.from({ length: 100 }, (_, index) => held(`line-${index}`, 1))
    const more = addition([{ variantId: variant('tee'), quantity: 1 }], offers(anOffer('tee')), full)
    expect(found(more.errors)).toEqual([['LIMIT_EXCEEDED', 'input.lines']])
    const same = addition([{ variantId: variant('line-7'), quantity: 1 }], offers(anOffer('line-7')), full)
    expect(same.errors).toEqual([])
  })
})

describe('setting quantities', () => {
  test('0 removes a line, and the last entry for a line counts', () => {
    const lines = [held('tee', 1), held('mug', 2)]
    const wanted = [
      { lineId: lines[0]!.id, quantity: 0 },
      { lineId: lines[1]!.id, quantity: 0 },
      { lineId: lines[1]!.id, quantity: 5 },
    ]
    const { keep, removeIds, errors } = update(wanted, offers(anOffer('tee'), anOffer('mug')), lines)
    expect(errors).toEqual([])
    expect(removeIds).toEqual([lines[0]!.id])
    expect(keep).toMatchObject([{ sku: 'mug', quantity: 5 }])
  })

  test('every problem is found at once', () => {
    const lines = [held('tee', 1), held('mug', 1), held('gone', 1)]
    const wanted = [
      { lineId: demoId('line/unknown'), quantity: 1 },
      { lineId: lines[0]!.id, quantity: -1 },
      { lineId: lines[1]!.id, quantity: 11 },
      { lineId: lines[2]!.id, quantity: 2 },
    ]
    const { errors } = update(wanted, offers(anOffer('tee'), anOffer('mug')), lines)
    expect(found(errors)).toEqual([
      ['NOT_FOUND', 'input.lines.0.lineId'],
      ['INVALID', 'input.lines.1.quantity'],
      ['LIMIT_EXCEEDED', 'input.lines.2.quantity'],
      ['NOT_FOUND', 'input.lines.3.lineId'],
    ])
  })

  test('without the catalogue a line keeps its details and its limit', () => {
    const line = held('tee', 1)
    expect(update([{ lineId: line.id, quantity: 4 }], null, [line]).keep).toMatchObject([{ sku: 'tee', quantity: 4 }])
    expect(update([{ lineId: line.id, quantity: 11 }], null, [line]).errors).toMatchObject([{ code: 'LIMIT_EXCEEDED' }])
  })
})
