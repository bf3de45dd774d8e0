import { asc, inArray } from 'drizzle-orm'
import type { Context } from '#platform/context.ts'
import { loadGrouped } from '#platform/loader.ts'
import { deliveryOptionsFor } from './calls/delivery.ts'
import { offersFor } from './calls/inventory.ts'
import { basketOf, priceOf, type Basket, type Delivery, type Pricing, type Summary } from './cart.ts'
import { cartLines, taxRates, type CartRow } from './tables.ts'

/** A basket, and whether the catalogue was asked or the lines' own copies of it had to do. */
interface FreshBasket extends Basket {
  isUpToDate: boolean
}

export interface FreshPricing extends Pricing {
  /** False when inventory or delivery could not be asked: then it is as last known. */
  isUpToDate: boolean
}

// A row read again after a change is another version, with another content.
const identity = { keyOf: ({ id, version }: CartRow) => `${id} ${version}`, argsOf: () => '' }

/** Baskets of some carts: one statement and one call for all of them. A cart that is closed is not compared any more. */
const basketLoader = loadGrouped(async (ctx: Context, carts: readonly CartRow[]): Promise<FreshBasket[]> => {
  const lines = await ctx.db
    .select()
    .from(cartLines)
    .where(
      inArray(
        cartLines.cartId,
        carts.map(({ id }) => id),
      ),
    )
    .orderBy(asc(cartLines.id))
  const open = new Set(carts.filter(({ status }) => status === 'ACTIVE').map(({ id }) => id))
  const openLines = lines.filter(({ cartId }) => open.has(cartId))
  const offers = await offersFor(
    ctx,
    openLines.map(({ variantId }) => variantId),
  )
  const linesOf = Map.groupBy(lines, ({ cartId }) => cartId)
  return carts.map(({ id, currency }) => ({
    ...basketOf(linesOf.get(id) ?? [], open.has(id) ? offers : null, currency),
    isUpToDate: offers !== null,
  }))
}, identity)

const pricingLoader = loadGrouped(async (ctx: Context, carts: readonly CartRow[]): Promise<FreshPricing[]> => {
  const places = carts.map(
    ({ shippingAddress }) => shippingAddress ?? { countryCode: ctx.config.COUNTRY, region: null },
  )
  const countries = [...new Set(places.map(({ countryCode }) => countryCode))]
  const [rates, baskets] = await Promise.all([
    ctx.db.select().from(taxRates).where(inArray(taxRates.countryCode, countries)),
    Promise.all(carts.map((cart) => basketLoader(ctx).load(cart))),
  ])
  return await Promise.all(
    carts.map(async (cart, index) => {
      const { isUpToDate, ...basket } = baskets[index]!
      const delivery = await deliveryOf(ctx, cart, basket)
      return {
        ...priceOf(basket, delivery, { rates, place: places[index]! }),
        isUpToDate: isUpToDate && delivery.isUpToDate,
      }
    }),
  )
}, identity)

async function deliveryOf(ctx: Context, cart: CartRow, basket: Basket): Promise<Delivery & { isUpToDate: boolean }> {
  const { deliveryOption: chosen, status } = cart
  if (!chosen || status !== 'ACTIVE') return { chosen, current: chosen, isUpToDate: true }
  const options = await deliveryOptionsFor(ctx, cart, basket)
  if (!options) return { chosen, current: chosen, isUpToDate: false }
  return { chosen, current: options.find(({ id }) => id === chosen.id) ?? null, isUpToDate: true }
}

/** What a cart holds, without asking what its delivery and taxes come to. */
export const summaryOf = async (ctx: Context, cart: CartRow): Promise<Summary> =>
  cart.frozen ?? (await basketLoader(ctx).load(cart))

/** What a cart comes to: at today's prices while it is ACTIVE, as the checkout was told once it is frozen. */
export const pricingOf = async (ctx: Context, cart: CartRow): Promise<Pricing> =>
  cart.frozen ?? (await freshPricingOf(ctx, cart))

export const freshPricingOf = (ctx: Context, cart: CartRow): Promise<FreshPricing> => pricingLoader(ctx).load(cart)
