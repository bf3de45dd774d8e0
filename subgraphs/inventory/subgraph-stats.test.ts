import { sql } from 'drizzle-orm'
import { afterAll, expect, test } from 'vitest'
import type { Viewer } from '#platform/viewer.ts'
import { staffWith } from '../../tests/setup/viewers.ts'
import { keeper, openShop } from './test-customers.ts'

const { shop, db } = await openShop()
afterAll(async () => {
  await shop[Symbol.asyncDispose]()
})

test('figures of the stock at the end of a period are for administrators', async () => {
  const FIGURES = `query ($of: [_Any!]!) { _entities(representations: $of) { ... on AdminDashboard {
    inventory { products lowStock outOfStock stockValue { amount currencyCode } }
  } } }`
  const of = [{ __typename: 'AdminDashboard', from: '2020-01-01T00:00:00.000Z', to: '2020-06-01T00:00:00.000Z' }]
  const figures = async (viewer: Viewer, to: string) =>
    (
      await shop.ask('inventory', viewer, FIGURES, {
        of: [{ ...of[0], from: new Date(new Date(to).getTime() - 86_400_000).toISOString(), to }],
      })
    )._entities[0].inventory
  const admin = staffWith('admin:read')
  const now = await figures(admin, new Date(Date.now() + 60_000).toISOString())
  expect(now.products).toBeGreaterThan(60)
  const [truth] = await db.execute<{ value: string; out: number }>(sql`
    select (select sum(on_hand * price_minor) from inventory.stock_levels l join inventory.variants v on v.id = l.variant_id)::text as value,
      (select count(*) from inventory.variants v join inventory.products p on p.id = v.product_id and p.status = 'ACTIVE'
        where not exists (select from inventory.stock_levels l where l.variant_id = v.id and on_hand - reserved - committed > 0))::int as out`)
  expect(now.stockValue).toEqual({ amount: (Number(truth!.value) / 100).toFixed(2), currencyCode: 'EUR' })
  expect(now.outOfStock).toBe(truth!.out)
  expect(await figures(admin, '2020-06-01T00:00:00.000Z')).toMatchObject({
    products: 0,
    stockValue: { amount: '0.00' },
  })
  expect(await figures(keeper, '2020-06-01T00:00:00.000Z')).toBeNull()
})
