import { operation } from '#platform/calls.ts'
import type { Context } from '#platform/context.ts'
import { isId } from '#platform/ids.ts'
import { parseMoney } from '#platform/money.ts'
import type { Offer, Offers } from '../cart.ts'
import { unlessUnreachable } from '../outage.ts'
import type { VariantsForCartQuery, VariantsForCartQueryVariables } from './inventory.generated.ts'

const VARIANTS_FOR_CART = operation<VariantsForCartQuery, VariantsForCartQueryVariables>(
  'inventory',
  /* GraphQL */ `
    query VariantsForCart($ids: [ID!]!) {
      variantsForCart(ids: $ids) {
        id
        sku
        title
        product {
          id
          name
        }
        price {
          amount
          currencyCode
        }
        availability
        maxOrderQuantity
        weightGrams
        taxCategory
        stock {
          available
        }
      }
    }
  `,
)

// The most that inventory answers at once.
const BATCH = 100

/** What the catalogue says of variants now, in one call per 100; null when it cannot be reached. */
export async function offersFor(ctx: Pick<Context, 'call'>, variantIds: readonly string[]): Promise<Offers> {
  const ids = [...new Set(variantIds.filter(isId))]
  const batches = Array.from({ length: Math.ceil(ids.length / BATCH) }, (_, index) =>
    ids.slice(index * BATCH, (index + 1) * BATCH),
  )
  const answers = await unlessUnreachable(
    Promise.all(batches.map((batch) => ctx.call(VARIANTS_FOR_CART, { ids: batch }))),
  )
  if (!answers) return null
  const offers = answers.flatMap(({ variantsForCart }) =>
    variantsForCart.flatMap((variant) => (variant ? [offerOf(variant)] : [])),
  )
  return new Map(offers.map((offer) => [offer.variantId, offer]))
}

function offerOf(variant: NonNullable<VariantsForCartQuery['variantsForCart'][number]>): Offer {
  const price = parseMoney(variant.price)
  if (!price) throw new Error(`Variant ${variant.id} has no price that can be counted in`)
  return {
    variantId: variant.id,
    productId: variant.product.id,
    sku: variant.sku,
    title: `${variant.product.name} – ${variant.title}`,
    unitPriceMinor: price.amountMinor,
    weightGrams: variant.weightGrams,
    taxCategory: variant.taxCategory,
    maxOrderQuantity: variant.maxOrderQuantity,
    available: variant.stock?.available ?? (variant.availability === 'OUT_OF_STOCK' ? 0 : variant.maxOrderQuantity),
  }
}
