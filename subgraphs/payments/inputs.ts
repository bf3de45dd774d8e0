import { z } from 'zod'
import { isId } from '#platform/ids.ts'
import { moneyIn, moneyOf } from '#platform/money-input.ts'

export const id = z.string().refine(isId, 'This is not an id.')

/** An amount of more than nothing in `currency`. */
export const amountIn = (currency: string) => moneyIn(currency, { least: 1 }).transform(moneyOf)
