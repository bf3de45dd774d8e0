import type { Guard } from './guard.ts'

export const ordersGuards: readonly Guard[] = []
