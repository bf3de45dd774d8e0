import { z } from 'zod'
import { parseMoney, toDecimal, type Money } from './money.ts'

interface Range {
  /** Minor units; default 0. */
  least?: number
  most?: number
}

/**
 * A check for a `MoneyInput`: in the store's `currency`, or NOT_APPLICABLE at `currencyCode`; in the range, or INVALID at
 * `amount`; both at once. It leaves the value as it is, as a schema that transforms hides what is wrong with other fields:
 * `moneyOf` makes of a checked one what it names.
 */
export const moneyIn = (currency: string, { least = 0, most = Number.MAX_SAFE_INTEGER }: Range = {}) =>
  z.object({ amount: z.string(), currencyCode: z.string() }).superRefine((given, { addIssue }) => {
    const isForeign = given.currencyCode !== currency
    if (isForeign) {
      const params = { code: 'NOT_APPLICABLE' }
      addIssue({ code: 'custom', path: ['currencyCode'], message: `The store sells in ${currency}.`, params })
    }
    const minor = parseMoney(given)?.amountMinor ?? -1
    const isBeyond = !isForeign && minor > most
    if (minor >= least && !isBeyond) return
    const message = isBeyond
      ? `At most ${toDecimal({ amountMinor: most, currency })} ${currency}.`
      : `This is not an amount of ${given.currencyCode}${least > 0 ? ' above 0' : ''}.`
    addIssue({ code: 'custom', path: ['amount'], message })
  })

/** The amount of a `MoneyInput` that `moneyIn` found nothing wrong with. */
export const moneyOf = (checked: { amount: string; currencyCode: string }): Money => parseMoney(checked)!
