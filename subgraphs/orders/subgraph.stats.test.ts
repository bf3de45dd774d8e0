import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Viewer } from '#platform/viewer.ts'
import { openParts, type Parts } from '../../tests/setup/parts.ts'
import { aCustomer, aGuest, staffWith } from '../../tests/setup/viewers.ts'
import { anOrder } from './order.fixture.ts'

const admin = staffWith('admin:read')
const may = (day: number) => new Date(Date.UTC(2026, 4, day))

let shop: Parts
beforeAll(async () => {
  shop = await openParts(['orders'])
})
afterAll(() => shop[Symbol.asyncDispose]())

const QUERY = /* GraphQL */ `
  query ($of: [_Any!]!) {
    _entities(representations: $of) {
      ... on AdminDashboard {
        orders {
          count
          revenue {
            amount
            currencyCode
          }
          averageValue {
            amount
          }
          byStatus {
            status
            count
          }
          needsAttention
        }
      }
    }
  }
`
const of = (from: Date, to: Date) => ({
  of: [{ __typename: 'AdminDashboard', from: from.toISOString(), to: to.toISOString() }],
})
const stats = async (from: Date, to: Date) => (await shop.ask('orders', admin, QUERY, of(from, to)))._entities[0].orders

test('a period without orders has none, worth nothing', async () => {
  expect(await stats(may(1), may(2))).toEqual({
    count: 0,
    revenue: { amount: '0.00', currencyCode: 'EUR' },
    averageValue: { amount: '0.00' },
    byStatus: [],
    needsAttention: 0,
  })
})

test('counts what was placed from its start up to its end; what was cancelled is no revenue', async () => {
  const placed = (day: number, set: Parameters<typeof anOrder>[2]) =>
    anOrder(shop, aCustomer(), { placedAt: may(day), ...set })
  await placed(10, { totalMinor: 1000 })
  await placed(11, { totalMinor: 1001, status: 'DELIVERED' })
  await placed(12, { totalMinor: 5000, status: 'CANCELLED', cancelledAt: may(13), cancelReason: 'OTHER' })
  await placed(12, { totalMinor: 700, currency: 'USD' })
  await placed(9, { totalMinor: 1 })
  await placed(13, { totalMinor: 1 })
  expect(await stats(may(10), may(13))).toEqual({
    count: 4,
    revenue: { amount: '20.01', currencyCode: 'EUR' },
    averageValue: { amount: '10.01' },
    byStatus: [
      { status: 'CANCELLED', count: 1 },
      { status: 'CONFIRMED', count: 2 },
      { status: 'DELIVERED', count: 1 },
    ],
    needsAttention: 0,
  })
})

test.each<[string, Viewer, string]>([
  ['nobody', { kind: 'anonymous' }, 'UNAUTHENTICATED'],
  ['a guest', aGuest(), 'UNAUTHENTICATED'],
  ['a customer', aCustomer(), 'FORBIDDEN'],
  ['staff without the right to it', staffWith('orders:read', 'orders:manage'), 'FORBIDDEN'],
])('%s does not see it', async (_, viewer, code) => {
  const { data, errors } = await shop.answer('orders', viewer, QUERY, of(may(1), may(2)))
  expect(data?._entities[0].orders).toBeNull()
  expect(errors).toMatchObject([{ extensions: { code } }])
})

test('a period of more than 366 days is refused', async () => {
  const { errors } = await shop.answer('orders', admin, QUERY, of(new Date(Date.UTC(2025, 0, 1)), may(13)))
  expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }])
})
