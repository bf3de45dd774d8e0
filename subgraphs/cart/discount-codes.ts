import { z } from 'zod'
import type { Context } from '#platform/context.ts'
import { parseInput } from '#platform/user-errors.ts'
import type { Owner } from '#platform/viewer.ts'
import { changeCart, tell, told } from './carts.ts'
import { MAX_CODES, distinctCodes } from './promotion.ts'
import type { CartDiscountCodesSetInput } from './schema.generated.ts'
import type { CartRow } from './tables.ts'

const codesInput = z.object({
  cartId: z.string(),
  codes: z
    .array(z.string().trim().min(1, 'Enter a code.').max(50, 'At most 50 characters.'))
    .refine((codes) => distinctCodes(codes).length <= MAX_CODES, {
      error: `At most ${MAX_CODES} codes.`,
      params: { code: 'LIMIT_EXCEEDED' },
    }),
})

/** Replaces the discount codes. Any code is kept; the cart says what became of it. */
export async function setDiscountCodes(ctx: Context, mine: Owner, input: CartDiscountCodesSetInput): Promise<CartRow> {
  const { cartId, codes } = parseInput(codesInput, input)
  const discountCodes = distinctCodes(codes)
  return await tell(ctx, await changeCart(ctx.db, ctx, mine, { cartId }, { discountCodes, ...told('codes') }))
}
