import type { Guard } from './guard.ts'
import { cartGuards } from './cart.ts'
import { inventoryGuards } from './inventory.ts'
import { ordersGuards } from './orders.ts'
import { paymentsGuards } from './payments.ts'

/** Every guard of a purchase, by whoever keeps it. */
export const guards: readonly Guard[] = [...inventoryGuards, ...cartGuards, ...ordersGuards, ...paymentsGuards]
