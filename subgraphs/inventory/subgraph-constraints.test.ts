import { sql, type SQL } from 'drizzle-orm'
import { DrizzleQueryError } from 'drizzle-orm/errors'
import { PostgresError } from 'postgres'
import { afterAll, describe, expect, test } from 'vitest'
import { uuidv7 } from '#platform/ids.ts'
import { berlin, hamburg, openWarehouse } from './test-warehouse.ts'

// What the database itself refuses, whatever a program gets wrong. A variant's id is its product's here.

const { shop, db, aVariant } = await openWarehouse()
afterAll(async () => {
  await shop[Symbol.asyncDispose]()
})

/** The constraint that a statement breaks; null when it breaks none. */
async function brokenBy(statement: SQL): Promise<string | null> {
  try {
    await db.execute(statement)
    return null
  } catch (error) {
    const cause = error instanceof DrizzleQueryError ? error.cause : error
    if (cause instanceof PostgresError && cause.constraint_name) return cause.constraint_name
    throw error
  }
}

const [variant, other] = [await aVariant(0), await aVariant(0)]
const somebody = uuidv7()
const now = sql`now(), now()`
const [held] = await db.execute<{ id: string }>(sql`
  insert into inventory.reservations (id, created_at, updated_at, checkout_id, attempt, status, expires_at)
  values (uuidv7(), ${now}, ${uuidv7()}, 1, 'HELD', now()) returning id`)
const reservation = held!.id

describe('a row that cannot be', () => {
  const level = (onHand: number, reserved: number, committed: number) => sql`
    insert into inventory.stock_levels (variant_id, location_id, on_hand, reserved, committed)
    values (${variant}, ${hamburg}, ${onHand}, ${reserved}, ${committed})`
  const line = (quantity: number, shipped: number, returned: number) => sql`
    insert into inventory.reservation_lines (reservation_id, variant_id, location_id, quantity, shipped, returned)
    values (${reservation}, ${variant}, ${berlin}, ${quantity}, ${shipped}, ${returned})`

  test.each([
    ['stock_levels_on_hand', 'fewer than none on hand', level(-1, -1, 0)],
    ['stock_levels_reserved', 'fewer than none held', level(0, -1, 1)],
    ['stock_levels_committed', 'fewer than none sold', level(0, 1, -1)],
    ['stock_levels_available', 'more promised than there are', level(1, 1, 1)],
    ['reservation_lines_quantity', 'a hold of nothing', line(0, 0, 0)],
    ['reservation_lines_quantity', 'more shipped than sold', line(1, 2, 0)],
    ['reservation_lines_quantity', 'more back than shipped', line(2, 1, 2)],
    [
      'movements_quantity',
      'a movement of nothing',
      sql`insert into inventory.movements (id, variant_id, location_id, kind, quantity, at)
        values (uuidv7(), ${variant}, ${berlin}, 'ADJUST', 0, now())`,
    ],
    [
      'reservations_order',
      'a sale to no order',
      sql`update inventory.reservations set status = 'COMMITTED' where id = ${reservation}`,
    ],
    ['variants_price', 'a price below nothing', sql`update inventory.variants set price_minor = -1`],
    ['products_rating', 'stars of no review', sql`update inventory.products set rating_sum = 1, rating_count = 0`],
    [
      'reviews_rating',
      'six stars',
      sql`insert into inventory.reviews (id, created_at, updated_at, product_id, author_id, rating, status)
        values (uuidv7(), ${now}, ${variant}, ${somebody}, 6, 'PUBLISHED')`,
    ],
  ])('%s: %s', async (name, _what, statement) => {
    expect(await brokenBy(statement)).toBe(name)
  })
})

describe('of two rows there is one', () => {
  const item = (serialNumber: string | null, orderLineId: string | null, userId = somebody) => sql`
    insert into inventory.customer_items
      (id, created_at, updated_at, user_id, product_id, serial_number, acquired_at, order_line_id)
    values (uuidv7(), ${now}, ${userId}, ${variant}, ${serialNumber}, now(), ${orderLineId})`
  const line = uuidv7()
  const renamed = (table: string, column: string, id: string) =>
    sql`update ${sql.identifier('inventory')}.${sql.identifier(table)} set ${sql.identifier(column)} = 'one' where id = ${id}`
  const reserved = sql`
    insert into inventory.reservations (id, created_at, updated_at, checkout_id, attempt, status, expires_at)
    values (uuidv7(), ${now}, ${somebody}, 1, 'HELD', now())`

  test.each<[string, SQL, SQL?]>([
    [
      'idempotency_keys_scope_key_pk',
      sql`insert into inventory.idempotency_keys values ('stockReserve', 'key', '', '{}', now())`,
    ],
    [
      'stock_levels_variant_id_location_id_pk',
      sql`insert into inventory.stock_levels values (${variant}, ${hamburg}, 0, 0, 0)`,
    ],
    [
      'reservation_lines_reservation_id_variant_id_location_id_pk',
      sql`insert into inventory.reservation_lines values (${reservation}, ${variant}, ${berlin}, 1, 0)`,
    ],
    ['reservations_attempt', reserved],
    [
      'low_stock_alerts_open',
      sql`insert into inventory.low_stock_alerts values (uuidv7(), ${variant}, ${berlin}, 1, 5, now())`,
    ],
    [
      'reviews_once',
      sql`insert into inventory.reviews (id, created_at, updated_at, product_id, author_id, rating, status)
        values (uuidv7(), ${now}, ${variant}, ${somebody}, 5, 'PUBLISHED')`,
    ],
    [
      'wishlist_items_once',
      sql`insert into inventory.wishlist_items (id, created_at, updated_at, user_id, product_id)
        values (uuidv7(), ${now}, ${somebody}, ${variant})`,
    ],
    [
      'restock_wishes_variant_id_user_id_pk',
      sql`insert into inventory.restock_wishes values (${variant}, ${somebody}, now())`,
    ],
    ['purchases_user_id_product_id_pk', sql`insert into inventory.purchases values (${somebody}, ${variant})`],
    ['customer_items_once', item(null, null)],
    ['customer_items_serial_number', item('SN-1', null), item('SN-1', null, uuidv7())],
    ['customer_items_order_line', item(null, line), item(null, line, uuidv7())],
    ['variants_sku_unique', renamed('variants', 'sku', variant), renamed('variants', 'sku', other)],
    ['products_slug_unique', renamed('products', 'slug', variant), renamed('products', 'slug', other)],
    ['locations_name_unique', renamed('locations', 'name', berlin), renamed('locations', 'name', hamburg)],
    [
      'categories_slug_unique',
      sql`insert into inventory.categories (id, created_at, updated_at, slug, name, path)
        values (uuidv7(), ${now}, 'one', 'One', '{}')`,
    ],
    ['guests_pkey', sql`insert into inventory.guests values (${somebody})`],
    [
      'guest_items_pkey',
      sql`insert into inventory.guest_items values (${line}, ${somebody}, ${line}, ${variant}, ${variant}, now())`,
    ],
  ])('%s', async (name, first, second = first) => {
    expect(await brokenBy(first)).toBeNull()
    expect(await brokenBy(second)).toBe(name)
  })
})
