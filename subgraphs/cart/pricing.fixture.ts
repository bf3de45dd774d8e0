import { demoId } from '#platform/ids.ts'
import type { DeliveryChoice } from './cart.ts'
import type { Candidate } from './promotion.ts'
import type { CartLineRow } from './tables.ts'

export const NOW = new Date('2026-03-01T12:00:00Z')

export const aLine = (name: string, values: Partial<CartLineRow> = {}): CartLineRow => ({
  id: demoId(`line/${name}`),
  cartId: demoId('cart'),
  variantId: demoId(`variant/${name}`),
  productId: demoId(`product/${name}`),
  sku: name,
  title: name,
  quantity: 1,
  unitPriceMinor: 1_000,
  weightGrams: 100,
  taxCategory: 'standard',
  maxOrderQuantity: 20,
  ...values,
})

/** What the catalogue answers: these lines as they are, of each 100 units unless said otherwise. */
export const offering = (
  ...lines: readonly (CartLineRow & { available?: number; categoryIds?: readonly string[] | null })[]
) => new Map(lines.map((line) => [line.variantId, { categoryIds: null, ...line, available: line.available ?? 100 }]))

export const standardDelivery = (amountMinor: number, currency = 'EUR'): DeliveryChoice => ({
  id: 'standard',
  name: 'Standard',
  price: { amountMinor, currency },
  estimatedFrom: '2026-03-02T08:00:00.000Z',
  estimatedTo: '2026-03-04T18:00:00.000Z',
})

const aPromotion = (values: Partial<Candidate>): Candidate => ({
  id: demoId(`promotion/${values.name ?? values.kind ?? ''}`),
  name: 'An offer',
  kind: 'FREE_SHIPPING',
  code: null,
  percentOff: null,
  amountOffMinor: null,
  minimumSubtotalMinor: null,
  categoryIds: null,
  buyQuantity: null,
  getQuantity: null,
  startsAt: null,
  endsAt: null,
  isActive: true,
  usageLimit: null,
  usageCount: 0,
  perCustomerLimit: null,
  usedByCustomer: 0,
  createdAt: NOW,
  updatedAt: NOW,
  version: 1,
  ...values,
})

export const percentOff = (percent: string, values: Partial<Candidate> = {}): Candidate =>
  aPromotion({ kind: 'PERCENT_OFF', percentOff: percent, ...values })

export const amountOff = (amountOffMinor: number, values: Partial<Candidate> = {}): Candidate =>
  aPromotion({ kind: 'AMOUNT_OFF', amountOffMinor, ...values })

export const freeShipping = (values: Partial<Candidate> = {}): Candidate =>
  aPromotion({ kind: 'FREE_SHIPPING', ...values })

export const buyGet = (buyQuantity: number, getQuantity: number, values: Partial<Candidate> = {}): Candidate =>
  aPromotion({ kind: 'BUY_X_GET_Y', buyQuantity, getQuantity, ...values })
