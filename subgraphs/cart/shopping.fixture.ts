import type { ExecutionResult } from 'graphql'
import { demoId, uuidv7 } from '#platform/ids.ts'
import type { Viewer } from '#platform/viewer.ts'
import { openParts, type Parts } from '../../tests/setup/parts.ts'
import { untilWaiting } from '../../tests/setup/waiting.ts'
import type { SubgraphName } from '../all.ts'
import { raiseEpoch } from './price-epoch.ts'
import { cartLines } from './tables.ts'

export const TEE = { sku: 'TEE-LINEN-BLU-M', id: demoId('variant/TEE-LINEN-BLU-M') }
export const MUG = { sku: 'MUG-STONE-GRY', id: demoId('variant/MUG-STONE-GRY') }

const CART = `id status version owner { id } lineCount totalQuantity totalWeightGrams
  lines { id sku title quantity variant { id } unitPrice { amount currencyCode } discountTotal { amount } taxTotal { amount } total { amount } }
  buyerEmail note shippingAddress { line1 city countryCode location { latitude } } billingAddress { line1 }
  deliveryOption { id name price { amount } estimatedFrom estimatedTo }
  taxLines { title rate amount { amount } isIncludedInPrice }
  discountCodes { code isApplicable reason }
  discounts { promotion { id name kind code } amount { amount } lineId }
  subtotal { amount currencyCode } discountTotal { amount } shippingTotal { amount } taxTotal { amount } total { amount }
  problems { __typename
    ... on LineQuantityReduced { available line { sku quantity } } ... on LineOutOfStock { line { sku quantity } }
    ... on LinePriceChanged { previous { amount } current { amount } } ... on LineUnavailable { line { sku } }
    ... on DeliveryOptionStale { previousOptionId } ... on LineLeftOut { reason variant { id } title sku quantity }
    ... on DiscountCodeLeftOut { code } ... on BuyerDetailLeftOut { detail } }`
const ERRORS = `userErrors { __typename code field
  ... on InsufficientStockError { variant { id } requested available }
  ... on StaleVersionError { currentVersion } ... on StateTransitionError { fromState toState allowed } }`

type Answer = NonNullable<ExecutionResult<Awaited<ReturnType<Parts['ask']>>>['data']>

/** The cart with some of its neighbours, seeded, and what its tests do again and again. */
export async function openShop(...names: SubgraphName[]) {
  const shop = await openParts(names)
  for (const name of names) await shop.part(name).subgraph.seed?.(shop.part(name).ownContext())
  const db = () => shop.part('cart').ownContext().db

  const mutate = async (viewer: Viewer, field: string, input: object, more = ''): Promise<Answer> => {
    const type = `${field[0]!.toUpperCase()}${field.slice(1)}Input!`
    const document = `mutation ($input: ${type}) { ${field}(input: $input) { cart { ${CART} } ${more} ${ERRORS} } }`
    return (await shop.ask('cart', viewer, document, { input }))[field]
  }
  /** The cart in use, or the one with this id. */
  const read = async (viewer: Viewer, id?: string): Promise<Answer> =>
    (await shop.ask('cart', viewer, `query ($id: ID) { cart(id: $id) { ${CART} } }`, { id })).cart
  const withLines = async (viewer: Viewer, lines: { variantId: string; quantity: number }[]): Promise<Answer> =>
    (await mutate(viewer, 'cartCreate', { lines })).cart
  const create = async (viewer: Viewer): Promise<string> => (await withLines(viewer, [])).id

  /** Has carts priced anew, as the facts of other parts do. */
  const pricesChanged = () => raiseEpoch(db())

  /** Waits until a statement of the cart's waits for a row that another transaction holds. */
  const somebodyWaits = (count = 1) => untilWaiting(db(), count)

  const variants = new Map<string, string>()
  const variantOf = (sku: string): string => {
    if (!variants.has(sku)) variants.set(sku, uuidv7())
    return variants.get(sku)!
  }
  /** Puts lines in past the catalogue, for tests without it. */
  const fill = async (cartId: string, quantities: Record<string, number>): Promise<void> => {
    const lines = Object.entries(quantities).map(([sku, quantity]) => ({
      cartId,
      sku,
      quantity,
      variantId: variantOf(sku),
      productId: variantOf(sku),
      title: sku,
      unitPriceMinor: 1_190,
      weightGrams: 100,
      taxCategory: 'standard',
      maxOrderQuantity: 10,
    }))
    await db().insert(cartLines).values(lines)
    await pricesChanged()
  }
  return { shop, db, pricesChanged, somebodyWaits, mutate, read, withLines, create, variantOf, fill }
}

/** `['2 tee', '1 mug']` */
export const contents = ({ lines }: Answer): string[] =>
  lines.map(({ quantity, sku }: { quantity: number; sku: string }) => `${quantity} ${sku}`)
