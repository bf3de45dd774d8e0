import { z } from 'zod'
import { fact } from '#platform/facts.ts'

/**
 * A product or one of its variants is another than before, or is gone: what somebody keeps of them is out of date. Of
 * stock and ratings it tells nothing.
 */
export const ProductChanged = fact('ProductChanged', 1, {
  productId: z.uuid(),
  /** The variants that changed or went with it: all of the product when the product itself did. */
  variantIds: z.array(z.uuid()),
})

/** What is needed to name a variant to somebody. */
const named = { variantId: z.uuid(), productId: z.uuid(), title: z.string(), sku: z.string() }

/** A variant runs out at a location: its available units came down to its threshold. The entity is the alert. */
export const LowStockRaised = fact('LowStockRaised', 1, {
  ...named,
  locationId: z.uuid(),
  location: z.string(),
  available: z.int(),
  threshold: z.int(),
})

/**
 * A variant can be bought again. Announced once per restock for each thousand of those who asked to be told; they have to
 * ask again for the next time.
 */
export const VariantBackInStock = fact('VariantBackInStock', 1, {
  ...named,
  /** A location that has it, and the units there. */
  locationId: z.uuid(),
  available: z.int(),
  /** Accounts that asked. */
  userIds: z.array(z.uuid()),
})
