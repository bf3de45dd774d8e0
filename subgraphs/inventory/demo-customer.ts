import type { Db } from '#platform/database.ts'
import { demoId } from '#platform/ids.ts'
import { customerItems, wishlistItems } from './customer-tables.ts'
import { demoOrders, type DemoOrder } from './demo-stock.ts'
import { variants } from './tables.ts'
import { eq } from 'drizzle-orm'

const HOUR_MS = 3_600_000
// Its parcel took two days.
const DELIVERED_AFTER_HOURS = 48

/** What Alice owns of the order that was delivered to her, and what she would like to. */
export async function seedAlice(tx: Db, now: Date): Promise<void> {
  const userId = demoId('user/alice')
  const order = demoOrders.find(({ name }) => name === 'alice-delivered')!
  for (const [index, [sku]] of order.lines.entries()) await own(tx, userId, order, index, sku, now)
  const wanted = await productOf(tx, 'BAG-CANVAS-NAT')
  await tx.insert(wishlistItems).values({
    id: demoId('wishlist-item/alice-bag'),
    userId,
    productId: wanted,
    variantId: demoId('variant/BAG-CANVAS-NAT'),
    createdAt: now,
    updatedAt: now,
  })
}

async function own(tx: Db, userId: string, order: DemoOrder, index: number, sku: string, now: Date): Promise<void> {
  const acquiredAt = new Date(now.getTime() - (order.hoursAgo - DELIVERED_AFTER_HOURS) * HOUR_MS)
  await tx.insert(customerItems).values({
    id: demoId(`customer-item/${order.name}-${index + 1}`),
    userId,
    productId: await productOf(tx, sku),
    variantId: demoId(`variant/${sku}`),
    orderId: demoId(`order/${order.name}`),
    orderLineId: demoId(`order-line/${order.name}-${index + 1}`),
    acquiredAt,
    createdAt: acquiredAt,
    updatedAt: acquiredAt,
  })
}

async function productOf(tx: Db, sku: string): Promise<string> {
  const [variant] = await tx.select({ productId: variants.productId }).from(variants).where(eq(variants.sku, sku))
  return variant!.productId
}
