import { cartChangeGuards } from './cart-changes.ts'
import { cartHoldGuards } from './cart-holds.ts'
import { cartPriceGuards } from './cart-prices.ts'
import { cartRuleGuards } from './cart-rules.ts'
import type { Guard } from './guard.ts'

export const cartGuards: readonly Guard[] = [
  ...cartChangeGuards,
  ...cartHoldGuards,
  ...cartPriceGuards,
  ...cartRuleGuards,
]
