import type { Guard } from './guard.ts'

export const inventoryGuards: readonly Guard[] = []
