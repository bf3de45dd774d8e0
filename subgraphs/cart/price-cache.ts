import type { Context } from '#platform/context.ts'
import type { Basket, FreshPricing } from './cart.ts'
import { untilNextTurnMs } from './promotion.ts'
import type { CartRow } from './tables.ts'
import type { Terms } from './terms.ts'

const KEPT_MS = 5 * 60_000

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
