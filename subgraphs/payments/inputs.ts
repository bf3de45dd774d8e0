import { z } from 'zod'
import { isId } from '#platform/ids.ts'
import { parseMoney } from '#platform/money.ts'

export const id = z.string().refine(isId, 'This is not an id.')

/** A key chosen by the caller; `parseInput` checks its length. */
export const idempotencyKey = z.string()

/** An amount of more than nothing in `currency`. */
export const amountIn = (currency: string) =>
  z.object({ amount: z.string(), currencyCode: z.string() }).transform((given, { addIssue }) => {
    const money = parseMoney(given)
    if (given.currencyCode !== currency) {
      addIssue({
        code: 'custom',
        path: ['currencyCode'],
        message: `This store takes ${currency}.`,
        params: { code: 'NOT_APPLICABLE' },
      })
    } else if (!money || money.amountMinor <= 0) {
      addIssue({ code: 'custom', path: ['amount'], message: `This is not an amount of ${currency} above 0.` })
    } else return money
    return z.NEVER
  })
