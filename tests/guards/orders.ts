import type { Guard } from './guard.ts'
import { orderGuards } from './orders-afterwards.ts'
import { checkoutGuards } from './orders-checkouts.ts'
import { orderTables } from './orders-tables.ts'

export const ordersGuards: readonly Guard[] = [...orderTables, ...checkoutGuards, ...orderGuards]
