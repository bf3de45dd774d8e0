import { asc } from 'drizzle-orm'
import { addressSchema } from '#platform/address.ts'
import type { Context } from '#platform/context.ts'
import { badUserInput } from '#platform/errors.ts'
import { parseMoney } from '#platform/money.ts'
import { requireScope } from '#platform/viewer.ts'
import { optionsFrom, type DeliveryOption } from './delivery-option.ts'
import { methodsIn } from './loaders.ts'
import type { QueryDeliveryOptionsArgs } from './schema.generated.ts'
import { shippingMethods, zones } from './tables.ts'

/** What the router sends of a cart for `Cart.deliveryOptions`. */
export interface CartRepresentation {
  totalWeightGrams: number
  subtotal: { amount: string; currencyCode: string }
  shippingAddress: { countryCode: string; postalCode?: string | null } | null
}

/** Ways to have a cart delivered, cheapest first; null without an address. */
export async function optionsForCart(ctx: Context, cart: CartRepresentation): Promise<DeliveryOption[] | null> {
  if (!cart.shippingAddress) return null
  return await optionsTo(ctx, cart.shippingAddress.countryCode, cart.totalWeightGrams, cart.subtotal)
}

export async function optionsForGoods(
  ctx: Context,
  { address, weightGrams, subtotal }: QueryDeliveryOptionsArgs,
): Promise<DeliveryOption[]> {
  const { success, data } = addressSchema.safeParse(address)
  if (!success) badUserInput('`address` is not a postal address.')
  if (weightGrams < 0) badUserInput('`weightGrams` is 0 or more.')
  return await optionsTo(ctx, data.countryCode, weightGrams, subtotal)
}

async function optionsTo(
  ctx: Context,
  countryCode: string,
  weightGrams: number,
  subtotal: { amount: string; currencyCode: string },
): Promise<DeliveryOption[]> {
  const money = parseMoney(subtotal)
  if (!money || money.currency !== ctx.config.CURRENCY) badUserInput('`subtotal` is not in the currency of the store.')
  const methods = await methodsIn(ctx).load(countryCode)
  return optionsFrom(methods, { weightGrams, subtotalMinor: money.amountMinor }, ctx.now())
}

export async function allZones({ db, viewer }: Context) {
  requireScope(viewer, 'delivery:dispatch')
  return await db.select().from(zones).orderBy(asc(zones.name))
}

export async function allMethods({ db, viewer }: Context) {
  requireScope(viewer, 'delivery:dispatch')
  return await db.select().from(shippingMethods).orderBy(asc(shippingMethods.zoneId), asc(shippingMethods.basePrice))
}
