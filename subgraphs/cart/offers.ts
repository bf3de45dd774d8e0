import type { Context } from '#platform/context.ts'
import { loadGrouped } from '#platform/loader.ts'
import { offersFor } from './calls/inventory.ts'
import type { Offer, Offers } from './cart.ts'

interface Asked {
  variantId: string
  withCategories: boolean
}

const UNREACHABLE = Symbol('the catalogue cannot be reached')

const offerLoader = loadGrouped(
  async (ctx: Context, asked: readonly Asked[]): Promise<(Offer | null | typeof UNREACHABLE)[]> => {
    const [{ withCategories }] = asked as [Asked]
    const offers = await offersFor(
      ctx,
      asked.map(({ variantId }) => variantId),
      { withCategories },
    )
    return asked.map(({ variantId }) => (offers ? (offers.get(variantId) ?? null) : UNREACHABLE))
  },
  { keyOf: ({ variantId }) => variantId, argsOf: ({ withCategories }) => String(withCategories) },
)

/** The same once per request: what was asked for a change is not asked again to show what came of it. */
export async function offersOnce(
  ctx: Context,
  variantIds: readonly string[],
  { withCategories = false }: { withCategories?: boolean } = {},
): Promise<Offers> {
  const loader = offerLoader(ctx)
  const loaded = await Promise.all(variantIds.map((variantId) => loader.load({ variantId, withCategories })))
  const offers = new Map<string, Offer>()
  for (const offer of loaded) {
    if (offer === UNREACHABLE) return null
    if (offer) offers.set(offer.variantId, offer)
  }
  return offers
}
