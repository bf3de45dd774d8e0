import type { Context } from '#platform/context.ts'
import { demoId } from '#platform/ids.ts'
import { promotions, taxRates } from './tables.ts'

// Country, region, kind of goods, rate, and whether prices contain it.
const RATES = [
  ['DE', null, 'standard', '0.19', true],
  ['DE', null, 'books', '0.07', true],
  ['DE', null, 'food', '0.07', true],
  ['AT', null, 'standard', '0.20', true],
  ['AT', null, 'books', '0.10', true],
  ['AT', null, 'food', '0.10', true],
  ['FR', null, 'standard', '0.20', true],
  ['FR', null, 'books', '0.055', true],
  ['FR', null, 'food', '0.055', true],
  ['NL', null, 'standard', '0.21', true],
  ['NL', null, 'books', '0.09', true],
  ['NL', null, 'food', '0.09', true],
  ['US', 'NY', 'standard', '0.08875', false],
  ['US', 'CA', 'standard', '0.0725', false],
] as const

const OFFERS: (Pick<typeof promotions.$inferInsert, 'name' | 'kind' | 'code'> &
  Partial<typeof promotions.$inferInsert>)[] = [
  { name: '10 % off your first order', kind: 'PERCENT_OFF', code: 'WELCOME10', percentOff: '10', perCustomerLimit: 1 },
  { name: 'Free delivery', kind: 'FREE_SHIPPING', code: 'FREESHIP', minimumSubtotalMinor: 2_500 },
  {
    name: 'Three mugs for the price of two',
    kind: 'BUY_X_GET_Y',
    code: 'MUGS',
    buyQuantity: 2,
    getQuantity: 1,
    categoryIds: [demoId('category/mugs')],
  },
]

/** The tax rates of the demo shop, and a few offers with codes. */
export async function seed({ db, now }: Pick<Context, 'db' | 'now'>): Promise<boolean> {
  const rows = RATES.map(([countryCode, region, taxCategory, rate, isIncludedInPrice]) => ({
    id: demoId(`tax-rate/${countryCode}-${region ?? ''}-${taxCategory}`),
    countryCode,
    region,
    taxCategory,
    rate,
    isIncludedInPrice,
  }))
  const added = await db.insert(taxRates).values(rows).onConflictDoNothing().returning({ id: taxRates.id })
  const times = { createdAt: now(), updatedAt: now() }
  const offers = OFFERS.map((offer) => ({ ...offer, ...times, id: demoId(`promotion/${offer.code}`), isActive: true }))
  await db.insert(promotions).values(offers).onConflictDoNothing()
  return added.length > 0
}
