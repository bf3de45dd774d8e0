import { eq } from 'drizzle-orm'
import type { Context } from '#platform/context.ts'
import type { Db } from '#platform/database.ts'
import type { Announced } from '#platform/facts.ts'
import { uuidv7 } from '#platform/ids.ts'
import { customerItems, guestItems, guests, purchases } from './customer-tables.ts'

type Delivered = Announced<{ lines: { orderLineId: string; variantId: string; productId: string }[] }>

/**
 * What was delivered to somebody is theirs, an item for each line of the order, and what they say of it is of a verified
 * purchase. A guest's waits for the guest to become an account. Idempotent.
 */
export async function noteDelivered(
  { db, now }: Pick<Context, 'db' | 'now'>,
  { owner, data, entityId, occurredAt }: Pick<Delivered, 'owner' | 'data' | 'entityId' | 'occurredAt'>,
): Promise<void> {
  if (!owner) return
  const goods = data.lines.map(({ orderLineId, variantId, productId }) => ({
    orderLineId,
    variantId,
    productId,
    orderId: entityId,
    acquiredAt: new Date(occurredAt),
  }))
  await db.transaction(async (tx) => {
    const userId = owner.kind === 'user' ? owner.id : await accountOf(tx, owner.id)
    if (userId) return await handOver(tx, now(), userId, goods)
    const waiting = goods.map((each) => ({ ...each, guestId: owner.id }))
    await tx.insert(guestItems).values(waiting).onConflictDoNothing()
  })
}

/** What a guest had delivered, and what will yet be told of as delivered to that guest, is the account's. Idempotent. */
export async function claimDelivered(
  { db, now }: Pick<Context, 'db' | 'now'>,
  { data: { guestId, userId } }: Pick<Announced<{ guestId: string; userId: string }>, 'data'>,
): Promise<void> {
  await db.transaction(async (tx) => {
    await tx.insert(guests).values({ id: guestId, userId }).onConflictDoUpdate({ target: guests.id, set: { userId } })
    const goods = await tx.delete(guestItems).where(eq(guestItems.guestId, guestId)).returning()
    await handOver(tx, now(), userId, goods)
  })
}

// Locks the guest: of a delivery and a claim at once, the later one sees what the other did.
async function accountOf(tx: Db, guestId: string): Promise<string | null> {
  const [guest] = await tx
    .insert(guests)
    .values({ id: guestId })
    .onConflictDoUpdate({ target: guests.id, set: { id: guestId } })
    .returning()
  return guest!.userId
}

type Goods = Omit<typeof guestItems.$inferSelect, 'guestId'>

async function handOver(tx: Db, at: Date, userId: string, goods: readonly Goods[]): Promise<void> {
  if (goods.length === 0) return
  const items = goods.map(({ orderLineId, orderId, productId, variantId, acquiredAt }) => ({
    id: uuidv7(),
    userId,
    productId,
    variantId,
    orderId,
    orderLineId,
    acquiredAt,
    createdAt: at,
    updatedAt: at,
  }))
  await tx.insert(customerItems).values(items).onConflictDoNothing({ target: customerItems.orderLineId })
  // In one order: two deliveries at once wait for each other in one direction only.
  const productIds = [...new Set(goods.map(({ productId }) => productId))].toSorted()
  const bought = productIds.map((productId) => ({ userId, productId }))
  await tx.insert(purchases).values(bought).onConflictDoNothing()
}
