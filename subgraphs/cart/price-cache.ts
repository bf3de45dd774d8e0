import { sql, type SQL } from 'drizzle-orm'
import type { Context } from '#platform/context.ts'
import type { Db } from '#platform/database.ts'
import type { Basket } from './cart.ts'
import type { FreshPricing } from './pricing.ts'
import { untilNextTurnMs } from './promotion.ts'
import { priceEpoch, type CartRow } from './tables.ts'
import type { Terms } from './terms.ts'

const KEPT_MS = 5 * 60_000

/** What prices carts have today: it grows with every change of the catalogue, of promotions and of taxes. */
export const currentEpoch = sql<number>`coalesce((select ${priceEpoch.epoch} from ${priceEpoch}), 0)`

/** A cart as read together with the price epoch. */
export type SeenCart = CartRow & { epoch?: number }

// A change of the cart makes another version, a change of prices another epoch: nobody reads what was before a write of
// their own. Both are read in one statement with what is priced, so that nothing newer hides behind an older name.
const keyOf = ({ id, version }: CartRow, epoch: number): string => `priced-cart:${id}:${version}:${epoch}`

/** What a cart came to the last time, if it would come to the same now. */
export async function pricingKept({ cache }: Pick<Context, 'cache'>, cart: SeenCart): Promise<FreshPricing | null> {
  if (cart.epoch === undefined || cart.status !== 'ACTIVE') return null
  return ((await cache.get(keyOf(cart, cart.epoch))) as FreshPricing | undefined) ?? null
}

/** Keeps what a cart comes to for whoever reads it next, no longer than until a promotion begins or ends. */
export async function keepPricing(
  { cache, now }: Pick<Context, 'cache' | 'now'>,
  { cart, epoch, promotions, readAt }: Terms,
  basket: Basket,
  pricing: FreshPricing,
): Promise<void> {
  if (cart.status !== 'ACTIVE' || !pricing.isUpToDate || basket.items.some(({ isScarce }) => isScarce)) return
  const leftMs = Math.min(KEPT_MS, untilNextTurnMs(promotions, readAt)) - (now().getTime() - readAt.getTime())
  await cache.set(keyOf(cart, epoch), pricing, leftMs)
}

/**
 * Prices changed: what carts came to until now counts no more. Its row is locked after all others, as a checkout that
 * uses an offer up does it in the same order.
 */
export async function raiseEpoch(db: Db): Promise<void> {
  await db.execute(raised(sql`from (values (true)) as always`))
}

/** The same as a part of a statement, once if `from` has rows. Counted, so that all of them are locked before this one. */
export const raised = (from: SQL): SQL => sql`
  insert into ${priceEpoch} as e (is_only, epoch) select true, 1 ${from} having count(*) > 0
  on conflict (is_only) do update set epoch = e.epoch + 1`
