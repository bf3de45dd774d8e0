import { lacks } from '#platform/database.ts'
import { reject } from '#platform/user-errors.ts'

/**
 * Rejects with NOT_FOUND what was to refer from `table` to a product or variant that was removed since it was looked for:
 * `insert.catch(rejectRemoved('reviews'))`.
 */
export const rejectRemoved =
  (table: 'reviews' | 'wishlist_items' | 'restock_wishes' | 'customer_items') =>
  (error: unknown): never => {
    if (lacks(error, `${table}_product_id_products_id_fk`))
      reject('NOT_FOUND', 'There is no such product.', ['productId'])
    if (lacks(error, `${table}_variant_id_variants_id_fk`))
      reject('NOT_FOUND', 'There is no such variant.', ['variantId'])
    throw error
  }
