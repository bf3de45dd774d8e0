import type { Guard } from './guard.ts'
import { bookingGuards } from './inventory-bookings.ts'
import { catalogueGuards } from './inventory-catalogue.ts'
import { holdGuards } from './inventory-holds.ts'
import { tableGuards } from './inventory-tables.ts'

export const inventoryGuards: readonly Guard[] = [...holdGuards, ...bookingGuards, ...tableGuards, ...catalogueGuards]
