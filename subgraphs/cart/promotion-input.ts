import { z } from 'zod'
import { isId } from '#platform/ids.ts'
import { moneyIn } from '#platform/money-input.ts'

const MAX_CATEGORIES = 100
const problem = (code: string, message: string) => ({ error: message, params: { code } })

/** A code that promotions may have: ASCII without spaces, so that upper and lower case are the same everywhere. */
const code = z
  .string()
  .trim()
  .regex(/^[\x21-\x7e]{1,50}$/, 'A code has 1 to 50 letters, digits and signs, and no spaces.')

const percent = z
  .string()
  .refine(
    (text) => /^\d{1,3}(\.\d{1,4})?$/.test(text) && Number(text) > 0 && Number(text) <= 100,
    'A part is above 0 and at most 100, with up to 4 decimals.',
  )

const units = z.int().min(1, 'At least one unit.').max(1_000, 'At most 1,000 units.')
const limit = z.int().min(1, 'At least one; leave it out for any number.')

// What a kind needs, no other kind has.
const terms = {
  percentOff: 'PERCENT_OFF',
  amountOff: 'AMOUNT_OFF',
  buyQuantity: 'BUY_X_GET_Y',
  getQuantity: 'BUY_X_GET_Y',
} as const

/** The input of `promotionUpsert`, all its problems found at once. */
export const promotionInput = ({ CURRENCY }: { CURRENCY: string }) =>
  z
    .object({
      id: z.string().refine(isId, problem('NOT_FOUND', 'No such promotion.')).nullish(),
      name: z.string().trim().min(1, 'Give it a name.').max(200, 'At most 200 characters.'),
      kind: z.enum(['PERCENT_OFF', 'AMOUNT_OFF', 'FREE_SHIPPING', 'BUY_X_GET_Y']),
      code: code.nullish(),
      percentOff: percent.nullish(),
      amountOff: moneyIn(CURRENCY, { least: 1 }).nullish(),
      minimumSubtotal: moneyIn(CURRENCY).nullish(),
      categoryIds: z
        .array(z.string().refine(isId, problem('NOT_FOUND', 'No such category.')))
        .min(1, 'At least one; leave it out for all goods.')
        .refine(({ length }) => length <= MAX_CATEGORIES, problem('LIMIT_EXCEEDED', `At most ${MAX_CATEGORIES}.`))
        .nullish(),
      buyQuantity: units.nullish(),
      getQuantity: units.nullish(),
      startsAt: z.date().nullish(),
      endsAt: z.date().nullish(),
      isActive: z.boolean().nullish(),
      usageLimit: limit.nullish(),
      perCustomerLimit: limit.nullish(),
    })
    .superRefine((given, { addIssue }) => {
      for (const [field, kind] of Object.entries(terms)) {
        const isGiven = given[field as keyof typeof terms] != null
        if (isGiven === (given.kind === kind)) continue
        const [code, message] = isGiven ? ['INVALID', `Only for ${kind}.`] : ['REQUIRED', `Needed for ${kind}.`]
        addIssue({ code: 'custom', path: [field], message, params: { code } })
      }
      if (given.startsAt && given.endsAt && given.endsAt <= given.startsAt) {
        addIssue({ code: 'custom', path: ['endsAt'], message: 'It ends after it starts.' })
      }
    })
