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
