import { operation } from '#platform/calls.ts'
import type { Context } from '#platform/context.ts'
import { parseMoney, toDecimal } from '#platform/money.ts'
import type { DeliveryChoice, Summary } from '../cart.ts'
import type { CartRow } from '../tables.ts'
import { unlessUnreachable } from '../outage.ts'
import type { DeliveryOptionsQuery, DeliveryOptionsQueryVariables } from './delivery.generated.ts'

const DELIVERY_OPTIONS = operation<DeliveryOptionsQuery, DeliveryOptionsQueryVariables>(
  'delivery',
  /* GraphQL */ `
    query DeliveryOptions($representations: [_Any!]!) {
      _entities(representations: $representations) {
        ... on Cart {
          deliveryOptions {
            id
            name
            price {
              amount
              currencyCode
            }
            estimatedFrom
            estimatedTo
          }
        }
      }
    }
  `,
)

/**
 * Ways to have a basket delivered to the cart's address now; empty when there is none, null when they cannot be loaded.
 * They belong to delivery, which is asked for them the way the router asks: with the cart as an entity.
 */
export async function deliveryOptionsFor(
  ctx: Pick<Context, 'call'>,
  { id, shippingAddress }: Pick<CartRow, 'id' | 'shippingAddress'>,
  { totalWeightGrams, subtotal }: Pick<Summary, 'totalWeightGrams' | 'subtotal'>,
): Promise<DeliveryChoice[] | null> {
  if (!shippingAddress) return []
  const { countryCode, postalCode } = shippingAddress
  const representation = {
    __typename: 'Cart',
    id,
    totalWeightGrams,
    subtotal: { amount: toDecimal(subtotal), currencyCode: subtotal.currency },
    shippingAddress: { countryCode, postalCode },
  }
  const answer = await unlessUnreachable(ctx.call(DELIVERY_OPTIONS, { representations: [representation] }))
  const [cart] = answer?._entities ?? []
  const options = cart && 'deliveryOptions' in cart ? cart.deliveryOptions : null
  return (
    options?.map(({ price, ...option }) => {
      const money = parseMoney(price)
      if (!money) throw new Error(`Delivery option ${option.id} has no price that can be counted in`)
      return { ...option, price: money }
    }) ?? null
  )
}
