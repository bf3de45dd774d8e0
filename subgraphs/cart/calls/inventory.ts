import { operation, rejectOutage } from '#platform/calls.ts'
import type { Context } from '#platform/context.ts'
import { isId } from '#platform/ids.ts'
import { parseMoney } from '#platform/money.ts'
import type { Offer, Offers } from '../cart.ts'
import { unlessUnreachable } from '../outage.ts'
import type {
  KnownCategoriesQuery,
  KnownCategoriesQueryVariables,
  VariantsForCartQuery,
  VariantsForCartQueryVariables,
} from './inventory.generated.ts'

const VARIANTS_FOR_CART = operation<VariantsForCartQuery, VariantsForCartQueryVariables>(
  'inventory',
  /* GraphQL */ `
    query VariantsForCart($ids: [ID!]!, $withCategories: Boolean!) {
      variantsForCart(ids: $ids) {
        id
        sku
        title
        product {
          id
          name
          category @include(if: $withCategories) {
            id
            ancestors {
              id
            }
          }
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

const KNOWN_CATEGORIES = operation<KnownCategoriesQuery, KnownCategoriesQueryVariables>(
  'inventory',
  /* GraphQL */ `
    query KnownCategories($representations: [_Any!]!) {
      _entities(representations: $representations) {
        ... on Category {
          id
        }
      }
    }
  `,
)

// The most that inventory answers at once.
const BATCH = 100

/**
 * What the catalogue says of variants now, in one call per 100; null when it cannot be reached. The categories cost it
 * more, so they are asked for when a promotion depends on them.
 */
export async function offersFor(
  ctx: Pick<Context, 'call'>,
  variantIds: readonly string[],
  { withCategories = false }: { withCategories?: boolean } = {},
): Promise<Offers> {
  const ids = [...new Set(variantIds.filter(isId))]
  const batches = Array.from({ length: Math.ceil(ids.length / BATCH) }, (_, index) =>
    ids.slice(index * BATCH, (index + 1) * BATCH),
  )
  const answers = await unlessUnreachable(
    Promise.all(batches.map((batch) => ctx.call(VARIANTS_FOR_CART, { ids: batch, withCategories }))),
  )
  if (!answers) return null
  const offers = answers.flatMap(({ variantsForCart }) =>
    variantsForCart.flatMap((variant) => (variant ? [offerOf(variant, withCategories)] : [])),
  )
  return new Map(offers.map((offer) => [offer.variantId, offer]))
}

function offerOf(
  variant: NonNullable<VariantsForCartQuery['variantsForCart'][number]>,
  withCategories: boolean,
): Offer {
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
    categoryIds: withCategories ? categoriesOf(variant.product.category) : null,
    available: variant.stock?.available ?? (variant.availability === 'OUT_OF_STOCK' ? 0 : variant.maxOrderQuantity),
  }
}

const categoriesOf = (category: { id: string; ancestors: readonly { id: string }[] } | null | undefined): string[] =>
  category ? [category.id, ...category.ancestors.map(({ id }) => id)] : []

/**
 * Which of these are ids of categories.
 * @throws Rejection UPSTREAM_UNAVAILABLE
 */
export async function knownCategories(ctx: Pick<Context, 'call'>, ids: readonly string[]): Promise<Set<string>> {
  const representations = ids.map((id) => ({ __typename: 'Category', id }))
  const { _entities } = await ctx.call(KNOWN_CATEGORIES, { representations }).catch(rejectOutage)
  return new Set(_entities.flatMap((entity) => (entity && 'id' in entity ? [entity.id] : [])))
}
