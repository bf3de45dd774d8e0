import type { Context } from '#platform/context.ts'
import { loadGrouped } from '#platform/loader.ts'
import { deliveryOptionsFor } from './calls/delivery.ts'
import { offersFor } from './calls/inventory.ts'
import { basketOf, priceOf, type Basket, type Delivery, type FreshPricing, type Pricing, type Summary } from './cart.ts'
import { claimProblems } from './claim.ts'
import { offersOnce } from './offers.ts'
import { keepPricing, pricingKept, type SeenCart } from './price-cache.ts'
import type { CartRow } from './tables.ts'
import { readTerms, type Terms } from './terms.ts'

/** What a cart holds now and is priced by, and whether the catalogue was asked or the lines' own copies had to do. */
interface Contents {
  terms: Terms
  basket: Basket
  isUpToDate: boolean
}

// A row read again after a change is another version, with another content.
const identity = { keyOf: ({ id, version }: CartRow) => `${id} ${version}`, argsOf: () => '' }

/** Contents of some carts: one statement and one call for all of them. */
const contentsLoader = loadGrouped(async (ctx: Context, carts: readonly CartRow[]): Promise<Contents[]> => {
  const read = await readTerms(
    ctx,
    carts.map(({ id }) => id),
  )
  const byId = new Map(read.map((terms) => [terms.cart.id, terms]))
  return await contentsOf(
    ctx,
    carts.map(({ id }) => byId.get(id)!),
    offersOnce,
  )
}, identity)

// A cart that is closed is not compared with the catalogue any more.
async function contentsOf(ctx: Context, all: readonly Terms[], ask: typeof offersOnce): Promise<Contents[]> {
  const open = all.filter(({ cart }) => cart.status === 'ACTIVE')
  const variantIds = open.flatMap(({ lines }) => lines.map(({ variantId }) => variantId))
  const withCategories = open.some(({ promotions }) => promotions.some(({ categoryIds }) => categoryIds !== null))
  const offers = await ask(ctx, variantIds, { withCategories })
  return all.map((terms) => ({
    terms,
    basket: basketOf(terms.lines, open.includes(terms) ? offers : null, terms.cart.currency),
    isUpToDate: offers !== null,
  }))
}

async function priced(ctx: Context, { terms, basket, isUpToDate }: Contents): Promise<FreshPricing> {
  const { cart, rates, promotions, readAt } = terms
  const place = cart.shippingAddress ?? { countryCode: ctx.config.COUNTRY, region: null }
  const delivery = await deliveryOf(ctx, cart, basket)
  const offered = { promotions, codes: cart.discountCodes, now: readAt }
  const pricing = priceOf(basket, delivery, { rates, place }, offered)
  return {
    ...pricing,
    problems: [...pricing.problems, ...claimProblems(cart.leftOut ?? {})],
    isUpToDate: isUpToDate && delivery.isUpToDate,
  }
}

async function deliveryOf(ctx: Context, cart: CartRow, basket: Basket): Promise<Delivery & { isUpToDate: boolean }> {
  const { deliveryOption: chosen, status } = cart
  if (!chosen || status !== 'ACTIVE') return { chosen, current: chosen, isUpToDate: true }
  const options = await deliveryOptionsFor(ctx, cart, basket)
  if (!options) return { chosen, current: chosen, isUpToDate: false }
  return { chosen, current: options.find(({ id }) => id === chosen.id) ?? null, isUpToDate: true }
}

const keptLoader = loadGrouped(
  async (ctx: Context, carts: readonly SeenCart[]) => await Promise.all(carts.map((cart) => pricingKept(ctx, cart))),
  identity,
)

/** What a cart holds, without asking what its delivery and taxes come to. */
export const summaryOf = async (ctx: Context, cart: SeenCart): Promise<Summary> =>
  cart.frozen ?? (await keptLoader(ctx).load(cart)) ?? (await contentsLoader(ctx).load(cart)).basket

const pricingLoader = loadGrouped(
  async (ctx: Context, carts: readonly SeenCart[]): Promise<Pricing[]> =>
    await Promise.all(
      carts.map(async (cart) => {
        const kept = await keptLoader(ctx).load(cart)
        if (kept) return kept
        const contents = await contentsLoader(ctx).load(cart)
        const pricing = await priced(ctx, contents)
        await keepPricing(ctx, contents.terms, contents.basket, pricing)
        return pricing
      }),
    ),
  identity,
)

/** What a cart comes to: at today's prices while it is ACTIVE, as the checkout was told once it is frozen. */
export const pricingOf = async (ctx: Context, cart: SeenCart): Promise<Pricing> =>
  cart.frozen ?? (await pricingLoader(ctx).load(cart))

/** A cart of anybody's as it is now with what it comes to, past everything that was read before; null when unknown. */
export async function pricedAnew(
  ctx: Context,
  cartId: string,
): Promise<{ cart: CartRow; pricing: FreshPricing } | null> {
  const [terms] = await readTerms(ctx, [cartId])
  if (!terms) return null
  const [contents] = await contentsOf(ctx, [terms], offersFor)
  return { cart: terms.cart, pricing: await priced(ctx, contents!) }
}
